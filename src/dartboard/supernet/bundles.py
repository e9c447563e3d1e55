"""What the folded branches that leave one node of a cell share: what they read, where they lead, what is asked of them.

Shapes by suffix: N images, C channels, P pixels of all images, B branches, E branches side by side, T targets, O
channels out.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from dartboard.space.ops.depthwise import DepthwiseInput
from dartboard.space.ops.norm import channel_moments, norm_gradient
from dartboard.space.ops.rows import as_images, as_rows, in_channels_last, sum_rows
from dartboard.supernet.forms import Dense, Folded

__all__ = [
    "Branches",
    "Bundle",
    "Found",
    "Layout",
    "Normalized",
    "Rectified",
    "Targets",
    "Wanted",
    "add_shifts_",
    "columns",
    "join",
    "through_relu_",
]


@dataclass(frozen=True)
class Bundle:
    """Branches of one form.

    Attributes:
        form: of each.
        targets: for each branch, the number of the accumulator that it adds to.
    """

    form: Folded
    targets: tuple[int, ...]

    @property
    def num_weights(self) -> int:
        """Stacked weight tensors: those of a dense convolution, or kernels and 1x1 convolutions of each half."""
        return 1 if isinstance(self.form, Dense) else 2 * self.form.repeats


@dataclass(frozen=True)
class Layout:
    """The branches that leave one node.

    Attributes:
        bundles: branches by form.
        identities: the numbers of the accumulators that x itself is added to.
        stride: of the first convolutions; 1 where there are identities.
        num_targets: accumulators.
    """

    bundles: tuple[Bundle, ...]
    identities: tuple[int, ...]
    stride: int
    num_targets: int


class Wanted(NamedTuple):
    """What the backward pass at hand needs gradients of."""

    x: bool
    gates: bool
    weights: bool


class Found(NamedTuple):
    """What a backward pass gives: the gradient at relu(x), at the gates (B,), and at the weights, if wanted."""

    x: Tensor | None
    gates_B: Tensor
    weights: list[Tensor | None]


class Branches(ABC):
    """A forward or backward pass over the branches of one bundle.

    Args:
        layout: all branches that leave the node.
        bundle: these branches.
        rectified: what they read.
        weights: theirs, stacked.
    """

    def __init__(self, layout: Layout, bundle: Bundle, rectified: "Rectified", weights: Sequence[Tensor]) -> None:
        self.bundle, self.stride = bundle, layout.stride
        self.rectified, self.weights = rectified, weights

    @abstractmethod
    def forward(self, gates: Tensor, targets_PO: Sequence[Tensor], shifts_TO: Tensor) -> list[Tensor]:
        """Add every branch to its target, up to a constant added to the target's shift.

        Returns:
            What `backward` needs.
        """

    @abstractmethod
    def backward(
        self, saved: Iterator[Tensor], gates: Tensor, targets: "Targets", wanted: Wanted, at_x: Tensor | None
    ) -> Found:
        """Gradients.

        Args:
            saved: what `forward` returned.
            gates: (B,).
            targets: the gradients at the targets.
            wanted: what is asked for.
            at_x: the gradient at relu(x) from other bundles, which may be added to in place.
        """


class Targets:
    """The gradients at the targets, as the branches need them."""

    def __init__(self, gradients: Sequence[Tensor]) -> None:
        self.rows_PO = [as_rows(gradient) for gradient in gradients]
        self._sums: list[Tensor] | None = None
        self._joined: dict[tuple[int, ...], Tensor] = {}

    def __call__(self, numbers: tuple[int, ...], like: Tensor) -> Tensor:
        """At these targets, side by side as (N, E * C, H, W), with the images and sides of `like`."""
        if numbers not in self._joined:
            rows = [self.rows_PO[number] for number in numbers]
            self._joined[numbers] = as_images(rows[0] if len(rows) == 1 else torch.cat(rows, dim=1), like)
        return self._joined[numbers]

    def sums_BO(self, numbers: tuple[int, ...]) -> Tensor:
        """Sums over pixels at these targets."""
        if self._sums is None:
            self._sums = [sum_rows(rows) for rows in self.rows_PO]
        return torch.stack([self._sums[number] for number in numbers])


class Rectified:
    """The positive part of x, (N, C, H, W), its channels side by side as often as a call has branches."""

    def __init__(self, x: Tensor) -> None:
        self.x = in_channels_last(x)
        self._made = {1: DepthwiseInput(self.x)}

    def __call__(self, times: int) -> Tensor:
        """Its channels so many times."""
        return self.input(times).x

    def input(self, times: int) -> DepthwiseInput:
        """The same as what depthwise convolutions read."""
        if times not in self._made:
            rows = self.x.permute(0, 2, 3, 1).repeat(1, 1, 1, times)
            self._made[times] = DepthwiseInput(rows.permute(0, 3, 1, 2))
        return self._made[times]


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
        add_shifts_(shifts_TO, numbers, -self.mean_R.view_as(scale_BO) * scale_BO)

    def gradient(
        self, gradients: Sequence[Tensor], scale_R: Tensor, *, maps_wanted: bool
    ) -> tuple[list[Tensor], Tensor]:
        """Gradients at the maps and at the scale, from those at scale * normalised maps."""
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


def add_shifts_(shifts_TO: Tensor, targets: Sequence[int], shifts_BO: Tensor) -> None:
    """Add the constant of every branch to that of its target, in place."""
    if tuple(targets) == tuple(range(len(shifts_TO))):
        shifts_TO += shifts_BO
        return
    for target, shift_O in zip(targets, shifts_BO.unbind(), strict=True):
        shifts_TO[target] += shift_O


def through_relu_(gradient: Tensor, x: Tensor) -> Tensor:
    """The gradient at x from that at relu(x), in place; x may be the one or the other."""
    result: Tensor = torch.ops.aten.threshold_backward.grad_input(gradient, x, 0, grad_input=gradient)
    return result
