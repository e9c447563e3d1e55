"""A map whose batch norm is not formed by itself: it is folded into what reads it.

Shapes by suffix: P pixels of all images, B branches, O channels of a branch, R of all branches (B * O).
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from dartboard.kernels.norm import channel_moments, norm_gradient

__all__ = ["Normalized", "columns"]


class Normalized(NamedTuple):
    """A map with a batch norm behind it, the channels of all branches side by side.

    Attributes:
        map_PR: a row for each pixel.
        mean_R: of every channel.
        inverse_R: one over its standard deviation.
    """

    map_PR: Tensor
    mean_R: Tensor
    inverse_R: Tensor

    @classmethod
    def of(cls, map_PR: Tensor, eps: float) -> "Normalized":
        """With the moments of the map itself."""
        mean_R, variance_R = channel_moments(map_PR)
        return cls(map_PR, mean_R, (variance_R + eps).rsqrt_())

    def apply_(self) -> None:
        """Normalise the map in place."""
        torch.addcmul(-self.mean_R * self.inverse_R, self.map_PR, self.inverse_R, out=self.map_PR)

    def add_(self, gates_R: Tensor, numbers: Sequence[int], targets_PO: Sequence[Tensor]) -> Tensor:
        """Add the normalised map of every branch, times its gate, to its target, up to a constant.

        Returns:
            What is still to be subtracted from the target of every branch, (R,).
        """
        scale_R = self.inverse_R * gates_R
        parts = columns(self.map_PR, len(numbers)), columns(scale_R, len(numbers))
        for number, y_PO, scale_O in zip(numbers, *parts, strict=True):
            targets_PO[number].addcmul_(y_PO, scale_O)
        return self.mean_R * scale_R

    def gradient(self, gradient_PR: Tensor, scale_R: Tensor, *, map_wanted: bool) -> tuple[Tensor | None, Tensor]:
        """Gradients at the map, if wanted, and at the scale, (R,), from that at scale * normalised map."""
        at_map_PR, at_scale_R, _ = norm_gradient(
            self.map_PR, gradient_PR, self.mean_R, self.inverse_R, scale_R, x_wanted=map_wanted
        )
        return at_map_PR, at_scale_R


def columns(rows: Tensor, count: int) -> Sequence[Tensor]:
    """The channels of each branch, where those of all lie side by side in the last dimension."""
    return (rows,) if count == 1 else rows.chunk(count, dim=-1)
