"""What the folded branches that leave one node of a cell share: what they read, where they lead, what is asked of them.

Shapes by suffix: N images, C channels, P pixels of all images, B branches, O channels out, R those of all branches
(B * O).
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from dartboard.kernels.depthwise import DepthwiseInput
from dartboard.kernels.rows import as_rows, in_channels_last
from dartboard.supernet.forms import Folded, Reduced, Separable

__all__ = [
    "Added",
    "Branches",
    "Bundle",
    "Found",
    "Layout",
    "Rectified",
    "Targets",
    "Wanted",
    "through_relu_",
]


@dataclass(frozen=True)
class Bundle:
    """Branches of one form, run side by side.

    Attributes:
        form: of each.
        targets: for each branch, the number of the accumulator that it adds to.
    """

    form: Folded
    targets: tuple[int, ...]

    @property
    def are_matrices(self) -> tuple[bool, ...]:
        """For every convolution of a branch whether it is a 1x1 convolution of all channels."""
        if isinstance(self.form, Separable):
            return (False, True) * self.form.repeats
        return (True, True) if isinstance(self.form, Reduced) else (self.form.kernel == 1,)

    @property
    def num_weights(self) -> int:
        """How many convolutions its branches have together."""
        return len(self.are_matrices) * len(self.targets)

    def stack(self, weights: Sequence[Tensor]) -> list[Tensor]:
        """The weights of every convolution for all branches, behind each other; of 1x1 convolutions as matrices.

        Args:
            weights: the first convolution of every branch, then the second of every branch, ...
        """
        count = len(self.targets)
        each = [_join(weights[place * count : (place + 1) * count]) for place in range(len(self.are_matrices))]
        return [w.flatten(1) if is_matrix else w for w, is_matrix in zip(each, self.are_matrices, strict=True)]


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


class Added(NamedTuple):
    """What a forward pass leaves: what `backward` needs, and what is still to be subtracted at the targets."""

    saved: list[Tensor]
    excess_R: Tensor


class Found(NamedTuple):
    """What a backward pass gives, if wanted: gradients at relu(x), at the gates, by channel, and at stacked weights."""

    x: Tensor | None
    gates_R: Tensor
    weights: list[Tensor | None]


class Branches(ABC):
    """A forward or backward pass over the branches of one bundle.

    Args:
        layout: all branches that leave the node.
        bundle: these branches.
        rectified: what they read.
        weights: theirs, as `Bundle.stack` gives them.
    """

    def __init__(self, layout: Layout, bundle: Bundle, rectified: "Rectified", weights: Sequence[Tensor]) -> None:
        self.bundle, self.stride = bundle, layout.stride
        self.rectified, self.weights = rectified, weights

    @abstractmethod
    def forward(self, gates_R: Tensor, targets_PO: Sequence[Tensor]) -> "Added":
        """Add every branch to its target, up to a constant.

        Args:
            gates_R: those of the branches, for each of their channels.
            targets_PO: what is added to.
        """

    @abstractmethod
    def backward(
        self, saved: Iterator[Tensor], gates_R: Tensor, targets: "Targets", wanted: Wanted, at_x: Tensor | None
    ) -> Found:
        """Gradients.

        Args:
            saved: what `forward` asked to keep.
            gates_R: as for `forward`.
            targets: the gradients at the targets.
            wanted: what is asked for.
            at_x: the gradient at relu(x) from other bundles, which may be added to in place.
        """


class Targets:
    """The gradients at the targets, (N, C, H, W) each, as the branches need them."""

    def __init__(self, gradients: Sequence[Tensor]) -> None:
        self.like = gradients[0]
        self.rows_PO = [as_rows(gradient) for gradient in gradients]
        self._joined: dict[tuple[int, ...], Tensor] = {}

    def __call__(self, numbers: tuple[int, ...]) -> Tensor:
        """At these targets, side by side, (P, R)."""
        if len(numbers) == 1:
            return self.rows_PO[numbers[0]]
        if numbers not in self._joined:
            self._joined[numbers] = torch.cat([self.rows_PO[number] for number in numbers], dim=1)
        return self._joined[numbers]


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


def _join(weights: Sequence[Tensor]) -> Tensor:
    return weights[0] if len(weights) == 1 else torch.cat(list(weights))


def through_relu_(gradient: Tensor, x: Tensor) -> Tensor:
    """The gradient at x from that at relu(x), in place; x may be the one or the other."""
    result: Tensor = torch.ops.aten.threshold_backward.grad_input(gradient, x, 0, grad_input=gradient)
    return result
