"""Seconds of work on a run: of its phases, and of all tries together."""

import time
from dataclasses import dataclass, field

from dartboard.runs import Epoch, MeasurementDone, PhaseEnd, Rollback, RunDirectory

__all__ = ["CHILD_FOLDERS", "Clock", "begun_seconds", "phase_seconds", "worked_seconds"]

CHILD_FOLDERS = {"search": "candidates", "finalists": "finalists", "baselines": "baselines"}
"""Phase of a run -> folder of the runs inside it that are the work of this phase."""


@dataclass(frozen=True)
class Clock:
    """Counts the seconds of work on a run.

    Attributes:
        earlier: seconds of earlier tries, as far as they left something behind.
        started: reading of `time.perf_counter` when this one began.
    """

    earlier: float = 0.0
    started: float = field(default_factory=time.perf_counter)

    @property
    def spent(self) -> float:
        """Seconds so far."""
        return self.earlier + time.perf_counter() - self.started


def phase_seconds(run: RunDirectory) -> dict[str, float]:
    """Seconds of each phase that ended, and their `total`."""
    seconds = {event.phase: event.seconds for event in run.events.read() if isinstance(event, PhaseEnd)}
    return {**seconds, "total": sum(seconds.values())}


def begun_seconds(run: RunDirectory, phase: str) -> float:
    """Seconds of the epochs and measurements of a phase, those that a return undid included, and of runs inside it."""
    events = [event for event in run.events.read() if event.phase == phase]
    own = sum(event.seconds for event in events if isinstance(event, Epoch | Rollback | MeasurementDone))
    return own + _child_seconds(run, phase)


def worked_seconds(run: RunDirectory) -> float:
    """Seconds of all phases that ended, of the epochs of those that did not, and of the runs inside this one."""
    events = run.events.read()
    ended = {event.phase: event.seconds for event in events if isinstance(event, PhaseEnd)}
    begun = sum(event.seconds for event in events if isinstance(event, Epoch | Rollback) and event.phase not in ended)
    inside = sum(_child_seconds(run, phase) for phase in CHILD_FOLDERS if phase not in ended)
    return float(sum(ended.values()) + begun + inside)


def _child_seconds(run: RunDirectory, phase: str) -> float:
    folders = sorted((run.path / CHILD_FOLDERS[phase]).glob("*")) if phase in CHILD_FOLDERS else []
    return sum(worked_seconds(RunDirectory(folder)) for folder in folders)
