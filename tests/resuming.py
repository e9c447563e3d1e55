"""Stopping a run at a step, and comparing what runs did but not how long it took them."""

from collections.abc import Iterable

from dartboard.runs import Event, Observer

__all__ = ["StopIn", "Stopped", "timeless"]

_TIMES = ("seconds", "scoring_seconds")


class Stopped(Exception):
    """Stands for a kill."""


class StopIn(Observer):
    """Raises `Stopped` in one step.

    Args:
        step: number of the step, from 1 on.
    """

    def __init__(self, step: int) -> None:
        self.left = step

    def step(self) -> None:
        self.left -= 1
        if self.left == 0:
            raise Stopped


def timeless(events: Iterable[Event]) -> list[Event]:
    """The events with all durations 0."""
    return [event.model_copy(update={name: 0.0 for name in _TIMES if hasattr(event, name)}) for event in events]
