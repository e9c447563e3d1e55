"""Means over an epoch, summed on the device so that no step has to wait for it."""

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor

__all__ = [
    "TEST_KEYS",
    "VALIDATION_KEYS",
    "Meter",
    "Objective",
    "Score",
    "ScoreMeter",
    "StepMeans",
    "validation_facts",
]

Objective = Literal["accuracy", "balanced-accuracy"]
"""What has the same weight in an accuracy: every image, or every class, whatever its number of images."""

VALIDATION_KEYS: Mapping[Objective, str] = {
    "accuracy": "validation_accuracy",
    "balanced-accuracy": "validation_balanced_accuracy",
}
"""Objective -> name of the validation accuracy in the events of epochs."""

TEST_KEYS: Mapping[Objective, str] = {"accuracy": "test_accuracy", "balanced-accuracy": "balanced_accuracy"}
"""Objective -> name of the test accuracy in the results of a run."""


class Score(NamedTuple):
    """Loss and accuracies of a network or supernet on labelled images.

    Attributes:
        loss: mean cross-entropy per image in nats.
        accuracy: share of the images that are classified correctly, as a fraction.
        balanced_accuracy: mean, over the classes with images, of the accuracy on each class, as a fraction.
    """

    loss: float
    accuracy: float
    balanced_accuracy: float

    def by(self, objective: Objective) -> float:
        """The accuracy of this objective, as a fraction."""
        return self.accuracy if objective == "accuracy" else self.balanced_accuracy


def validation_facts(score: Score | None) -> dict[str, Any]:
    """The validation figures for the event of an epoch; all are None without validation images."""
    loss, accuracy, balanced = score or (None, None, None)
    return {"validation_loss": loss, "validation_accuracy": accuracy, "validation_balanced_accuracy": balanced}


class Meter:
    """Mean loss and accuracy over the images seen.

    Args:
        device: where the sums live; they are read once, at the end.
    """

    def __init__(self, device: torch.device) -> None:
        self._sums = torch.zeros(3, dtype=torch.float64 if device.type != "mps" else torch.float32, device=device)

    @torch.no_grad()
    def add(self, loss: Tensor, logits: Tensor, labels: Tensor) -> None:
        """Count a batch: mean loss (scalar), logits (batch, classes), labels (batch,)."""
        images = float(len(labels))
        correct = (logits.argmax(dim=1) == labels).sum()
        self._sums += torch.stack([loss.detach() * images, correct, torch.full_like(loss, images)]).to(self._sums.dtype)

    def read(self) -> tuple[float, float] | None:
        """(mean loss per image in nats, accuracy as a fraction), or None if nothing was counted."""
        loss, correct, images = self._sums.tolist()
        return (loss / images, correct / images) if images else None


class StepMeans:
    """Means of numbers over the steps of an epoch, by name.

    Args:
        device: where the sums live; they are read once, at the end.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._sums: dict[str, Tensor] = {}

    @torch.no_grad()
    def add(self, figures: Mapping[str, Tensor]) -> None:
        """Count the numbers of a step, scalars by name."""
        for name, value in figures.items():
            if name not in self._sums:
                self._sums[name] = torch.zeros(2, dtype=value.dtype, device=self._device)
            self._sums[name] += torch.stack([value.detach(), torch.ones_like(value)])

    def read(self) -> dict[str, float]:
        """The mean of every number over the steps that had it."""
        return {
            name: total / steps for name, (total, steps) in ((name, own.tolist()) for name, own in self._sums.items())
        }


class ScoreMeter:
    """A meter that also counts by class, on the device; the balanced accuracy of a library would need all predictions.

    Args:
        device: where the sums live; they are read once, at the end.
    """

    def __init__(self, device: torch.device) -> None:
        self._meter = Meter(device)
        self._by_class: Tensor | None = None

    @torch.no_grad()
    def add(self, loss: Tensor, logits: Tensor, labels: Tensor) -> None:
        """Count a batch: mean loss (scalar), logits (batch, classes), labels (batch,)."""
        self._meter.add(loss, logits, labels)
        if self._by_class is None:
            self._by_class = torch.zeros(2, logits.shape[1], dtype=torch.int32, device=labels.device)
        right = logits.argmax(dim=1) == labels
        self._by_class.index_add_(1, labels, torch.stack([right, torch.ones_like(right)]).int())

    def read(self) -> Score | None:
        """The score on all images counted, or None if nothing was counted."""
        means = self._meter.read()
        if means is None or self._by_class is None:
            return None
        right, images = self._by_class.tolist()
        recalls = [part / whole for part, whole in zip(right, images, strict=True) if whole]
        return Score(*means, sum(recalls) / len(recalls))
