"""Stopping a run at a step."""

from dartboard.runs import Observer
from dartboard.testing import Stopped

__all__ = ["StopIn"]


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
