"""How far a training is in its schedule, also when its length changes on the way, and the learning rate there."""

import math
from dataclasses import asdict, dataclass
from typing import Any, Self

from dartboard.training.training_settings import TrainSettings

__all__ = ["Schedule", "learning_rate"]


@dataclass
class Schedule:
    """Position in a schedule of so many epochs; when their number changes, the rest is stretched and nothing jumps.

    Attributes:
        epochs: of the training as it is planned now.
        planned: epochs that the schedule's shape is made for: those planned at the start.
        since: epochs done at the last change.
        position_then: position at that time, in epochs of `planned`.
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
        """Steps of the planned schedule that `step` steps of `steps` after `epoch` whole epochs stand for."""
        done = epoch * steps + step
        if not self.since:
            return done * self.planned / self.epochs
        start, end = self.since * steps, self.epochs * steps
        left = (self.planned - self.position_then) * steps
        return self.position_then * steps + left * (done - start) / (end - start)

    def change(self, done: int, epochs: int) -> None:
        """After `done` epochs: let there be `epochs` in all, more than `done`."""
        self.position_then, self.since, self.epochs = self.position(done), done, epochs

    def to_json(self) -> dict[str, Any]:
        """Plain data, from which `Schedule(**...)` makes it again."""
        return asdict(self)


def learning_rate(settings: TrainSettings, step: float, steps: int, steps_per_epoch: int) -> float:
    """The learning rate of one step.

    Args:
        settings: which schedule.
        step: steps done; a fraction where the schedule is stretched.
        steps: steps in all.
        steps_per_epoch: "cosine" and "linear" change once per epoch only, as in the papers.
    """
    epoch, epochs = step // steps_per_epoch, steps // steps_per_epoch
    if settings.schedule == "cosine":
        return _cosine(epoch / epochs, settings.lr, settings.lr_min)
    if settings.schedule == "linear":
        share = _linear(epoch, epochs, round(settings.warmup_fraction * epochs))
        return settings.lr_min + (settings.lr - settings.lr_min) * share
    rising = max(1, round(settings.warmup_fraction * steps))
    if step < rising:
        return settings.lr * (0.1 + 0.9 * step / rising)
    return _cosine((step - rising) / max(1, steps - rising), settings.lr, settings.lr_min)


def _linear(epoch: float, epochs: int, warmup: int) -> float:
    """The share of the rate in an epoch; the training for ImageNet of P-DARTS (arXiv:1904.12760, the authors' code)."""
    falling = max(1, epochs - warmup)
    share = (falling - epoch) / falling if epoch < falling else (epochs - epoch) / (warmup * falling)
    return share * (epoch + 1) / warmup if epoch < warmup else share


def _cosine(progress: float, start: float, end: float) -> float:
    return end + (start - end) * (1 + math.cos(math.pi * progress)) / 2
