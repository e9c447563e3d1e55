"""Separable convolutions of the same form that leave a node: forward and backward passes run them side by side.

Shapes by suffix: N images, C channels, P pixels of all images, B branches, O output channels and I input channels of a
1x1 convolution, K side of a kernel.
"""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from dartboard.kernels.depthwise import depthwise, depthwise_input_gradient, depthwise_weight_gradient
from dartboard.kernels.rows import as_branches, as_images, as_rows, sum_of_products
from dartboard.supernet.bundles import (
    Added,
    Branches,
    Bundle,
    Found,
    Layout,
    Rectified,
    Targets,
    Wanted,
    through_relu_,
)
from dartboard.supernet.forms import Separable
from dartboard.supernet.normalized import Normalized, columns

__all__ = ["SeparableBranches", "branches_per_call"]

_CALL_BYTES = 2**20
"""On a CPU, branches share a call while their input is at most this large; a larger input would not fit the caches."""


class SeparableBranches(Branches):
    """Separable convolutions, run side by side: features are (N, B * C, H, W).

    The weights are the depthwise kernels (B * C, 1, K, K) and the 1x1 convolutions (B * O, I) of the first halves, then
    those of the second. The outputs of all convolutions are kept for the backward pass; the output between the halves
    is kept in normalised form.
    """

    def __init__(self, layout: Layout, bundle: Bundle, rectified: Rectified, weights: Sequence[Tensor]) -> None:
        super().__init__(layout, bundle, rectified, weights)
        assert isinstance(bundle.form, Separable)
        self.form, self.count, self.channels = bundle.form, len(bundle.targets), rectified.x.shape[1]

    def forward(self, gates_R: Tensor, targets_PO: Sequence[Tensor]) -> Added:
        """Add every branch to its target, up to a constant: depthwise and 1x1 convolutions, then norm and gates."""
        first = features = depthwise(self.rectified(self.count), self.weights[0], self.stride, self.form.dilation)
        kept = [first]
        if self.form.repeats == 2:
            middle = Normalized.of(self._through(first, 1), self.form.eps)
            middle.apply_()
            features = depthwise(as_images(middle.map_PR, first).relu(), self.weights[2])
            kept += [middle.map_PR, middle.inverse_R, features]
        end = Normalized.of(self._through(features, -1), self.form.eps)
        return Added([*kept, *end], end.add_(gates_R, self.bundle.targets, targets_PO))

    def backward(
        self, saved: Iterator[Tensor], gates_R: Tensor, targets: Targets, wanted: Wanted, at_x: Tensor | None
    ) -> Found:
        """Gradients through gates and norm, 1x1 convolution and depthwise convolution, in this order, for each half."""
        first = features = next(saved)
        middle_PR = inverse_R = None
        if self.form.repeats == 2:
            middle_PR, inverse_R, features = next(saved), next(saved), next(saved)
        end = Normalized(next(saved), next(saved), next(saved))
        at_end_PR, at_gates_R = end.gradient(
            targets(self.bundle.targets), gates_R, map_wanted=wanted.x or wanted.weights
        )
        at_weights: list[Tensor | None] = [None] * len(self.weights)
        if at_end_PR is None:
            return Found(at_x, at_gates_R, at_weights)
        at_weights[-1] = self._at_matrices(at_end_PR, features) if wanted.weights else None
        at_features = self._back(at_end_PR, -1, features)
        if middle_PR is not None and inverse_R is not None:
            middle = as_images(middle_PR, first)
            if wanted.weights:
                at_weights[2] = depthwise_weight_gradient(middle.relu(), at_features, self.form.kernel)
            at_middle = depthwise_input_gradient(at_features, self.weights[2], middle.shape[2:])
            # The kept map is already normalised: its mean is 0, and only the slope of its norm still counts.
            norm = Normalized(middle_PR, torch.zeros_like(inverse_R), torch.ones_like(inverse_R))
            at_rectified_PR = as_rows(through_relu_(at_middle, middle))
            at_middle_PR, _ = norm.gradient(at_rectified_PR, inverse_R, map_wanted=True)
            assert at_middle_PR is not None
            at_weights[1] = self._at_matrices(at_middle_PR, first) if wanted.weights else None
            at_features = self._back(at_middle_PR, 1, first)
        if wanted.weights:
            shared = self.rectified.input(self.count)
            at_weights[0] = shared.weight_gradient(at_features, self.form.kernel, self.stride, self.form.dilation)
        return Found(self._at_x(at_features, at_x) if wanted.x else at_x, at_gates_R, at_weights)

    def _at_matrices(self, gradient_PR: Tensor, features: Tensor) -> Tensor:
        """Gradients at 1x1 convolutions, (B * O, I)."""
        features_PR = as_rows(features)
        if self.count == 1:
            return sum_of_products(gradient_PR, features_PR)
        products = torch.bmm(as_branches(gradient_PR, self.count).mT, as_branches(features_PR, self.count))
        return products.flatten(0, 1)

    def _through(self, features: Tensor, place: int) -> Tensor:
        """Every pixel through the 1x1 convolution of its branch, (P, B * O)."""
        return self._product(as_rows(features), self._matrices(place).mT)

    def _back(self, gradient_PR: Tensor, place: int, features: Tensor) -> Tensor:
        """The gradient at the features that `_through` read."""
        return as_images(self._product(gradient_PR, self._matrices(place)), features)

    def _matrices(self, place: int) -> Tensor:
        """The 1x1 convolutions as matrices, (B, O, I), or (O, I) for a single branch."""
        weight = self.weights[place]
        return weight if self.count == 1 else weight.view(self.count, -1, self.channels)

    def _product(self, rows_PR: Tensor, matrices: Tensor) -> Tensor:
        """The channels of each branch times the matrix of the branch."""
        if self.count == 1:
            return torch.mm(rows_PR, matrices)
        if rows_PR.device.type != "cpu":
            product = torch.bmm(as_branches(rows_PR, self.count), matrices)
            return product.transpose(0, 1).reshape(len(rows_PR), -1)
        # On a CPU, single products cost less than copying the result of a batched product side by side.
        result_PR = torch.empty_like(rows_PR)
        parts = columns(rows_PR, self.count), columns(result_PR, self.count)
        for x_PI, result_PO, matrix_IO in zip(*parts, matrices.unbind(), strict=True):
            torch.mm(x_PI, matrix_IO, out=result_PO)
        return result_PR

    def _at_x(self, at_features: Tensor, before: Tensor | None) -> Tensor:
        """Add the gradient at relu(x) to `before`, the gradient from other bundles."""
        x, stride, dilation = self.rectified.x, self.stride, self.form.dilation
        thin = stride == 2 and dilation == 2
        if thin:  # a dilated kernel at stride 2 reads only every second pixel
            x, stride, dilation = x[:, :, ::2, ::2], 1, 1
        found = depthwise_input_gradient(at_features, self.weights[0], x.shape[2:], stride, dilation)
        if self.count > 1:
            found = as_images(as_branches(as_rows(found), self.count).sum(dim=0), x)
        if thin:
            whole = torch.zeros_like(self.rectified.x) if before is None else before
            whole[:, :, ::2, ::2] += found
            return whole
        return found if before is None else before.add_(found)


def branches_per_call(x: Tensor) -> int:
    """How many branches with the input x, (N, C, H, W), run side by side.

    On an accelerator all branches, since there kernel launches cost most; on a CPU as many as fit the caches.
    """
    return 1 << 30 if x.device.type != "cpu" else max(1, _CALL_BYTES // (x.numel() * x.element_size()))
