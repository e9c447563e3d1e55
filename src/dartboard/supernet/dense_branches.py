"""Branches of dense convolutions that leave the same node: they have the same input, so they run as one convolution.

Shapes by suffix: N images, C channels, P pixels of all images, B branches, O output channels and I input channels of a
convolution, K side of a kernel, R output channels of all branches (B * O).
"""

from abc import abstractmethod
from collections.abc import Iterator, Sequence

import torch
from torch import Tensor
from torch.nn import functional

from dartboard.kernels.rows import as_images, as_rows, sum_of_products
from dartboard.supernet.bundles import Added, Branches, Found, Targets, Wanted
from dartboard.supernet.forms import Dense
from dartboard.supernet.normalized import Normalized

__all__ = ["DenseBranches", "PointwiseBranches", "ReducedBranches", "WideBranches"]


class DenseBranches(Branches):
    """Convolutions that run as one convolution; its outputs are kept for the backward pass."""

    def forward(self, gates_R: Tensor, targets_PO: Sequence[Tensor]) -> Added:
        """Add every branch to its target, up to a constant: one convolution for all, then its norm and gates."""
        end = Normalized.of(self.convolve(), self.bundle.form.eps)
        return Added(list(end), end.add_(gates_R, self.bundle.targets, targets_PO))

    def backward(
        self, saved: Iterator[Tensor], gates_R: Tensor, targets: Targets, wanted: Wanted, at_x: Tensor | None
    ) -> Found:
        """Gradients through gates and norm, then through the one convolution of all branches."""
        end = Normalized(next(saved), next(saved), next(saved))
        at_end_PR, at_gates_R = end.gradient(
            targets(self.bundle.targets), gates_R, map_wanted=wanted.x or wanted.weights
        )
        if at_end_PR is None:
            return Found(at_x, at_gates_R, [None] * len(self.weights))
        at_x, at_weights = self.gradients(as_images(at_end_PR, targets.like), wanted, at_x)
        return Found(at_x, at_gates_R, at_weights)

    @abstractmethod
    def convolve(self) -> Tensor:
        """The outputs of all branches, (P, R)."""

    @abstractmethod
    def gradients(
        self, gradient: Tensor, wanted: Wanted, at_x: Tensor | None
    ) -> tuple[Tensor | None, list[Tensor | None]]:
        """Gradients at relu(x) and at the weights.

        Args:
            gradient: gradient at the outputs of all branches, (N, R, H, W).
            wanted: which gradients are needed.
            at_x: gradient at relu(x) from other bundles; the gradient of these branches is added to it.

        Returns:
            The gradient at relu(x), (N, C, H, W), and one at every weight; None where it is not needed.
        """


class PointwiseBranches(DenseBranches):
    """1x1 convolutions; the weights are one matrix, (R, I)."""

    def convolve(self) -> Tensor:
        """The outputs of all branches, (P, R), as one matrix product."""
        return torch.mm(as_rows(self.rectified.x), self.weights[0].t())

    def gradients(
        self, gradient: Tensor, wanted: Wanted, at_x: Tensor | None
    ) -> tuple[Tensor | None, list[Tensor | None]]:
        """Gradients at relu(x), (N, C, H, W), and at the weight, (R, I), each one matrix product."""
        x, (weight_RI,), at_PR = self.rectified.x, self.weights, as_rows(gradient)
        at_weight = sum_of_products(at_PR, as_rows(x)) if wanted.weights else None
        if wanted.x and at_x is None:
            at_x = as_images(torch.mm(at_PR, weight_RI), x)
        elif wanted.x and at_x is not None:
            as_rows(at_x).addmm_(at_PR, weight_RI)
        return at_x, [at_weight]


