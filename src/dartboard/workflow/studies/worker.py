"""A process that makes the trials of a study, one after the other, until nothing is left to do.

    python -m dartboard.workflow.studies.worker STUDY --threads 2

The environment variable DARTBOARD_STUDY_STATE holds the URL of the database, where it is not the one that the study
recorded. Any number of workers on any number of hosts can work on the same study.
"""

import _thread
import argparse
import os
import signal
import sys
import threading
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import FrameType, TracebackType
from typing import Self

import torch
from filelock import Timeout
from rich.console import Console

import dartboard.methods  # noqa: F401 - registers the methods
from dartboard.display import VerboseDisplay
from dartboard.errors import DartboardError, StateError, fault_log
from dartboard.runs import Observer, ProgressKeeper
from dartboard.workflow.studies.processes import host, this_process
from dartboard.workflow.studies.state import Claim, StudyState, Watch
from dartboard.workflow.studies.trial import Trial

__all__ = ["AFRESH", "PATIENCE", "RUNNER", "STATE_VARIABLE", "Job", "main", "work", "work_on"]

STATE_VARIABLE = "DARTBOARD_STUDY_STATE"

AFRESH = 75
"""Exit code of a worker after an error that may have left its process in disorder; another one is to go on."""

PATIENCE = 90.0
"""Seconds after which a claim of another host is that of a dead process if its count has not grown."""

RUNNER = "dartboard.workflow.studies.trial:run_trial"
"""The function that makes a trial, as MODULE:NAME."""

_SECONDS_BETWEEN_BEATS = 2.0
_SECONDS_OF_REST = 1.0
_OUTAGE = 600.0
"""Seconds for which the end of a trial is tried to be told to a database that does not answer."""

Runner = Callable[[Trial, Path, Observer], object]


@dataclass(frozen=True)
class Job:
    """What a worker must know.

    Attributes:
        folder: directory of the study.
        threads: threads that each trial computes with.
        retries: how often a trial that failed is tried again.
        patience: seconds after which a claim whose count does not grow is that of a dead process.
        runner: the function that makes a trial, as MODULE:NAME.
        parent: the process without which the worker ends; None for none.
    """

    folder: Path
    threads: int = 1
    retries: int = 1
    patience: float = PATIENCE
    runner: str = RUNNER
    parent: int | None = None

    def arguments(self) -> list[str]:
        """The arguments of the command line of a worker."""
        told = {"threads": self.threads, "retries": self.retries, "patience": self.patience, "runner": self.runner}
        return [str(self.folder), *(f"--{name}={value}" for name, value in told.items())]

    def make(self) -> Runner:
        """The function that makes a trial."""
        module, _, name = self.runner.partition(":")
        made: Runner = getattr(import_module(module), name)
        return made

    @property
    def is_left_alone(self) -> bool:
        """Whether the process that started the worker has ended."""
        return self.parent is not None and os.getppid() != self.parent


def work(job: Job, state: StudyState, display: Observer) -> int:
    """Make trials until none is left that waits or is being worked on.

    Args:
        job: what is to be done.
        state: state of the study.
        display: is told about the trials.

    Returns:
        An exit code: 0, or `AFRESH`.

    Raises:
        KeyboardInterrupt: the work was interrupted; the trial at hand waits for another worker.
        StateError: the database does not answer.
    """
    watch, process = Watch(job.patience), this_process()
    while True:
        claim = state.claim(uuid.uuid4().hex, process, host())
        if claim is None:
            trials = state.trials()
            if all(each.has_ended for each in trials):
                return 0
            if job.is_left_alone:
                raise KeyboardInterrupt
            if job.parent is None:  # otherwise that process watches, which also knows why a worker died
                watch.free(state, trials)
            time.sleep(_SECONDS_OF_REST)
        elif not work_on(claim, job, state, display):
            return AFRESH


def work_on(claim: Claim, job: Job, state: StudyState, display: Observer) -> bool:
    """Make one trial and tell what came of it.

    Args:
        claim: the trial, claimed.
        job: what is to be done.
        state: state of the study.
        display: is told about the trial.

    Returns:
        Whether this process can be used on.

    Raises:
        KeyboardInterrupt: the work was interrupted; the trial waits for another worker.
        StateError: the database has not answered for a long time.
    """
    torch.set_num_threads(job.threads)
    keeper, started = ProgressKeeper(display), time.monotonic()
    display.note(f"Trial {claim.trial.key} begins, in {job.folder / claim.trial.folder}.")
    with _Heart(claim, job, state, keeper) as heart:
        try:
            job.make()(claim.trial, job.folder, keeper)
        except KeyboardInterrupt:
            heart.stop()
            if heart.lost and not job.is_left_alone:
                display.note(f"Trial {claim.trial.key} is left to another process, which has taken it.")
                return True
            state.release(claim)
            raise
        except Exception as error:  # noqa: BLE001 - what goes wrong in one trial must not cost the others
            heart.stop()
            return _failed(error, claim, job, state, display)
    _told_at_last(lambda: state.finish(claim, time.monotonic() - started))
    display.note(f"Trial {claim.trial.key} has ended.")
    return True


