"""Messages from a run to its display."""

from collections.abc import Mapping
from types import TracebackType
from typing import Self

from dartboard.runs.events import Epoch
from dartboard.runs.trial_progress import StudyProgress

__all__ = ["Observer"]


class Observer:
    """Receives the progress of a run and ignores it; displays override the methods for what they show.

    The functions of the API enter the observer before their work; they leave it when they are done, fail or are
    interrupted.
    """

    def __enter__(self) -> Self:
        """The work begins; entering a second time has no effect."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """The work is over; leaving a second time has no effect."""

    def plan(self, rows: Mapping[str, str]) -> None:
        """The plan of the work, before it begins: heading -> text."""

    def expect(self, seconds: float) -> None:
        """What is left of the run is expected to take so many seconds; told again whenever a phase begins."""

    def more_runs(self, left: int, seconds: float | None) -> None:
        """After the run at hand, so many are left, each of which may take `seconds`; None where that is not known."""

    def study(self, progress: StudyProgress) -> None:
        """How far a study is, whose trials other processes make; told every second or so."""

    def reading(self, done: int, total: int) -> None:
        """Images are being decoded: `done` of `total`; not called if the images come from the cache."""

    def note(self, sentence: str) -> None:
        """A sentence worth reading, such as a decision about the data."""

    def begin(self, phase: str, *, epochs: int, steps: int, done: int) -> None:
        """A phase ("search", "train") begins or resumes: its epochs, its steps per epoch, and the epochs done."""

    def resize(self, *, epochs: int, steps: int, done: int) -> None:
        """The length of the current phase has changed: its epochs, its steps per epoch from now on, the epochs done."""

    def step(self) -> None:
        """One step of the phase is done."""

    def epoch(self, event: Epoch) -> None:
        """An epoch is done; `event` is the recorded event, a `SearchEpoch` or a `TrainEpoch`."""

    def measured(self, name: str, done: int, total: int, *, phase: str = "analysis") -> None:
        """A measurement of a phase is done: its name, how much is done, and how much there is in all."""

    def end(self, phase: str) -> None:
        """The phase is done."""
