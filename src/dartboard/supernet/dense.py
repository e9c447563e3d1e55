"""Branches of dense convolutions that leave a node: 1x1, folded whole, and wider ones, folded with their batch norm.

Shapes by suffix: N images, C channels, P pixels of all images, B branches, T targets, O channels out and I channels in
of a convolution, R values of the branches of a pixel side by side (B * O).
"""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor
from torch.nn import functional

from dartboard.space.ops.rows import as_images, as_rows, in_channels_last, sum_of_products, sum_rows
from dartboard.supernet.bundles import Branches, Found, Normalized, Targets, Wanted, add_shifts_
from dartboard.supernet.fold import Fold, fold, unfold
from dartboard.supernet.forms import Dense

__all__ = ["DenseBranches", "PointwiseBranches"]


class PointwiseBranches(Branches):
    """1x1 convolutions with their batch norms: all read the same, so they are one linear map with all their outputs.

    The weights are one (R, I).
    """

    def forward(self, gates: Tensor, targets_PO: Sequence[Tensor], shifts_TO: Tensor) -> list[Tensor]:
        """See `Branches.forward`."""
        assert isinstance(self.bundle.form, Dense)
        x_PI, (weight_RI,) = as_rows(self.rectified.x), self.weights
        moments = sum_of_products(x_PI, x_PI)[None], sum_rows(x_PI)[None]
        found = fold(weight_RI[None], *moments, len(x_PI), self.bundle.form.eps)
        gates_R1 = self._gates_R(gates)[:, None]
        gated_BIO = (found.folded_BOI[0] * gates_R1).view(len(gates), -1, x_PI.shape[1]).mT.unbind()
        for target, matrix_IO in zip(self.bundle.targets, gated_BIO, strict=True):
            targets_PO[target].addmm_(x_PI, matrix_IO)
        add_shifts_(shifts_TO, self.bundle.targets, found.shift_BO.view(len(gates), -1) * gates[:, None])
        return list(found[:3])

    def backward(
        self, saved: Iterator[Tensor], gates: Tensor, targets: Targets, wanted: Wanted, at_x: Tensor | None
    ) -> Found:
        """See `Branches.backward`."""
        x, (weight_RI,) = self.rectified.x, self.weights
        mean, covariance, inverse = next(saved), next(saved), next(saved)
        folded = Fold(mean, covariance, inverse, inverse[:, :, None] * weight_RI)
        x_PI, at_PR = as_rows(x), as_rows(targets(self.bundle.targets, x))
        cross_RI = sum_of_products(at_PR, x_PI)
        sums = targets.sums_BO(self.bundle.targets).view(1, -1)
        found = unfold(folded, cross_RI[None], sums, self._gates_R(gates)[None], len(x_PI), weights=wanted.weights)
        if wanted.x:
            linear_RI = found.linear_BOI[0]
            rows = torch.mm(at_PR, linear_RI) if at_x is None else as_rows(at_x).addmm_(at_PR, linear_RI)
            rows.addmm_(x_PI, found.quadratic_BII[0]).add_(found.constant_BI[0])
            at_x = as_images(rows, x)
        at_weight = None if found.weight_BOI is None else found.weight_BOI[0]
        return Found(at_x, found.share_BO.view(len(gates), -1).sum(dim=1), [at_weight])

    def _gates_R(self, gates: Tensor) -> Tensor:
        """The gate of every output of all branches."""
        return gates.repeat_interleave(len(self.weights[0]) // len(gates))


class DenseBranches(Branches):
    """Wider convolutions, run as one that has all their outputs, with norms and gates folded into adding these.

    The weights are one (B * O, I, K, K). The convolutions' outputs are kept; no other map is formed forward, and one
    of their size backward.
    """

    def forward(self, gates: Tensor, targets_PO: Sequence[Tensor], shifts_TO: Tensor) -> list[Tensor]:
        """See `Branches.forward`."""
        form, (weight,) = self.bundle.form, self.weights
        assert isinstance(form, Dense)
        padding = form.dilation * (form.kernel // 2)
        y = functional.conv2d(self.rectified.x, weight, None, self.stride, padding, form.dilation)
        ends = Normalized.of([in_channels_last(y)], form.eps)
        ends.add_(gates, self.bundle.targets, targets_PO, shifts_TO)
        return [*ends.maps, ends.mean_R, ends.inverse_R]

    def backward(
        self, saved: Iterator[Tensor], gates: Tensor, targets: Targets, wanted: Wanted, at_x: Tensor | None
    ) -> Found:
        """See `Branches.backward`."""
        y, mean_R, inverse_R = next(saved), next(saved), next(saved)
        wants_more = wanted.x or wanted.weights
        gates_R = gates.repeat_interleave(y.shape[1] // len(gates))
        at_maps, at_scale_R = Normalized([y], mean_R, inverse_R).gradient(
            [targets(self.bundle.targets, y)], gates_R, maps_wanted=wants_more
        )
        gates_B = at_scale_R.view(len(gates), -1).sum(dim=1)
        if not wants_more:
            return Found(at_x, gates_B, [None])
        found, at_weight = self._through_convolution(at_maps[0], wanted)
        if found is not None:
            at_x = found if at_x is None else at_x.add_(found)
        return Found(at_x, gates_B, [at_weight])

    def _through_convolution(self, gradient: Tensor, wanted: Wanted) -> tuple[Tensor | None, Tensor | None]:
        form, (weight,) = self.bundle.form, self.weights
        assert isinstance(form, Dense)
        padding = form.dilation * (form.kernel // 2)
        steps, paddings, dilations = [self.stride] * 2, [padding] * 2, [form.dilation] * 2
        masks = [wanted.x, wanted.weights, False]
        found: tuple[Tensor | None, Tensor | None, None] = torch.ops.aten.convolution_backward(
            gradient, self.rectified.x, weight, None, steps, paddings, dilations, False, [0, 0], 1, masks
        )
        return found[0], found[1]
