"""Maps whose batch norm is not formed by itself: it is folded into what reads them.

Shapes by suffix: N images, P pixels of all images, B branches, E branches that share a call (their channels lie side by
side), T targets, O channels of a branch, R channels of all branches (B * O).
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from dartboard.space.ops.norm import channel_moments, norm_gradient
from dartboard.space.ops.rows import as_rows

__all__ = ["Normalized", "columns", "join"]


class Normalized(NamedTuple):
    """Maps with batch norms behind them, the channels of all their branches in one row: R = B * O.

    Attributes:
        maps: one for each call, (N, E * O, H, W).
        mean_R: of every channel.
        inverse_R: one over its standard deviation.
    """

    maps: list[Tensor]
    mean_R: Tensor
    inverse_R: Tensor

    @classmethod
    def of(cls, maps: list[Tensor], eps: float) -> "Normalized":
        """With the moments of the maps themselves."""
        means, variances = zip(*(channel_moments(each) for each in maps), strict=True)
        return cls(maps, join(means), (join(variances) + eps).rsqrt_())

    def apply_(self) -> None:
        """Normalise the maps in place."""
        shift_R = -self.mean_R * self.inverse_R
        for y, inverse, shift in zip(self.maps, self._split(self.inverse_R), self._split(shift_R), strict=True):
            torch.addcmul(shift, as_rows(y), inverse, out=as_rows(y))

    def add_(self, gates: Tensor, numbers: Sequence[int], targets_PO: Sequence[Tensor], shifts_TO: Tensor) -> None:
        """Add the normalised map of every branch, times its gate, to its target; constants go to the shifts."""
        scale_BO = self.inverse_R.view(len(gates), -1) * gates[:, None]
        scales = iter(scale_BO.unbind())
        branches = iter(numbers)
        for y in self.maps:
            for y_PO in columns(as_rows(y), y.shape[1] // scale_BO.shape[1]):
                targets_PO[next(branches)].addcmul_(y_PO, next(scales))
        _add_shifts_(shifts_TO, numbers, -self.mean_R.view_as(scale_BO) * scale_BO)

    def gated_gradient(
        self, gradients: Sequence[Tensor], gates: Tensor, *, maps_wanted: bool
    ) -> tuple[list[Tensor], Tensor]:
        """Gradients at the maps, if wanted, and at the gates, (B,), from those at gate * normalised map."""
        scale_R = gates.repeat_interleave(len(self.mean_R) // len(gates))
        at_maps, at_scale_R = self.gradient(gradients, scale_R, maps_wanted=maps_wanted)
        return at_maps, at_scale_R.view(len(gates), -1).sum(dim=1)

    def gradient(
        self, gradients: Sequence[Tensor], scale_R: Tensor, *, maps_wanted: bool
    ) -> tuple[list[Tensor], Tensor]:
        """Gradients at the maps, if wanted, and at the scale, (R,), from those at scale * normalised map."""
        at_maps, at_scales = [], []
        vectors = zip(*(self._split(each) for each in (self.mean_R, self.inverse_R, scale_R)), strict=True)
        for y, g, (mean, inverse, scale) in zip(self.maps, gradients, vectors, strict=True):
            at_map, at_scale, _ = norm_gradient(y, g, mean, inverse, scale, x_wanted=maps_wanted)
            at_scales.append(at_scale)
            if at_map is not None:
                at_maps.append(at_map)
        return at_maps, join(at_scales)

    def _split(self, each_R: Tensor) -> Sequence[Tensor]:
        return (each_R,) if len(self.maps) == 1 else each_R.split_with_sizes([y.shape[1] for y in self.maps])


def join(parts: Sequence[Tensor]) -> Tensor:
    """Parts behind each other; one part as it is."""
    return parts[0] if len(parts) == 1 else torch.cat(list(parts))


def columns(rows_PR: Tensor, count: int) -> Sequence[Tensor]:
    """The channels of each branch, (P, C)."""
    return (rows_PR,) if count == 1 else rows_PR.chunk(count, dim=1)


def _add_shifts_(shifts_TO: Tensor, targets: Sequence[int], shifts_BO: Tensor) -> None:
    """Add the constant of every branch to that of its target, in place."""
    if tuple(targets) == tuple(range(len(shifts_TO))):
        shifts_TO += shifts_BO
        return
    for target, shift_O in zip(targets, shifts_BO.unbind(), strict=True):
        shifts_TO[target] += shift_O
