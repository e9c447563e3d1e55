"""From what is asked to a session with nothing left open: rules first, then the data, then the plan for a budget."""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from dartboard.config import nest
from dartboard.data import ArrayData, look_at_dataset
from dartboard.pipeline.planning import plan_budget
from dartboard.pipeline.plans import Step
from dartboard.pipeline.presets import AUTO, PRESETS
from dartboard.pipeline.rules import Situation, decide_by_rules
from dartboard.pipeline.searching import check_method
from dartboard.pipeline.session import Session, find_device, open_session
from dartboard.pipeline.settings import Decision, RunSettings, asked_settings, resolve_settings
from dartboard.runs import Observer, RunDirectory
from dartboard.space import Genotype

__all__ = ["Request", "open_request"]


@dataclass(frozen=True)
class Request:
    """What a command asks for, with what it leaves open.

    Attributes:
        layers: of settings, the later ones winning.
        steps: that the command takes.
        genotype: what is trained, where it is given.
    """

    layers: tuple[Mapping[str, Any], ...]
    steps: tuple[Step, ...]
    genotype: Genotype | None = None

    @cached_property
    def asked(self) -> RunSettings:
        """What the layers say; the space and the method may still be "auto"."""
        return asked_settings(*self.layers)

    @property
    def is_open(self) -> bool:
        """Whether anything is to be decided."""
        asked = self.asked
        decides = asked.budget is not None or PRESETS[asked.preset].space == AUTO
        return decides and not asked.decisions and asked.reselection is None and asked.analysis is None

    @cached_property
    def given(self) -> frozenset[str]:
        """Dotted names of the settings that are not to be decided."""
        names = {name for layer in self.layers for name, value in _leaves(nest(layer)) if value not in (None, AUTO)}
        names |= {"space"} if self.asked.space != AUTO else set()
        names |= {"method.name"} if self.asked.method.name != AUTO else set()
        return frozenset(names if self.genotype is None else names | {"space", "method.name"})

    def resolved(self, decisions: Sequence[Decision] = ()) -> RunSettings:
        """The settings with the decisions; raises what `resolve_settings` and `check_method` raise."""
        settings = resolve_settings(*self.layers, decisions=decisions)
        if "search" in self.steps:
            check_method(settings)
        return settings


@contextmanager
def open_request(
    request: Request, out: Path | None, *, resume: bool, observer: Observer, arrays: ArrayData | None = None
) -> Iterator[Session]:
    """Decide what is open, lock the run directory, read and divide the data; `Session.begin` records it.

    A run that is resumed keeps what was decided when it began.

    Args:
        request: what is asked for.
        out: the run directory; None takes a name under `runs/` from the settings.
        resume: go on with the run that the directory holds, or begin one.
        observer: hears of decisions about the data.
        arrays: the dataset, where it does not lie at the settings' source.

    Raises:
        DartboardError: the settings, the device, the directory or the data cannot be used, or the budget does not
            suffice; the directory is as it was.
    """
    settle = partial(_settle, request, resume=resume, arrays=arrays)
    begins = not request.is_open or request.resolved()  # settings that cannot be right are refused before any reading
    assert begins
    with open_session(request.asked, out, resume=resume, observer=observer, arrays=arrays, settle=settle) as session:
        if not request.is_open or session.settings.budget is None or session.run.has("settings.json"):
            yield session
            return
        observer.note("Some steps are timed, to plan for the budget.")
        started = time.perf_counter()
        planned, timetable = plan_budget(session, request.steps, request.given, request.genotype)
        yield replace(
            session,
            settings=request.resolved([*session.settings.decisions, *planned]),
            timetable=timetable,
            planning_seconds=time.perf_counter() - started,
        )


def _settle(request: Request, run: RunDirectory, *, resume: bool, arrays: ArrayData | None) -> RunSettings:
    """The settings by the decisions that the run began with, or else by the rules."""
    if not request.is_open:
        return request.resolved()
    if resume and run.has("settings.json"):
        stored = run.read("settings.json").get("decisions", ())
        return request.resolved([Decision.model_validate(decision) for decision in stored])
    asked = request.asked
    look = look_at_dataset(arrays or asked.source, asked.data)
    accelerator = find_device(asked.device).type != "cpu"
    situation = Situation(look, asked.budget, accelerator, asked.objective)
    return request.resolved(list(decide_by_rules(situation, request.given)))


def _leaves(layer: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in layer.items():
        if isinstance(value, Mapping):
            yield from _leaves(value, f"{prefix}{key}.")
        else:
            yield prefix + key, value
