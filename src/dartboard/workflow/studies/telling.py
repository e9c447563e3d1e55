"""What a study tells its user while others make its trials: what has ended, what runs, and the time that is left."""

import time
from collections.abc import Callable, Sequence
from statistics import fmean

from dartboard.errors import StateError
from dartboard.runs import Observer, StudyProgress, TrialProgress
from dartboard.wording import count
from dartboard.workflow.studies.state import StudyState, TrialState
from dartboard.workflow.studies.trial import Trial

__all__ = ["Ended", "Telling", "failures_of", "progress_of"]

_OUTAGE = 120.0
"""Seconds after which a database that does not answer ends the command; what runs is interrupted in order."""

_READ_SECONDS = 1.0
"""A trial that has ended before is read in less time, and tells nothing of how long others take."""

Ended = Callable[[Trial, str | None], None]


def failures_of(trials: Sequence[TrialState]) -> dict[str, str]:
    """Key of each trial that has failed for good -> the reason."""
    return {each.key: each.error for each in trials if each.status == "failed"}


def progress_of(trials: Sequence[TrialState], at_once: int) -> StudyProgress:
    """How far a study is.

    Args:
        trials: what its trials are at.
        at_once: number of trials that are made at a time.
    """
    running = tuple(TrialProgress.of(each.key, each.progress, each.host) for each in trials if each.status == "running")
    waiting = sum(each.status == "waiting" for each in trials)
    took = [each.seconds for each in trials if each.status == "done" and (each.seconds or 0) > _READ_SECONDS]
    usual = fmean(each for each in took if each) if took else None
    rest = [each.left for each in running]
    if usual is not None:
        rest = [usual / 2 if left is None else left for left in rest]
    known = [left for left in rest if left is not None]
    whole = None
    if rest and len(known) == len(rest) and (usual is not None or not waiting):
        whole = max([(sum(known) + waiting * (usual or 0.0)) / max(1, at_once), *known])
    done, failed = (sum(each.status == status for each in trials) for status in ("done", "failed"))
    return StudyProgress(len(trials), done, failed, running, whole)


class Telling:
    """Looks at the state of a study, and tells what has changed since the last look.

    Attributes:
        known: what the trials were at when they were last looked at.
        observer: is told of the progress.

    Args:
        state: state of the study.
        observer: is told of the progress.
        ended: is called for every trial that has ended since.
    """

    def __init__(self, state: StudyState, observer: Observer, ended: Ended | None) -> None:
        self._state, self.observer, self._ended = state, observer, ended
        self._answered = time.monotonic()
        self.known = state.trials()

    def begin(self) -> None:
        """Say what is to be done, and where the state is kept."""
        done, failed = (sum(each.status == status for each in self.known) for status in ("done", "failed"))
        database = self._state.database
        missing = len(self.known) - done - failed
        if database.moved_from is not None:
            self.observer.note(
                f"The state of the study was in {database.moved_from} before; what has ended is read from the run "
                "directories."
            )
        kept = "" if database.is_file else f" The state of the study is kept in {database.place}."
        self.observer.note(f"{count(missing, 'trial')} of {len(self.known)} to be made, {done} done before.{kept}")

    def look(self, at_once: int = 1) -> list[TrialState] | None:
        """Look, tell, and return what the trials are at; None if the database does not answer at present.

        Raises:
            StateError: it has not answered for a long time.
        """
        try:
            trials = self._state.trials()
        except StateError:
            if time.monotonic() - self._answered > _OUTAGE:
                raise
            return None
        self._answered = time.monotonic()
        before = {each.key: each for each in self.known}
        self.known = trials
        for each in trials:
            self._tell(before.get(each.key), each)
        self.observer.study(progress_of(trials, at_once))
        return trials

    def _tell(self, before: TrialState | None, now: TrialState) -> None:
        if before is not None and now.failures > before.failures and now.status != "failed":
            self.observer.note(f"Trial {now.key} failed and is tried again: {now.error}")
        if now.has_ended and not (before and before.has_ended):
            if now.status == "failed":
                self.observer.note(f"Trial {now.key} failed: {now.error}")
            if self._ended:
                self._ended(now.trial, now.error if now.status == "failed" else None)
