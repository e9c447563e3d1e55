"""Separable convolutions of one form that leave a node: a forward and a backward pass over all of them.

Shapes by suffix: N images, C channels, P pixels of all images, B branches, E branches that share a call (their channels
lie side by side), T targets, O channels out and I channels in of a 1x1 convolution, K side of a kernel.
"""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from dartboard.space.ops.depthwise import depthwise, depthwise_input_gradient, depthwise_weight_gradient
from dartboard.space.ops.rows import as_branches, as_images, as_rows, sum_of_products
from dartboard.supernet.bundles import (
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
from dartboard.supernet.normalized import Normalized, columns, join

__all__ = ["SeparableBranches"]

_CALL_BYTES = 2**20
"""On a CPU branches share a call while what they read stays below this; a larger call would leave the caches."""


class SeparableBranches(Branches):
    """Separable convolutions, the last batch norm of each folded with its 1x1 convolution and its gate.

    Calls are ranges of branches. Features are one tensor (N, E * C, H, W) a call. The weights are the depthwise kernels
    (B * C, 1, K, K) and the 1x1 convolutions (B * O, I) of the first halves, then those of the second.
    """

    def __init__(self, layout: Layout, bundle: Bundle, rectified: Rectified, weights: Sequence[Tensor]) -> None:
        super().__init__(layout, bundle, rectified, weights)
        assert isinstance(bundle.form, Separable)
        self.form = bundle.form
        self.channels = rectified.x.shape[1]
        count, most = len(bundle.targets), _branches_per_call(rectified.x)
        self.calls = [range(first, min(count, first + most)) for first in range(0, count, most)]

    def forward(self, gates: Tensor, targets_PO: Sequence[Tensor], shifts_TO: Tensor) -> list[Tensor]:
        """See `Branches.forward`."""
        firsts = features = self._first_features()
        kept = list(firsts)
        if self.form.repeats == 2:
            middles = Normalized.of(self._through(firsts, self._matrices(1).mT), self.form.eps)
            middles.apply_()
            inputs = zip(self.calls, middles.maps, strict=True)
            features = [depthwise(y.relu(), self._kernels(2, call)) for call, y in inputs]
            kept += [middles.inverse_R, *middles.maps, *features]
        ends = Normalized.of(self._through(features, self._matrices(-1).mT), self.form.eps)
        ends.add_(gates, self.bundle.targets, targets_PO, shifts_TO)
        return [*kept, *ends.maps, ends.mean_R, ends.inverse_R]

    def backward(
        self, saved: Iterator[Tensor], gates: Tensor, targets: Targets, wanted: Wanted, at_x: Tensor | None
    ) -> Found:
        """See `Branches.backward`."""
        firsts = features = [next(saved) for _ in self.calls]
        middles = None
        if self.form.repeats == 2:
            # What is kept is normalised already: its mean is zero, and it has only the slope of the norm left.
            inverse_R = next(saved)
            middles = Normalized(
                [next(saved) for _ in self.calls], torch.zeros_like(inverse_R), torch.ones_like(inverse_R)
            )
            features = [next(saved) for _ in self.calls]
        ends = Normalized([next(saved) for _ in self.calls], next(saved), next(saved))
        at_ends = [targets(tuple(self.bundle.targets[branch] for branch in call), features[0]) for call in self.calls]
        wants_more = wanted.x or wanted.weights
        at_outputs, gates_B = ends.gated_gradient(at_ends, gates, maps_wanted=wants_more)
        at_weights: list[Tensor | None] = [None] * len(self.weights)
        if not wants_more:
            return Found(at_x, gates_B, at_weights)
        at_weights[-1] = self._at_matrices(at_outputs, features) if wanted.weights else None
        at_features = self._through(at_outputs, self._matrices(-1))
        if middles is not None:
            at_middles, kernels = [], []
            for call, y, g in zip(self.calls, middles.maps, at_features, strict=True):
                if wanted.weights:
                    kernels.append(depthwise_weight_gradient(y.relu(), g, self.form.kernel))
                at_y = depthwise_input_gradient(g, self._kernels(2, call), y.shape[2:])
                at_middles.append(through_relu_(at_y, y))
            at_outputs, _ = middles.gradient(at_middles, inverse_R, maps_wanted=True)
            if wanted.weights:
                at_weights[1:3] = [self._at_matrices(at_outputs, firsts), join(kernels)]
            at_features = self._through(at_outputs, self._matrices(1))
        if wanted.weights:
            kernel, dilation = self.form.kernel, self.form.dilation
            at_weights[0] = join(
                [
                    self.rectified.input(len(call)).weight_gradient(g, kernel, self.stride, dilation)
                    for call, g in zip(self.calls, at_features, strict=True)
                ]
            )
        return Found(self._at_x(at_features, at_x) if wanted.x else at_x, gates_B, at_weights)

    def _first_features(self) -> list[Tensor]:
        return [
            depthwise(self.rectified(len(call)), self._kernels(0, call), self.stride, self.form.dilation)
            for call in self.calls
        ]

    def _kernels(self, place: int, call: range) -> Tensor:
        """Depthwise kernels of a call, (E * C, 1, K, K)."""
        return self.weights[place][call.start * self.channels : call.stop * self.channels]

    def _matrices(self, place: int) -> Tensor:
        """1x1 convolutions, (B, O, I)."""
        return self.weights[place].view(len(self.bundle.targets), -1, self.channels)

    def _at_matrices(self, gradients: Sequence[Tensor], features: Sequence[Tensor]) -> Tensor:
        """Gradients at the 1x1 convolutions, (B * O, I)."""
        if all(len(call) == 1 for call in self.calls):
            each = zip(gradients, features, strict=True)
            return join([sum_of_products(as_rows(g), as_rows(f)) for g, f in each])
        calls = zip(self.calls, gradients, features, strict=True)
        return join(
            [torch.bmm(as_branches(g, len(call)).mT, as_branches(f, len(call))) for call, g, f in calls]
        ).flatten(0, 1)

    def _through(self, features: Sequence[Tensor], matrices_BIO: Tensor) -> list[Tensor]:
        """Every pixel through the matrix of its branch: for each call (N, E * O, H, W)."""
        if features[0].device.type != "cpu":  # one call
            product = torch.bmm(as_branches(features[0], len(matrices_BIO)), matrices_BIO)
            return [as_images(product.transpose(0, 1).reshape(product.shape[1], -1), features[0])]
        # On a CPU, branch by branch costs less than bringing the result of a batched product side by side.
        matrices_IO, results = matrices_BIO.unbind(), []
        for call, f in zip(self.calls, features, strict=True):
            rows = as_rows(f)
            result = torch.empty_like(rows)
            parts = columns(rows, len(call)), columns(result, len(call))
            for f_PI, result_PO, matrix_IO in zip(*parts, matrices_IO[call.start : call.stop], strict=True):
                torch.mm(f_PI, matrix_IO, out=result_PO)
            results.append(as_images(result, f))
        return results

    def _at_x(self, at_features: Sequence[Tensor], before: Tensor | None) -> Tensor:
        """Gradient at relu(x), added to that from before."""
        x, stride, dilation = self.rectified.x, self.stride, self.form.dilation
        thin = stride == 2 and dilation == 2
        if thin:  # every second pixel alone is read: the others are left out until all branches are added up
            x, stride, dilation = x[:, :, ::2, ::2], 1, 1
        total = None if thin else before
        for call, g in zip(self.calls, at_features, strict=True):
            found = depthwise_input_gradient(g, self._kernels(0, call), x.shape[2:], stride, dilation)
            if len(call) > 1:
                found = as_images(as_branches(found, len(call)).sum(dim=0), x)
            total = found if total is None else total.add_(found)
        assert total is not None
        if thin:
            whole = torch.zeros_like(self.rectified.x) if before is None else before
            whole[:, :, ::2, ::2] += total
            return whole
        return total


def _branches_per_call(x: Tensor) -> int:
    """All on an accelerator, where launches cost most; on a CPU as many as its caches hold."""
    if x.device.type != "cpu":
        return 1 << 30
    return max(1, _CALL_BYTES // (x.numel() * x.element_size()))
