"""Turns a request into a session: automatic choices are made, the data is read, and the budget is planned."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from dartboard.budget.planner import plan_budget
from dartboard.data import ArrayData, look_at_dataset
from dartboard.devices import find_device
from dartboard.runs import Observer, RunDirectory
from dartboard.session.session import Session, open_session
from dartboard.settings.automatic import choose_by_rules
from dartboard.settings.migration import migrate
from dartboard.settings.request import Request
from dartboard.settings.situation import Situation
from dartboard.settings.tree import AutomaticChoice, RunSettings, resolve_settings

__all__ = ["open_request"]


@contextmanager
def open_request(
    request: Request, out: Path | None, *, resume: bool, observer: Observer, arrays: ArrayData | None = None
) -> Iterator[Session]:
    """Make the automatic choices, lock the run directory, and read and split the data; nothing is recorded yet.

    A resumed run keeps the automatic choices that it began with. `Session.begin` records settings and split.

    Args:
        request: what the command asks for.
        out: the run directory; None takes a name under `runs/` from the settings.
        resume: continue the run in the directory, or begin one there.
        observer: is told about the reading of the data and the timing of steps.
        arrays: the dataset, if it was given as arrays.

    Raises:
        DartboardError: the settings, the device, the directory or the data cannot be used, or the budget is too small.
            The directory is then unchanged.
    """
    resolve_settings(*request.layers)  # invalid settings are refused before any data is read
    settle = partial(_settle, request, resume=resume, arrays=arrays)
    with open_session(request.asked, out, resume=resume, observer=observer, arrays=arrays, settle=settle) as session:
        if not request.is_open or session.settings.budget is None or session.run.has("settings.json"):
            yield session
            return
        observer.note("Some steps are timed to plan the budget.")
        started = time.perf_counter()
        planned, timetable = plan_budget(session, request.steps, request.given, request.genotype)
        yield replace(
            session,
            settings=request.resolved([*session.settings.automatic_choices, *planned]),
            timetable=timetable,
            planning_seconds=time.perf_counter() - started,
        )


def _settle(request: Request, run: RunDirectory, *, resume: bool, arrays: ArrayData | None) -> RunSettings:
    """The settings with the automatic choices of a resumed run, or with those of the rules for a new run."""
    if not request.is_open:
        return request.resolved()
    if resume and run.has("settings.json"):
        return request.resolved(run.read_as("settings.json", _recorded_choices))
    asked = request.asked
    look = look_at_dataset(arrays or asked.source, asked.data)
    situation = Situation(
        look,
        asked.budget,
        accelerator=find_device(asked.device).type != "cpu",
        objective=asked.objective,
        unfit=request.unfit_spaces,
        space=asked.space,
        image_size=asked.data.image_size,
        contests=_may_contest(request),
        starts=asked.search.start_at is not None,
    )
    return request.resolved(list(choose_by_rules(situation, request.given)))


def _may_contest(request: Request) -> bool:
    """Whether nothing that the user asked for rules out a contest."""
    asked = request.asked
    decided = "baselines" in request.given or ("contest" in request.given and not asked.contest)
    return "train" in request.steps and request.genotype is None and not decided and asked.train.runs == 1


def _recorded_choices(settings: dict[str, Any]) -> list[AutomaticChoice]:
    return [AutomaticChoice.model_validate(choice) for choice in migrate(settings).get("automatic_choices", ())]
