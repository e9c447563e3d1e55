"""Means over an epoch, gathered without waiting for the device at every step."""

import torch
from torch import Tensor

__all__ = ["Meter"]


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
        """(mean loss per image in nats, accuracy as a fraction), or None when nothing was counted."""
        loss, correct, images = self._sums.tolist()
        return (loss / images, correct / images) if images else None
