"""Seconds of work on a run: of each phase, and of all attempts together."""

import time
from dataclasses import dataclass, field

from dartboard.runs import Epoch, Evaluated, MeasurementDone, PhaseEnd, Rollback, RunDirectory, Watched

__all__ = ["CHILD_FOLDERS", "Clock", "begun_seconds", "phase_seconds", "worked_seconds"]

CHILD_FOLDERS = {
    "search": "candidates",
    "finalists": "finalists",
    "contest": "contest",
    "baselines": "baselines",
}
"""Phase of a run -> folder with the inner runs that make up this phase."""


@dataclass(frozen=True)
class Clock:
    """Counts the seconds of work on a run.

    Attributes:
        earlier: seconds of earlier attempts, as far as they are recorded.
        started: value of `time.perf_counter` when this attempt began.
    """

    earlier: float = 0.0
    started: float = field(default_factory=time.perf_counter)

    @property
    def spent(self) -> float:
        """Seconds of work so far, in this attempt and earlier ones."""
        return self.earlier + time.perf_counter() - self.started


def phase_seconds(run: RunDirectory) -> dict[str, float]:
    """Seconds of each phase that has ended, and their `total`."""
    seconds = {event.phase: event.seconds for event in run.events.read() if isinstance(event, PhaseEnd)}
    return {**seconds, "total": sum(seconds.values())}


def begun_seconds(run: RunDirectory, phase: str) -> float:
    """Seconds of a phase's epochs (also those undone), measurements, watches, evaluations and inner runs."""
    events = [event for event in run.events.read() if event.phase == phase]
    own = sum(
        event.seconds for event in events if isinstance(event, Epoch | Rollback | MeasurementDone | Watched | Evaluated)
    )
    return own + _child_seconds(run, phase)


def worked_seconds(run: RunDirectory) -> float:
    """Seconds of all phases that have ended, and of the epochs and inner runs of the other phases."""
    events = run.events.read()
    ended = {event.phase: event.seconds for event in events if isinstance(event, PhaseEnd)}
    timed = [event for event in events if isinstance(event, Epoch | Rollback | Watched | Evaluated)]
    begun = sum(event.seconds for event in timed if event.phase not in ended)
    inside = sum(_child_seconds(run, phase) for phase in CHILD_FOLDERS if phase not in ended)
    return float(sum(ended.values()) + begun + inside)


def _child_seconds(run: RunDirectory, phase: str) -> float:
    folders = sorted((run.path / CHILD_FOLDERS[phase]).glob("*")) if phase in CHILD_FOLDERS else []
    return sum(worked_seconds(RunDirectory(folder)) for folder in folders)
