"""The position of a training in its schedule, also when its length changes, and the learning rate at that position."""

import math
from dataclasses import asdict, dataclass
from typing import Any, Self

from dartboard.training.training_settings import TrainSettings

__all__ = ["Schedule", "learning_rate"]


@dataclass
class Schedule:
    """Position in a schedule. When the number of epochs changes, the rest of the schedule is stretched, without a jump.

    Attributes:
        epochs: number of epochs that are planned now.
        planned: number of epochs planned at the start; the shape of the schedule is made for it.
        since: number of epochs done at the last change.
        position_then: position at the last change, in epochs of the planned schedule.
    """

    epochs: int
    planned: int
    since: int = 0
    position_then: float = 0.0

    @classmethod
    def of(cls, epochs: int) -> Self:
        """The schedule of a training that begins."""
        return cls(epochs, epochs)

    def position(self, epoch: int, step: int = 0, steps: int = 1) -> float:
        """Position in the planned schedule, in steps.

        Args:
            epoch: number of whole epochs done.
            step: number of steps done in the next epoch.
            steps: number of steps of an epoch.
        """
        done = epoch * steps + step
        if not self.since:
            return done * self.planned / self.epochs
        start, end = self.since * steps, self.epochs * steps
        left = (self.planned - self.position_then) * steps
        return self.position_then * steps + left * (done - start) / (end - start)

    def change(self, done: int, epochs: int) -> None:
        """Change the number of epochs in all to `epochs`, which is larger than the number `done` so far."""
        self.position_then, self.since, self.epochs = self.position(done), done, epochs

    def to_json(self) -> dict[str, Any]:
        """Plain data; `Schedule(**data)` restores the schedule."""
        return asdict(self)


_STARTS = {"one-cycle": 0.1, "triangle": 0.2}
"""Schedule -> the share of the largest rate at which it starts."""


def learning_rate(settings: TrainSettings, step: float, steps: int, steps_per_epoch: int) -> float:
    """The learning rate of one step.

    Args:
        settings: the schedule, its rates and its warm-up.
        step: number of steps done; not a whole number if the schedule is stretched.
        steps: number of steps in all.
        steps_per_epoch: number of steps of an epoch; "cosine" and "linear" change only once per epoch, as in the
            papers.
    """
    epoch, epochs = step // steps_per_epoch, steps // steps_per_epoch
    if settings.schedule == "cosine":
        return _cosine(epoch / epochs, settings.lr, settings.lr_min)
    if settings.schedule == "linear":
        share = _linear(epoch, epochs, round(settings.warmup_fraction * epochs))
        return settings.lr_min + (settings.lr - settings.lr_min) * share
    rising = max(1, round(settings.warmup_fraction * steps))
    if step < rising:
        start = _STARTS[settings.schedule]
        return settings.lr * (start + (1 - start) * step / rising)
    progress = (step - rising) / max(1, steps - rising)
    if settings.schedule == "triangle":
        return settings.lr + (settings.lr_min - settings.lr) * progress
    return _cosine(progress, settings.lr, settings.lr_min)


def _linear(epoch: float, epochs: int, warmup: int) -> float:
    """Factor of the learning rate in an epoch, as for ImageNet in P-DARTS (arXiv:1904.12760, the authors' code)."""
    falling = max(1, epochs - warmup)
    share = (falling - epoch) / falling if epoch < falling else (epochs - epoch) / (warmup * falling)
    return share * (epoch + 1) / warmup if epoch < warmup else share


def _cosine(progress: float, start: float, end: float) -> float:
    return end + (start - end) * (1 + math.cos(math.pi * progress)) / 2