def _failed(error: Exception, claim: Claim, job: Job, state: StudyState, display: Observer) -> bool:
    if isinstance(error.__cause__, Timeout):  # a process that was taken for dead still holds the run directory
        _told_at_last(lambda: state.release(claim))
        time.sleep(_SECONDS_OF_REST)
        return True
    known = isinstance(error, DartboardError)
    log = fault_log(error)
    reason = (
        str(error) if known else f"{type(error).__name__}: {error}" + (f" (all about it is in {log})" if log else "")
    )
    display.note(f"Trial {claim.trial.key} failed: {reason}")
    _told_at_last(lambda: state.fail(claim, reason, job.retries))
    return known and not isinstance(error, MemoryError)


def _told_at_last(tell: Callable[[], bool]) -> None:
    """Tell the database something, also if it does not answer for some time."""
    until = time.monotonic() + _OUTAGE
    while True:
        try:
            tell()
        except StateError:
            if time.monotonic() > until:
                raise
            time.sleep(_SECONDS_OF_REST)
        else:
            return


class _Heart:
    """Says in a thread of its own that the process lives; interrupts the work once the claim is lost.

    Attributes:
        lost: whether another process has taken the claim, or the process that started this one has ended.
    """

    def __init__(self, claim: Claim, job: Job, state: StudyState, keeper: ProgressKeeper) -> None:
        self._claim, self._job, self._state, self._keeper = claim, job, state, keeper
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="dartboard-heart", daemon=True)
        self.lost = False

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """Stop beating."""
        self._ended.set()
        if threading.current_thread() is not self._thread:
            self._thread.join()

    def _beat(self) -> None:
        while True:
            try:
                own = self._state.beat(self._claim, self._keeper.told())
            except StateError:
                own = True  # it may answer again
            if not own or self._job.is_left_alone:
                if not self._ended.is_set():
                    self.lost = True
                    _interrupt_main_thread()
                return
            if self._ended.wait(_SECONDS_BETWEEN_BEATS):
                return


def _interrupt_main_thread() -> None:
    """Do to the main thread what Ctrl-C does."""
    number = threading.main_thread().ident
    if number is not None and hasattr(signal, "pthread_kill"):
        signal.pthread_kill(number, signal.SIGINT)  # also wakes it where it waits
    else:
        _thread.interrupt_main()


def main(arguments: Sequence[str] | None = None) -> int:
    """Work on the study that the command line names, with a log of lines on standard error."""
    parser = argparse.ArgumentParser(prog="dartboard.workflow.studies.worker", description=__doc__)
    parser.add_argument("folder", type=Path, help="directory of the study")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--retries", type=int, default=1)
    parser.add_argument("--patience", type=float, default=PATIENCE)
    parser.add_argument("--runner", default=RUNNER)
    parser.add_argument("--shared", action="store_true", help="workers of other hosts use the same database")
    parser.add_argument("--parent", type=int, help="process without which this one ends")
    asked = vars(parser.parse_args(arguments))
    shared = asked.pop("shared")
    _end_in_order()
    display = VerboseDisplay(Console(stderr=True, width=200))
    try:
        state = StudyState.open(asked["folder"], os.environ.get(STATE_VARIABLE), shared=shared)
        return work(Job(**asked), state, display)
    except KeyboardInterrupt:
        display.note("This worker was stopped; what it has done is kept.")
        return 128 + signal.SIGTERM
    except DartboardError as error:
        display.note(str(error))
        return 2


def _end_in_order() -> None:
    """Let the first signal that asks this process to end interrupt it as Ctrl-C does; what follows is ignored."""

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        for each in (signal.SIGTERM, signal.SIGINT):
            signal.signal(each, signal.SIG_IGN)
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, interrupt)
    signal.signal(signal.SIGINT, signal.default_int_handler)


if __name__ == "__main__":
    sys.exit(main())