class WideBranches(DenseBranches):
    """Convolutions wider than 1x1; the weights are one tensor, (R, I, K, K)."""

    def convolve(self) -> Tensor:
        """The outputs of all branches, (P, R), by the convolution of torch."""
        form, (weight,) = self.bundle.form, self.weights
        assert isinstance(form, Dense)
        padding = form.dilation * (form.kernel // 2)
        return as_rows(functional.conv2d(self.rectified.x, weight, None, self.stride, padding, form.dilation))

    def gradients(
        self, gradient: Tensor, wanted: Wanted, at_x: Tensor | None
    ) -> tuple[Tensor | None, list[Tensor | None]]:
        """Gradients at relu(x), (N, C, H, W), and at the weight, (R, I, K, K), by torch's convolution."""
        form, (weight,) = self.bundle.form, self.weights
        assert isinstance(form, Dense)
        padding = form.dilation * (form.kernel // 2)
        steps, paddings, dilations = [self.stride] * 2, [padding] * 2, [form.dilation] * 2
        masks = [wanted.x, wanted.weights, False]
        found, at_weight, _ = torch.ops.aten.convolution_backward(
            gradient, self.rectified.x, weight, None, steps, paddings, dilations, False, [0, 0], 1, masks
        )
        if found is not None:
            at_x = found if at_x is None else at_x.add_(found)
        return at_x, [at_weight]


class ReducedBranches(DenseBranches):
    """Pairs of 1x1 convolutions: one reads the pixels in even rows and columns, the other those in odd ones.

    Both run as one matrix product; the channels of the two pixels lie side by side. The weights are two matrices, each
    (B * O / 2, I).
    """

    def convolve(self) -> Tensor:
        """The outputs of all branches, (P, R), as one matrix product over pairs of pixels."""
        return torch.mm(as_rows(self._pairs()), self._matrix().t())

    def gradients(
        self, gradient: Tensor, wanted: Wanted, at_x: Tensor | None
    ) -> tuple[Tensor | None, list[Tensor | None]]:
        """Gradients at relu(x), (N, C, H, W), and at the two weights, each (B * O / 2, I)."""
        x, at_PR = self.rectified.x, as_rows(gradient)
        at_weights: list[Tensor | None] = [None, None]
        if wanted.weights:
            at_matrix = self._quarters(sum_of_products(at_PR, as_rows(self._pairs())))
            at_weights = [each.flatten(0, 1) for each in at_matrix]
        if wanted.x:
            at_even, at_odd = as_images(torch.mm(at_PR, self._matrix()), gradient).chunk(2, dim=1)
            at_x = torch.zeros_like(x) if at_x is None else at_x
            at_x[:, :, ::2, ::2] += at_even
            odd = at_x[:, :, 1::2, 1::2]
            odd += at_odd[:, :, : odd.shape[2], : odd.shape[3]]
        return at_x, at_weights

    def _pairs(self) -> Tensor:
        """Even and odd pixels of relu(x), (N, 2 * I, ceil(height / 2), ceil(width / 2)); zeros outside of the image."""
        x = self.rectified.x
        batch, channels, height, width = x.shape
        size = (batch, 2 * channels, -(-height // 2), -(-width // 2))
        pairs = torch.empty(size, dtype=x.dtype, device=x.device, memory_format=torch.channels_last)
        pairs[:, :channels] = x[:, :, ::2, ::2]
        pairs[:, channels:, : height // 2, : width // 2] = x[:, :, 1::2, 1::2]
        if height % 2:
            pairs[:, channels:, height // 2] = 0
        if width % 2:
            pairs[:, channels:, :, width // 2] = 0
        return pairs

    def _matrix(self) -> Tensor:
        """The weights of all branches as one matrix, (R, 2 * I)."""
        outputs, inputs = self.weights[0].shape
        matrix = self.weights[0].new_zeros(2 * outputs, 2 * inputs)
        for part, weight in zip(self._quarters(matrix), self.weights, strict=True):
            part.copy_(weight.view_as(part))
        return matrix

    def _quarters(self, matrix_RI: Tensor) -> tuple[Tensor, Tensor]:
        """The parts of a matrix (R, 2 * I) that are multiplied with even and with odd pixels, each (B, O / 2, I)."""
        count, inputs = len(self.bundle.targets), matrix_RI.shape[1] // 2
        rows = matrix_RI.view(count, 2, -1, 2 * inputs)
        return rows[:, 0, :, :inputs], rows[:, 1, :, inputs:]
