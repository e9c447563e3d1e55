"""Opening a session and announcing it, for every verb that makes a run."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from dartboard.data import Data, given_arrays
from dartboard.devices import device_name
from dartboard.display import fitting_observer
from dartboard.errors import DeviceMemoryError
from dartboard.processors import what_threads_do
from dartboard.runs import Observer
from dartboard.session import Session, check_sizes, check_start
from dartboard.settings import Request, Step
from dartboard.workflow import announce, check_choice, check_finalists, open_request

__all__ = ["Layer", "Place", "begin", "opened"]

Layer = Mapping[str, Any]
Place = str | Path


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
        check_sizes(session, request.steps)
        if "search" in request.steps:
            check_choice(session)
            check_finalists(session)
        check_start(session, request.steps)
        session.check_dataset()
        try:
            yield session
        except torch.OutOfMemoryError as error:
            raise DeviceMemoryError(
                f"the memory of {device_name(session.device)} is too small for this run; lower search.batch_size, "
                "train.batch_size, init_channels or data.image_size, and begin a new run."
            ) from error


def begin(session: Session, steps: Sequence[Step]) -> None:
    """Record settings and split of the run, and tell the observer what the run will do."""
    session.begin()
    session.observer.plan(announce(session, steps))
    if session.device.type == "cpu" and (told := what_threads_do()):
        session.observer.note(told)
    for choice in session.settings.automatic_choices:
        session.observer.note(f"{choice.setting}={choice.value}: {choice.reason}.")
    for note in session.dataset.notes:
        session.observer.note(note)
