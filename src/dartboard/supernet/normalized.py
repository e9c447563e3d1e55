"""A map with a batch norm that is not computed separately but folded into the operations that read the map.

Shapes by suffix: P pixels of all images, B branches, O channels of a branch, R channels of all branches (B * O).
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from dartboard.kernels.norm import channel_moments, norm_gradient

__all__ = ["Normalized", "columns"]


class Normalized(NamedTuple):
    """A map before its batch norm; the channels of all branches lie side by side.

    Attributes:
        map_PR: the map, a row for each pixel, (P, R).
        mean_R: mean of every channel, (R,).
        inverse_R: one over the standard deviation of every channel, (R,).
    """

    map_PR: Tensor
    mean_R: Tensor
    inverse_R: Tensor

    @classmethod
    def of(cls, map_PR: Tensor, eps: float) -> "Normalized":
        """A map, (P, R), with the mean and variance of its channels."""
        mean_R, variance_R = channel_moments(map_PR)
        return cls(map_PR, mean_R, (variance_R + eps).rsqrt_())

    def apply_(self) -> None:
        """Normalise the map in place."""
        torch.addcmul(-self.mean_R * self.inverse_R, self.map_PR, self.inverse_R, out=self.map_PR)

    def add_(self, gates_R: Tensor, numbers: Sequence[int], targets_PO: Sequence[Tensor]) -> Tensor:
        """Add the normalised map of every branch, times its gate, to its target, up to a constant.

        Returns:
            The constants, (R,), that the caller has to subtract from the targets.
        """
        scale_R = self.inverse_R * gates_R
        parts = columns(self.map_PR, len(numbers)), columns(scale_R, len(numbers))
        for number, y_PO, scale_O in zip(numbers, *parts, strict=True):
            targets_PO[number].addcmul_(y_PO, scale_O)
        return self.mean_R * scale_R

    def gradient(self, gradient_PR: Tensor, scale_R: Tensor, *, map_wanted: bool) -> tuple[Tensor | None, Tensor]:
        """Gradients at the map, (P, R) or None, and at the scale, (R,).

        Args:
            gradient_PR: gradient at scale * normalised map, (P, R).
            scale_R: the scale, (R,).
            map_wanted: whether the gradient at the map is needed.
        """
        at_map_PR, at_scale_R, _ = norm_gradient(
            self.map_PR, gradient_PR, self.mean_R, self.inverse_R, scale_R, x_wanted=map_wanted
        )
        return at_map_PR, at_scale_R


def columns(rows: Tensor, count: int) -> Sequence[Tensor]:
    """Split the last dimension, in which the channels of all branches lie side by side, into branches."""
    return (rows,) if count == 1 else rows.chunk(count, dim=-1)
