"""How long a search or a training is: in epochs and steps, and in seconds of work."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import NamedTuple

from dartboard.runs.events import TrainEpoch

__all__ = ["Length", "TimeLimit"]

_RECENT = 3
_SLACK = 0.02
_GROWING = 0.25


class Length(NamedTuple):
    """How long a search or a training is.

    Attributes:
        epochs: in all.
        steps: of each epoch, which ends earlier when its images do. None: no other end.
    """

    epochs: int
    steps: int | None


@dataclass(frozen=True)
class TimeLimit:
    """The working time of one training, which gets as many steps as end within it.

    The epochs stay, with more or fewer steps each: whole epochs would leave up to one of them unused. There are fewer
    epochs where each would have less than half of the first one's steps, for scoring the network takes time too; and
    more where each is as long as it may be.

    Attributes:
        seconds: of work from its first epoch to its last.
        most: the length that it may come to, with a number of steps; only in its first quarter, or after its first
            epoch, does it become longer than it has been, for others wait.
    """

    seconds: float
    most: Length

    def fit(self, now: Length, epochs: Sequence[TrainEpoch]) -> Length:
        """How long the training will be.

        Args:
            now: as it is planned so far, with a number of steps.
            epochs: the events of those done, one or more.

        Returns:
            `now`, where that fits well enough; otherwise at least half an epoch more than is done, in which the rate
            falls to its end.
        """
        done = len(epochs)
        if done >= now.epochs:
            return now
        # One epoch that something disturbed foretells nothing.
        step = median(event.seconds / event.steps for event in epochs[-_RECENT:])
        affordable = (self.seconds - math.fsum(event.seconds for event in epochs)) / step
        most = self.most
        if done > max(1, _GROWING * now.epochs):
            most = Length(*(max(getattr(event, name) for event in epochs) for name in Length._fields))
        assert now.steps is not None
        assert most.steps is not None
        left = max(now.epochs - done, min(most.epochs - done, math.floor(affordable / most.steps)))
        fitting = affordable / left
        least = math.ceil(epochs[0].steps / 2)
        if fitting < least:
            left = max(1, math.floor(affordable / least))
            fitting = affordable / left
        if left == now.epochs - done and (1 - _SLACK) * now.steps <= fitting < now.steps:
            return now
        return Length(done + left, max(least, min(most.steps, math.floor(fitting))))
