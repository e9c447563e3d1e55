"""The length of a search or a training: in epochs and steps, and in seconds of work."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import NamedTuple

from dartboard.runs.events import TrainEpoch

__all__ = ["Length", "TimeLimit"]

_RECENT = 3
_SLACK = 0.02
_UNUSED = 0.05
"""More epochs are as long as possible unless that leaves more than this share of the time unused."""

_GROWING = 0.25


class Length(NamedTuple):
    """The length of a search or a training.

    Attributes:
        epochs: number of epochs in all.
        steps: number of steps of each epoch, at most; an epoch also ends after its last image. None: no other limit.
    """

    epochs: int
    steps: int | None


@dataclass(frozen=True)
class TimeLimit:
    """A limit of the working time of one training; the training gets as many steps as fit into it.

    Usually the number of epochs stays, and each epoch gets more or fewer steps; with whole epochs only, the time of up
    to one epoch would be left unused. The number of epochs becomes smaller if each epoch would have less than half of
    the steps of the first one, since scoring the network takes time too. It becomes larger if there is time for more
    epochs of the largest number of steps, or nearly so many.

    Attributes:
        seconds: seconds of work from the first epoch to the last.
        most: the largest length that the training may get; its `steps` is a number.
        alone: whether no later training waits for this one. Otherwise it becomes longer than it has been only in its
            first quarter or after its first epoch.
    """

    seconds: float
    most: Length
    alone: bool = False

    def fit(self, now: Length, epochs: Sequence[TrainEpoch]) -> Length:
        """Fit the length of the training to the limit.

        Args:
            now: the planned length; its `steps` is a number.
            epochs: the events of the epochs done, at least one.

        Returns:
            `now`, if it fits well enough. Otherwise a new length: at least half an epoch more than is done, so that the
            learning rate can fall to its end.
        """
        done = len(epochs)
        if done >= now.epochs:
            return now
        # The medians: a single epoch that something disturbed says nothing about the next ones.
        recent = epochs[-_RECENT:]
        step = median((event.seconds - event.scoring_seconds) / event.whole_steps for event in recent)
        scoring = median(event.scoring_seconds for event in recent)
        rest = self.seconds - math.fsum(event.seconds for event in epochs)
        most = self.most
        if not self.alone and done > max(1, _GROWING * now.epochs):
            longest = max(math.ceil(event.whole_steps) for event in epochs)
            most = Length(max(event.epochs for event in epochs), longest)
        assert now.steps is not None
        assert most.steps is not None
        whole = rest / (most.steps * step + scoring)
        longer = math.floor(whole) if whole - math.floor(whole) <= _UNUSED * whole else math.ceil(whole)
        left = max(now.epochs - done, min(most.epochs - done, longer))
        fitting = (rest / left - scoring) / step
        least = math.ceil(epochs[0].whole_steps / 2)
        if fitting < least:
            left = max(1, math.floor(rest / (least * step + scoring)))
            fitting = (rest / left - scoring) / step
        if left == now.epochs - done and (1 - _SLACK) * now.steps <= fitting < now.steps:
            return now
        return Length(done + left, max(least, min(most.steps, math.floor(fitting))))
