"""What a run tells whoever watches it."""

from collections.abc import Mapping
from types import TracebackType
from typing import Self

from dartboard.runs.events import Epoch

__all__ = ["Observer"]


class Observer:
    """Is told of a run's progress and does nothing with it; displays override the methods for what they show.

    The verbs of the API enter it before their work and leave it when they are done, fail or are interrupted.
    """

    def __enter__(self) -> Self:
        """The work begins; entering again before it ends changes nothing."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """The work is over; leaving again changes nothing."""

    def plan(self, rows: Mapping[str, str]) -> None:
        """The plan of the work, before it begins: heading -> text."""

    def reading(self, done: int, total: int) -> None:
        """Images are being decoded: how many are done, of how many; not called when they come from the cache."""

    def note(self, sentence: str) -> None:
        """A sentence worth reading, such as a decision about the data."""

    def begin(self, phase: str, *, epochs: int, steps: int, done: int) -> None:
        """A phase ("search", "train") begins or resumes: its epochs, steps per epoch, epochs already done."""

    def resize(self, *, epochs: int, steps: int, done: int) -> None:
        """The current phase has become longer or shorter: its epochs, steps per epoch from now on, epochs done."""

    def step(self) -> None:
        """One step of the phase is done."""

    def epoch(self, event: Epoch) -> None:
        """An epoch is done; the event as recorded, a `SearchEpoch` or a `TrainEpoch`."""

    def measured(self, name: str, done: int, total: int) -> None:
        """A measurement of an analysis is done: its name, how many are done, and how many there are."""

    def end(self, phase: str) -> None:
        """The phase is done."""
