"""Opening a session and announcing it, for every verb that makes a run."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from dartboard.budget import expected_seconds, is_short
from dartboard.data import Data, given_arrays
from dartboard.devices import device_name
from dartboard.display import fitting_observer
from dartboard.errors import DeviceMemoryError
from dartboard.processors import what_threads_do
from dartboard.records import Beginning
from dartboard.runs import Observer
from dartboard.session import Session, check_limit, check_sizes, check_start
from dartboard.session.rates import alpha_rates
from dartboard.session.search import num_learning_images
from dartboard.settings import Request, Step
from dartboard.settings.replaced import replaced_settings
from dartboard.space import Genotype
from dartboard.wording import duration, plain_value
from dartboard.workflow.finalists import check_finalists
from dartboard.workflow.open import open_request
from dartboard.workflow.plan import announce
from dartboard.workflow.seeds import check_choice

__all__ = ["Layer", "Place", "begin", "opened"]

Layer = Mapping[str, Any]
Place = str | Path

LONG_SECONDS = 86_400.0
"""A run that takes longer than a day is warned of."""


@contextmanager
def opened(
    data: Data | None, request: Request, out: Place | None, resume: bool, observer: Observer | None
) -> Iterator[Session]:
    """A session with all automatic choices made; networks and comparisons that are impossible are refused first.

    Args:
        data: the user's data; only arrays are taken from it, other data is in the request.
        request: what the command asks for.
        out: the run directory; None makes a new one under `runs/`.
        resume: continue the run in `out`.
        observer: is told about progress; None for no one.

    Raises:
        DartboardError: the request cannot be carried out, or the device has too little memory for it.
    """
    with (
        observer or fitting_observer() as watching,
        open_request(
            request,
            Path(out) if out else None,
            resume=resume,
            observer=watching,
            arrays=given_arrays(data),
        ) as session,
    ):
        check_limit(session, request.steps)
        check_sizes(session, request.steps)
        if "search" in request.steps:
            check_choice(session)
            check_finalists(session)
        check_start(session, request.steps)
        session.check_dataset()
        session.follow_dataset()
        try:
            yield session
        except torch.OutOfMemoryError as error:
            raise DeviceMemoryError(
                f"the memory of {device_name(session.device)} is too small for this run; lower search.batch_size, "
                "train.batch_size, init_channels or data.image_size, and begin a new run."
            ) from error


def begin(session: Session, steps: Sequence[Step], command: str, genotype: Genotype | None = None) -> Session:
    """Say how long the run will take, record its settings and split, and tell the observer what it will do.

    Args:
        session: the session; nothing is recorded yet, or the run is resumed.
        steps: steps of the command.
        command: text to record as the command that was typed.
        genotype: the architecture to train, where it is known.

    Returns:
        The session, which also knows how long its phases are expected to take.
    """
    session = replace(session, expected=_expected(session, steps, genotype))
    session.begin()
    searches = "search" in steps and session.settings.reselection is None
    beginning = Beginning(
        device=device_name(session.device),
        steps=tuple(steps),
        command=command,
        replaced=replaced_settings(session.settings) if searches else (),
        alpha_rates=alpha_rates(session) if searches else (),
        search_images=num_learning_images(session) if searches else None,
    )
    beginning.write(session.run.path)
    session.observer.plan(announce(session, steps))
    if session.device.type == "cpu" and (told := what_threads_do()):
        session.observer.note(told)
    if (whole := sum(session.expected.values())) > LONG_SECONDS and not session.settings.budget:
        session.observer.note(
            f"This is expected to take {duration(whole)}. A budget (the setting 'budget', as in --budget 2h) plans the "
            "sizes and lengths for the time that you have; Ctrl-C stops the run, and --resume goes on with it."
        )
    for choice in session.settings.automatic_choices:
        session.observer.note(f"{choice.setting}={plain_value(choice.value)}: {choice.reason}.")
    for note in (*session.dataset.notes, *(finding.sentence for finding in session.checked.findings)):
        session.observer.note(note)
    return session


def _expected(session: Session, steps: Sequence[Step], genotype: Genotype | None) -> dict[str, float]:
    """Seconds of each phase: as planned for a budget, or by a forecast for a new run that is not short."""
    if session.timetable or session.settings.budget:
        return dict(session.timetable)
    if not steps or session.run.has("settings.json") or is_short(session, steps):
        return {}
    return expected_seconds(session, steps, genotype)
