"""A map whose batch norm is not formed by itself: it is folded into what reads it.

Shapes by suffix: N images, P pixels of all images, B branches, O channels of a branch, R of all branches (B * O).
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from dartboard.space.ops.norm import channel_moments, norm_gradient
from dartboard.space.ops.rows import as_rows

__all__ = ["Normalized", "columns"]


class Normalized(NamedTuple):
    """A map with a batch norm behind it, the channels of all branches side by side: R = B * O.

    Attributes:
        map: (N, R, H, W), channels last.
        mean_R: of every channel.
        inverse_R: one over its standard deviation.
    """

    map: Tensor
    mean_R: Tensor
    inverse_R: Tensor

    @classmethod
    def of(cls, y: Tensor, eps: float) -> "Normalized":
        """With the moments of the map itself."""
        mean_R, variance_R = channel_moments(y)
        return cls(y, mean_R, (variance_R + eps).rsqrt_())

    def apply_(self) -> None:
        """Normalise the map in place."""
        rows = as_rows(self.map)
        torch.addcmul(-self.mean_R * self.inverse_R, rows, self.inverse_R, out=rows)

    def add_(self, gates: Tensor, numbers: Sequence[int], targets_PO: Sequence[Tensor]) -> Tensor:
        """Add the normalised map of every branch, times its gate, to its target, up to a constant.

        Returns:
            What is still to be subtracted from the target of every branch, (R,).
        """
        scale_R = self.inverse_R * (gates if len(gates) == 1 else self._by_channel(gates))
        parts = columns(as_rows(self.map), len(gates)), columns(scale_R, len(gates))
        for number, y_PO, scale_O in zip(numbers, *parts, strict=True):
            targets_PO[number].addcmul_(y_PO, scale_O)
        return self.mean_R * scale_R

    def gated_gradient(self, gradient: Tensor, gates: Tensor, *, map_wanted: bool) -> tuple[Tensor | None, Tensor]:
        """Gradients at the map, if wanted, and at the gates, (B,), from that at gate * normalised map."""
        at_map, at_scale_R = self.gradient(gradient, self._by_channel(gates), map_wanted=map_wanted)
        return at_map, at_scale_R.view(len(gates), -1).sum(dim=1)

    def gradient(self, gradient: Tensor, scale_R: Tensor, *, map_wanted: bool) -> tuple[Tensor | None, Tensor]:
        """Gradients at the map, if wanted, and at the scale, (R,), from that at scale * normalised map."""
        at_map, at_scale_R, _ = norm_gradient(
            self.map, gradient, self.mean_R, self.inverse_R, scale_R, x_wanted=map_wanted
        )
        return at_map, at_scale_R

    def _by_channel(self, gates: Tensor) -> Tensor:
        times = len(self.mean_R) // len(gates)
        return gates.repeat(times) if len(gates) == 1 else gates.repeat_interleave(times)


def columns(rows: Tensor, count: int) -> Sequence[Tensor]:
    """The channels of each branch, where those of all lie side by side in the last dimension."""
    return (rows,) if count == 1 else rows.chunk(count, dim=-1)
