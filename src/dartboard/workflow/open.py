"""A request becomes a session with nothing left open: rules choose, the data is read, and a budget is planned for."""

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
from dartboard.settings.automatic import Situation, choose_by_rules
from dartboard.settings.migration import migrate
from dartboard.settings.request import Request
from dartboard.settings.tree import AutomaticChoice, RunSettings, resolve_settings

__all__ = ["open_request"]


@contextmanager
def open_request(
    request: Request, out: Path | None, *, resume: bool, observer: Observer, arrays: ArrayData | None = None
) -> Iterator[Session]:
    """Choose what is open, lock the run directory, read and divide the data; `Session.begin` records it.

    A run that is resumed keeps what was chosen when it began.

    Args:
        request: what is asked for.
        out: the run directory; None takes a name under `runs/` from the settings.
        resume: go on with the run that the directory holds, or begin one.
        observer: hears of what is noteworthy about the data.
        arrays: the dataset, where it does not lie at the settings' source.

    Raises:
        DartboardError: the settings, the device, the directory or the data cannot be used, or the budget does not
            suffice; the directory is as it was.
    """
    resolve_settings(*request.layers)  # what cannot be right is refused before anything is read
    settle = partial(_settle, request, resume=resume, arrays=arrays)
    with open_session(request.asked, out, resume=resume, observer=observer, arrays=arrays, settle=settle) as session:
        if not request.is_open or session.settings.budget is None or session.run.has("settings.json"):
            yield session
            return
        observer.note("Some steps are timed, to plan for the budget.")
        started = time.perf_counter()
        planned, timetable = plan_budget(session, request.steps, request.given, request.genotype)
        yield replace(
            session,
            settings=request.resolved([*session.settings.automatic_choices, *planned]),
            timetable=timetable,
            planning_seconds=time.perf_counter() - started,
        )


def _settle(request: Request, run: RunDirectory, *, resume: bool, arrays: ArrayData | None) -> RunSettings:
    """The settings by the automatic choices that the run began with, or else by the rules."""
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
    )
    return request.resolved(list(choose_by_rules(situation, request.given)))


def _recorded_choices(settings: dict[str, Any]) -> list[AutomaticChoice]:
    return [AutomaticChoice.model_validate(choice) for choice in migrate(settings).get("automatic_choices", ())]
