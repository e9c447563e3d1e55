"""Separable convolutions of one form that leave a node: a forward and a backward pass over all of them.

Shapes by suffix: N images, C channels, P pixels of all images, B branches, E branches that share a call (their channels
lie side by side), T targets, O channels out and I channels in of a 1x1 convolution, K side of a kernel.
"""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from dartboard.space.ops.depthwise import depthwise, depthwise_input_gradient, depthwise_weight_gradient
from dartboard.space.ops.rows import as_branches, as_images, as_rows, count_pixels, sum_of_products, sum_rows
from dartboard.supernet.bundles import (
    Branches,
    Bundle,
    Found,
    Layout,
    Rectified,
    Targets,
    Wanted,
    add_shifts_,
    through_relu_,
)
from dartboard.supernet.fold import Fold, Unfolded, fold, unfold
from dartboard.supernet.forms import Separable

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
            between = self._fold(firsts, self._matrices(1))
            middles = [y.relu_() for y in self._through(firsts, between.folded_BOI, between.shift_BO)]
            features = [depthwise(y, self._kernels(2, call)) for call, y in zip(self.calls, middles, strict=True)]
            kept += [*between[:3], *middles, *features]
        fold = self._fold(features, self._matrices(-1))
        gated_BIO = (fold.folded_BOI * gates[:, None, None]).mT.unbind()
        for call, f in zip(self.calls, features, strict=True):
            for branch, f_PI in zip(call, as_branches(f, len(call)).unbind(), strict=True):
                targets_PO[self.bundle.targets[branch]].addmm_(f_PI, gated_BIO[branch])
        add_shifts_(shifts_TO, self.bundle.targets, fold.shift_BO * gates[:, None])
        return [*kept, *fold[:3]]

    def backward(
        self, saved: Iterator[Tensor], gates: Tensor, targets: Targets, wanted: Wanted, at_x: Tensor | None
    ) -> Found:
        """See `Branches.backward`."""
        firsts = features = [next(saved) for _ in self.calls]
        between, middles = None, []
        if self.form.repeats == 2:
            between = self._saved_fold(saved, self._matrices(1))
            middles = [next(saved) for _ in self.calls]
            features = [next(saved) for _ in self.calls]
        fold = self._saved_fold(saved, self._matrices(-1))
        at_ends = [targets(tuple(self.bundle.targets[branch] for branch in call), features[0]) for call in self.calls]
        sums_BO = targets.sums_BO(self.bundle.targets)
        cross, pixels = self._cross(features, at_ends), count_pixels(features[0])
        ends = unfold(fold, cross.mT, sums_BO, gates[:, None], pixels, weights=wanted.weights)
        at_weights: list[Tensor | None] = [None] * len(self.weights)
        if not (wanted.x or wanted.weights):
            return Found(at_x, ends.share_BO.sum(dim=1), at_weights)
        at_features = self._at_features(features, at_ends, ends)
        at_weights[-1] = _flat(ends.weight_BOI)
        if between is not None:
            at_middles, kernels = [], []
            for call, y, g in zip(self.calls, middles, at_features, strict=True):
                if wanted.weights:
                    kernels.append(depthwise_weight_gradient(y, g, self.form.kernel))
                at_y = depthwise_input_gradient(g, self._kernels(2, call), y.shape[2:])
                at_middles.append(through_relu_(at_y, y))
            sums_BO = self._sums(at_middles)
            cross = self._cross(firsts, at_middles)
            middle = unfold(between, cross.mT, sums_BO, None, pixels, weights=wanted.weights)
            at_features = self._at_features(firsts, at_middles, middle)
            at_weights[1:3] = [_flat(middle.weight_BOI), torch.cat(kernels) if kernels else None]
        if wanted.weights:
            kernel, dilation = self.form.kernel, self.form.dilation
            at_weights[0] = torch.cat(
                [
                    self.rectified.input(len(call)).weight_gradient(g, kernel, self.stride, dilation)
                    for call, g in zip(self.calls, at_features, strict=True)
                ]
            )
        return Found(self._at_x(at_features, at_x) if wanted.x else at_x, ends.share_BO.sum(dim=1), at_weights)

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

    def _fold(self, features: Sequence[Tensor], weight_BOI: Tensor) -> Fold:
        second_BII, first_BI = self._cross(features, features), self._sums(features)
        return fold(weight_BOI, second_BII, first_BI, count_pixels(features[0]), self.form.eps)

    def _saved_fold(self, saved: Iterator[Tensor], weight_BOI: Tensor) -> Fold:
        mean_BI, covariance_BII, inverse_BO = next(saved), next(saved), next(saved)
        return Fold(mean_BI, covariance_BII, inverse_BO, inverse_BO[:, :, None] * weight_BOI)

    def _cross(self, features: Sequence[Tensor], gradients: Sequence[Tensor]) -> Tensor:
        """Sums over pixels of f' g, (B, I, O)."""
        if all(len(call) == 1 for call in self.calls):
            each = zip(features, gradients, strict=True)
            return torch.stack([sum_of_products(as_rows(f), as_rows(g)) for f, g in each])
        pairs = zip(self.calls, features, gradients, strict=True)
        found = [torch.bmm(as_branches(f, len(call)).mT, as_branches(g, len(call))) for call, f, g in pairs]
        return found[0] if len(found) == 1 else torch.cat(found)

    def _sums(self, features: Sequence[Tensor]) -> Tensor:
        """Sums over pixels, (B, C)."""
        found = [sum_rows(as_rows(f)) for f in features]
        return (found[0] if len(found) == 1 else torch.cat(found)).view(-1, self.channels)

    def _at_features(self, features: Sequence[Tensor], gradients: Sequence[Tensor], found: Unfolded) -> list[Tensor]:
        """Gradient at features (N, E * C, H, W), a call each."""
        # The quadratic form is symmetric: no need to turn it over.
        results = self._through(features, found.quadratic_BII, found.constant_BI)
        if features[0].device.type != "cpu":  # one call
            product = torch.bmm(as_branches(gradients[0], len(found.linear_BOI)), found.linear_BOI)
            results[0].add_(as_images(product.transpose(0, 1).reshape(product.shape[1], -1), features[0]))
            return results
        matrices_OI = found.linear_BOI.unbind()
        for call, result, gradient in zip(self.calls, results, gradients, strict=True):
            parts = (_columns(as_rows(each), len(call)) for each in (result, gradient))
            for result_PI, gradient_PO, matrix_OI in zip(*parts, matrices_OI[call.start : call.stop], strict=True):
                result_PI.addmm_(gradient_PO, matrix_OI)
        return results

    def _through(self, features: Sequence[Tensor], matrices_BOI: Tensor, shifts_BO: Tensor) -> list[Tensor]:
        """Every pixel through the matrix of its branch, and shifted: for each call (N, E * O, H, W)."""
        if features[0].device.type != "cpu":  # one call
            rows_BPI = as_branches(features[0], len(matrices_BOI))
            product = torch.baddbmm(shifts_BO[:, None, :], rows_BPI, matrices_BOI.mT)
            return [as_images(product.transpose(0, 1).reshape(product.shape[1], -1), features[0])]
        # On a CPU, branch by branch costs less than bringing the result of a batched product side by side.
        matrices_IO, shifts_O, results = matrices_BOI.mT.unbind(), shifts_BO.unbind(), []
        for call, f in zip(self.calls, features, strict=True):
            rows = as_rows(f)
            result = torch.empty_like(rows)
            parts = _columns(rows, len(call)), _columns(result, len(call))
            maps = shifts_O[call.start : call.stop], matrices_IO[call.start : call.stop]
            for f_PI, result_PO, shift_O, matrix_IO in zip(*parts, *maps, strict=True):
                torch.addmm(shift_O, f_PI, matrix_IO, out=result_PO)
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


def _flat(weight_BOI: Tensor | None) -> Tensor | None:
    return None if weight_BOI is None else weight_BOI.flatten(0, 1)


def _branches_per_call(x: Tensor) -> int:
    """All on an accelerator, where launches cost most; on a CPU as many as its caches hold."""
    if x.device.type != "cpu":
        return 1 << 30
    return max(1, _CALL_BYTES // (x.numel() * x.element_size()))


def _columns(rows_PR: Tensor, count: int) -> Sequence[Tensor]:
    """The channels of each branch, (P, C)."""
    return (rows_PR,) if count == 1 else rows_PR.chunk(count, dim=1)
