"""A penalty on the loss of the weights that keeps it from falling to zero."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

__all__ = ["Flooding"]


@dataclass(frozen=True)
class Flooding:
    """The loss of the weights does not fall below a level: |loss - level| + level (arXiv:2002.08709, eq. 2).

    Below the level the gradient is turned round, batch by batch, so that the loss hovers around the level. The level
    should lie under the loss on validation images; above it, the weights stop learning too early.

    Attributes:
        level: loss in nats at which the weights stop descending; 0 changes nothing.
    """

    level: float

    def join_weights(self, loss: Tensor) -> Tensor:
        """The flooded loss of a batch, a scalar; at the level itself the gradient keeps its direction."""
        return torch.where(loss < self.level, 2 * self.level - loss, loss)

    def figures(self, loss: Tensor) -> Mapping[str, Tensor]:
        """`flooded_batches`: whether the batch lies below the level; the mean is a share."""
        return {"flooded_batches": (loss.detach() < self.level).to(loss.dtype)}

    def remark(self, figures: Mapping[str, float]) -> str:
        """What the flood did in the last epoch."""
        flooded = figures.get("flooded_batches")
        if flooded is None or self.level == 0:
            return ""
        level = f"{self.level:g}"
        if flooded == 0:
            return (
                f"No training batch of the last epoch had a loss below {level}, where the loss of the weights is "
                "flooded, so the flood had no effect there; only a longer search would feel it."
            )
        return f"{flooded:.0%} of the training batches of the last epoch were flooded, with a loss below {level}."
