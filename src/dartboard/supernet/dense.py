"""Branches of dense convolutions that leave a node: 1x1, folded whole, and wider ones, folded with their batch norm.

Shapes by suffix: N images, C channels, P pixels of all images, B branches, T targets, O channels out and I channels in
of a convolution, R values of the branches of a pixel side by side (B * O).
"""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor
from torch.nn import functional

from dartboard.space.ops.norm import channel_moments, gradient_sums, input_gradient_map
from dartboard.space.ops.rows import as_images, as_rows, count_pixels, in_channels_last, sum_of_products, sum_rows
from dartboard.supernet.bundles import Branches, Found, Targets, Wanted, add_shifts_
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
        y = in_channels_last(y)
        mean_R, variance_R = channel_moments(y)
        inverse_R = (variance_R + form.eps).rsqrt_()
        scale_BO = inverse_R.view(len(gates), -1) * gates[:, None]
        y_BPO = as_rows(y).chunk(len(gates), dim=1)
        for target, y_PO, scale_O in zip(self.bundle.targets, y_BPO, scale_BO.unbind(), strict=True):
            targets_PO[target].addcmul_(y_PO, scale_O)
        add_shifts_(shifts_TO, self.bundle.targets, -mean_R.view_as(scale_BO) * scale_BO)
        return [y, mean_R, inverse_R]

    def backward(
        self, saved: Iterator[Tensor], gates: Tensor, targets: Targets, wanted: Wanted, at_x: Tensor | None
    ) -> Found:
        """See `Branches.backward`."""
        y, mean_R, inverse_R = next(saved), next(saved), next(saved)
        wants_more = wanted.x or wanted.weights
        gradient = (targets.take if wants_more else targets)(self.bundle.targets, y)
        products_R, sums_R = gradient_sums(y, gradient, mean_R)
        at_scale_R = products_R * inverse_R
        gates_B = at_scale_R.view(len(gates), -1).sum(dim=1)
        if not wants_more:
            return Found(at_x, gates_B, [None])
        scale_R = (inverse_R.view(len(gates), -1) * gates[:, None]).flatten()
        slope_R, constant_R = input_gradient_map(at_scale_R, sums_R, mean_R, inverse_R, scale_R, count_pixels(y))
        as_rows(gradient).mul_(scale_R).addcmul_(as_rows(y), slope_R).add_(constant_R)
        found, at_weight = self._through_convolution(gradient, wanted)
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
