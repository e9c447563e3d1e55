"""An observer that knows at any time how far its run is."""

import time
from collections.abc import Callable, Mapping
from typing import Any

from dartboard.runs.events import Epoch
from dartboard.runs.observer import Observer

__all__ = ["ProgressKeeper"]


class ProgressKeeper(Observer):
    """Takes down how far a run is, for others to ask; passes everything on.

    Args:
        display: is told the same.
        clock: seconds of a clock that counts forward.
    """

    def __init__(self, display: Observer, clock: Callable[[], float] = time.monotonic) -> None:
        self._display, self._clock = display, clock
        self.clear()

    def clear(self) -> None:
        """Begin with another run."""
        self._phase, self._epoch, self._epochs = "", 0, 0
        self._steps, self._whole, self._first, self._began = 0, 0, 0, 0.0
        self._ends: float | None = None

    def told(self) -> dict[str, Any]:
        """The fields of `TrialProgress` that are known here, as plain data."""
        now, moved = self._clock(), self._steps - self._first
        left = None if self._ends is None else max(0.0, self._ends - now)
        if left is None and moved:
            left = (now - self._began) / moved * max(0, self._whole - self._steps)
        share = min(1.0, self._steps / self._whole) if self._whole else 0.0
        return {"phase": self._phase, "epoch": self._epoch, "epochs": self._epochs, "share": share, "left": left}

    def plan(self, rows: Mapping[str, str]) -> None:
        """Pass it on."""
        self._display.plan(rows)

    def expect(self, seconds: float) -> None:
        """Take down when the run is expected to end."""
        self._ends = self._clock() + seconds
        self._display.expect(seconds)

    def reading(self, done: int, total: int) -> None:
        """Pass it on."""
        self._display.reading(done, total)

    def note(self, sentence: str) -> None:
        """Pass it on."""
        self._display.note(sentence)

    def begin(self, phase: str, *, epochs: int, steps: int, done: int) -> None:
        """Take down what begins."""
        self._phase, self._epoch, self._epochs = phase, done, epochs
        self._steps = self._first = done * steps
        self._whole, self._began = epochs * steps, self._clock()
        self._display.begin(phase, epochs=epochs, steps=steps, done=done)

    def resize(self, *, epochs: int, steps: int, done: int) -> None:
        """Take down the new length."""
        self._epochs, self._whole = epochs, self._steps + (epochs - done) * steps
        self._display.resize(epochs=epochs, steps=steps, done=done)

    def step(self) -> None:
        """Count the step."""
        self._steps += 1
        self._display.step()

    def epoch(self, event: Epoch) -> None:
        """Count the epoch."""
        self._epoch = event.epoch
        self._display.epoch(event)

    def measured(self, name: str, done: int, total: int, *, phase: str = "analysis") -> None:
        """Take down the share that is done, and pass it on."""
        self._phase, self._steps, self._whole = phase, done, total
        self._display.measured(name, done, total, phase=phase)

    def end(self, phase: str) -> None:
        """Pass it on."""
        self._display.end(phase)
