"""What all folded branches that leave one node of a cell share: their input, their targets and their interface.

Shapes by suffix: N images, C channels, P pixels of all images, B branches, O output channels of a branch, R output
channels of all branches (B * O).
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
    """Branches of the same form, run side by side.

    Attributes:
        form: form of every branch.
        targets: for each branch, the number of the accumulator that it adds to.
    """

    form: Folded
    targets: tuple[int, ...]

    @property
    def are_matrices(self) -> tuple[bool, ...]:
        """For every convolution of a branch, whether it is a 1x1 convolution of all channels."""
        if isinstance(self.form, Separable):
            return (False, True) * self.form.repeats
        return (True, True) if isinstance(self.form, Reduced) else (self.form.kernel == 1,)

    @property
    def num_weights(self) -> int:
        """Number of convolutions of all branches together."""
        return len(self.are_matrices) * len(self.targets)

    def stack(self, weights: Sequence[Tensor]) -> list[Tensor]:
        """Concatenate the weights of all branches, convolution by convolution; 1x1 convolutions become matrices.

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
        identities: numbers of the accumulators to which x itself is added.
        stride: stride of the first convolutions; 1 where there are identities.
        num_targets: number of accumulators.
    """

    bundles: tuple[Bundle, ...]
    identities: tuple[int, ...]
    stride: int
    num_targets: int


class Wanted(NamedTuple):
    """Whether the current backward pass needs the gradients at x, at the gates and at the weights."""

    x: bool
    gates: bool
    weights: bool


class Added(NamedTuple):
    """Result of a forward pass: tensors for `backward`, and the constants to subtract from the targets, (R,)."""

    saved: list[Tensor]
    excess_R: Tensor


class Found(NamedTuple):
    """Result of a backward pass: gradients at relu(x), at the gate of every channel, (R,), and at stacked weights."""

    x: Tensor | None
    gates_R: Tensor
    weights: list[Tensor | None]


class Branches(ABC):
    """A forward or backward pass over the branches of one bundle.

    Args:
        layout: all branches that leave the node.
        bundle: the branches of this pass.
        rectified: input of these branches.
        weights: weights of these branches, as `Bundle.stack` returns them.
    """

    def __init__(self, layout: Layout, bundle: Bundle, rectified: "Rectified", weights: Sequence[Tensor]) -> None:
        self.bundle, self.stride = bundle, layout.stride
        self.rectified, self.weights = rectified, weights

    @abstractmethod
    def forward(self, gates_R: Tensor, targets_PO: Sequence[Tensor]) -> "Added":
        """Add every branch to its target, up to a constant.

        Args:
            gates_R: gate of every channel of every branch, (R,).
            targets_PO: the accumulators, each (P, O); they are changed in place.

        Returns:
            Tensors for `backward`, and the constants that the caller has to subtract from the targets.
        """

    @abstractmethod
    def backward(
        self, saved: Iterator[Tensor], gates_R: Tensor, targets: "Targets", wanted: Wanted, at_x: Tensor | None
    ) -> Found:
        """Gradients at the input, the gates and the weights.

        Args:
            saved: the tensors that `forward` returned, in their order.
            gates_R: gate of every channel of every branch, (R,).
            targets: the gradients at the targets.
            wanted: which gradients are needed.
            at_x: gradient at relu(x) from other bundles; it may be changed in place; None if there is none yet.
        """


class Targets:
    """The gradients at the targets, in the forms that branches need.

    Args:
        gradients: one gradient for each target, (N, C, H, W).
    """

    def __init__(self, gradients: Sequence[Tensor]) -> None:
        self.like = gradients[0]
        self.rows_PO = [as_rows(gradient) for gradient in gradients]
        self._joined: dict[tuple[int, ...], Tensor] = {}

    def __call__(self, numbers: tuple[int, ...]) -> Tensor:
        """The gradients at these targets, side by side, (P, R)."""
        if len(numbers) == 1:
            return self.rows_PO[numbers[0]]
        if numbers not in self._joined:
            self._joined[numbers] = torch.cat([self.rows_PO[number] for number in numbers], dim=1)
        return self._joined[numbers]


class Rectified:
    """The positive part of x, (N, C, H, W); a call repeats its channels once for each branch.

    Args:
        x: relu(x), (N, C, H, W).
    """

    def __init__(self, x: Tensor) -> None:
        self.x = in_channels_last(x)
        self._made = {1: DepthwiseInput(self.x)}

    def __call__(self, times: int) -> Tensor:
        """The map with its channels repeated, (N, times * C, H, W)."""
        return self.input(times).x

    def input(self, times: int) -> DepthwiseInput:
        """The map with its channels repeated `times` times, prepared for depthwise convolutions."""
        if times not in self._made:
            rows = self.x.permute(0, 2, 3, 1).repeat(1, 1, 1, times)
            self._made[times] = DepthwiseInput(rows.permute(0, 3, 1, 2))
        return self._made[times]


def _join(weights: Sequence[Tensor]) -> Tensor:
    return weights[0] if len(weights) == 1 else torch.cat(list(weights))


def through_relu_(gradient: Tensor, x: Tensor) -> Tensor:
    """Turn the gradient at relu(x) into that at x, in place; `x` may be x or relu(x). Both (N, C, H, W)."""
    result: Tensor = torch.ops.aten.threshold_backward.grad_input(gradient, x, 0, grad_input=gradient)
    return result
