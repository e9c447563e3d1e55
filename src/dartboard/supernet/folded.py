"""All separable convolutions that leave one node of a cell, mixed without forming their outputs: one function.

A separable convolution ends in a 1x1 convolution W, a batch norm and its gate. All three are linear once the batch's
mean and variance are known, and those follow from the first two moments of what the 1x1 convolution reads. So they
fold into one matrix per branch, and a branch adds to its target node by one matrix product:

    features f = depthwise(relu(x)), a row per pixel
    mean     m = sum of rows / P,   covariance K = f' f / P - m m'
    variance v_i = w_i K w_i'       of output channel i, w_i the i-th row of W
    folded   V = diag(1 / sqrt(v + eps)) W
    target  += gate * (f V' - m V')

Everything that is learned gets its gradient from two small sums over pixels, M = f' g and s = sum of rows of g, with g
the gradient at the target; `docs/engine.md` derives `_unfold`.

Shapes by suffix: N images, C channels, P pixels of all images, B branches, E branches that share a call (their channels
lie side by side), O channels out and I channels in of a 1x1 convolution, K side of a kernel.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from dartboard.space.ops.depthwise import (
    DepthwiseInput,
    depthwise,
    depthwise_input_gradient,
    depthwise_weight_gradient,
)

__all__ = ["Bundle", "FoldedBranches", "Layout", "plain_branches", "will_run"]

_CALL_BYTES = 2**20
"""On a CPU branches share a call while what they read stays below this; a larger call would leave the caches."""


@dataclass(frozen=True)
class Bundle:
    """Branches of one form: ReLU, depthwise, 1x1 convolution and batch norm, `repeats` times.

    Attributes:
        kernel: side of the depthwise kernels; 0 for branches that have none and read relu(x) itself, once.
        dilation: of the first half.
        repeats: 1 or 2; a second half has stride 1 and dilation 1.
        eps: of the batch norms.
        targets: for each branch, the number of the accumulator that it adds to.
    """

    kernel: int
    dilation: int
    repeats: int
    eps: float
    targets: tuple[int, ...]

    @property
    def num_weights(self) -> int:
        """Stacked weight tensors: kernels and 1x1 convolutions of each half."""
        return 2 * self.repeats if self.kernel else 1


@dataclass(frozen=True)
class Layout:
    """The branches that leave one node.

    Attributes:
        bundles: branches by form.
        stride: of the first halves.
        num_targets: accumulators.
    """

    bundles: tuple[Bundle, ...]
    stride: int
    num_targets: int


class _Fold(NamedTuple):
    """The 1x1 convolution and batch norm of every branch of a bundle as one linear map; `folded` is V."""

    mean_BI: Tensor
    covariance_BII: Tensor
    inverse_BO: Tensor
    folded_BOI: Tensor

    @property
    def shift_BO(self) -> Tensor:
        return -torch.bmm(self.folded_BOI, self.mean_BI[:, :, None])[:, :, 0]


class _Unfolded(NamedTuple):
    """What `_unfold` finds; the gradient at the features f is g linear + f quadratic + constant."""

    gates_B: Tensor
    weight_BOI: Tensor | None
    linear_BOI: Tensor
    quadratic_BII: Tensor
    constant_BI: Tensor


class _Wanted(NamedTuple):
    """What the backward pass at hand needs gradients of."""

    x: bool
    gates: bool
    weights: bool


class FoldedBranches(torch.autograd.Function):
    """`apply(layout, x, gates, *accumulators, *weights)` adds every branch to its accumulator, in place.

    x is (N, C, H, W); gates (B,); an accumulator (N, C, ceil(H/stride), ceil(W/stride)); all channels last. The weights
    are, bundle by bundle, the depthwise kernels (B * C, 1, K, K; none where there is no depthwise convolution) and the
    1x1 convolutions (B, O, I) of its branches, twice for bundles that repeat. Returns the accumulators.

    The backward pass computes only what is asked for. Second derivatives are those of `plain_branches`.
    """

    @staticmethod
    def forward(ctx: Any, layout: Layout, x: Tensor, gates: Tensor, *rest: Tensor) -> tuple[Tensor, ...]:
        """See the class."""
        targets, weights = rest[: layout.num_targets], rest[layout.num_targets :]
        rectified = _Rectified(x)
        rows_PO = [_rows(target) for target in targets]
        shifts_TO = x.new_zeros(len(targets), x.shape[1])
        saved: list[Tensor] = []
        for branches, chosen in _each_bundle(layout, rectified, gates, weights):
            saved += branches.forward(chosen, rows_PO, shifts_TO)
        for target_PO, shift_O in zip(rows_PO, shifts_TO, strict=True):
            target_PO.add_(shift_O)
        ctx.layout, ctx.num_weights = layout, len(weights)
        ctx.save_for_backward(x, gates, *weights, *saved)
        ctx.mark_dirty(*targets)
        return targets

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        """See the class."""
        x, gates, *saved = ctx.saved_tensors
        weights, saved = saved[: ctx.num_weights], saved[ctx.num_weights :]
        if torch.is_grad_enabled():
            at_x, at_gates, *at_weights = _differentiable(ctx.layout, x, gates, weights, gradients)
        else:
            at_x, at_gates, *at_weights = _backward(ctx.layout, x, gates, weights, saved, gradients, _wanted(ctx))
        return None, at_x, at_gates, *gradients, *at_weights


def plain_branches(layout: Layout, x: Tensor, gates: Tensor, weights: Sequence[Tensor]) -> list[Tensor | None]:
    """What `FoldedBranches` adds to each accumulator, by definition; differentiable any number of times.

    Args:
        layout: the branches.
        x: (N, C, H, W).
        gates: (B,).
        weights: as for `FoldedBranches`.

    Returns:
        For each target (N, C, ceil(H/stride), ceil(W/stride)), or None where no branch leads.
    """
    results: list[Tensor | None] = [None] * layout.num_targets
    branch = place = 0
    for bundle in layout.bundles:
        parts = [weight.chunk(len(bundle.targets)) for weight in weights[place : place + bundle.num_weights]]
        for edge, target in enumerate(bundle.targets):
            y = x
            for half in range(bundle.repeats):
                y = y.relu()
                if bundle.kernel:
                    stride, dilation = (layout.stride, bundle.dilation) if half == 0 else (1, 1)
                    y = depthwise(y, parts[2 * half][edge], stride, dilation)
                y = functional.conv2d(y, parts[2 * half - bundle.num_weights % 2 + 1][edge][0][:, :, None, None])
                y = functional.batch_norm(y, None, None, training=True, eps=bundle.eps)
            before = results[target]
            results[target] = gates[branch] * y if before is None else before + gates[branch] * y
            branch += 1
        place += bundle.num_weights
    return results


def _differentiable(
    layout: Layout, x: Tensor, gates: Tensor, weights: Sequence[Tensor], gradients: Sequence[Tensor]
) -> list[Tensor | None]:
    inputs = [x, gates, *weights]
    reached = [
        (output, gradient)
        for output, gradient in zip(plain_branches(layout, x, gates, weights), gradients, strict=True)
        if output is not None
    ]
    found = iter(
        torch.autograd.grad(
            [output for output, _ in reached],
            [tensor for tensor in inputs if tensor.requires_grad],
            [gradient for _, gradient in reached],
            create_graph=True,
        )
    )
    return [next(found) if tensor.requires_grad else None for tensor in inputs]


def _backward(
    layout: Layout,
    x: Tensor,
    gates: Tensor,
    weights: Sequence[Tensor],
    saved: Sequence[Tensor],
    gradients: Sequence[Tensor],
    wanted: _Wanted,
) -> list[Tensor | None]:
    rectified, targets = _Rectified(x), _Targets(gradients)
    left = iter(saved)
    at_x: Tensor | None = None
    at_gates: list[Tensor] = []
    at_weights: list[Tensor | None] = []
    for branches, chosen in _each_bundle(layout, rectified, gates, weights):
        found = branches.backward(left, chosen, targets, wanted)
        at_gates.append(found.gates_B)
        at_weights += found.weights
        if found.x is not None:
            at_x = found.x if at_x is None else at_x.add_(found.x)
    if at_x is not None:
        at_x = _through_relu_(at_x, x)
    return [at_x, torch.cat(at_gates), *at_weights]


def _each_bundle(
    layout: Layout, rectified: "_Rectified", gates: Tensor, weights: Sequence[Tensor]
) -> Iterator[tuple["_Branches", Tensor]]:
    """The branches of every bundle, with their gates."""
    branch = place = 0
    for bundle in layout.bundles:
        end = place + bundle.num_weights
        yield _Branches(layout, bundle, rectified, weights[place:end]), gates[branch : branch + len(bundle.targets)]
        branch, place = branch + len(bundle.targets), end


class _Found(NamedTuple):
    x: Tensor | None
    gates_B: Tensor
    weights: list[Tensor | None]


class _Branches:
    """A forward or backward pass over the branches of one bundle.

    Calls are ranges of branches. Features are one tensor (N, E * C, H, W) a call.
    """

    def __init__(self, layout: Layout, bundle: Bundle, rectified: "_Rectified", weights: Sequence[Tensor]) -> None:
        self.bundle, self.stride = bundle, layout.stride
        self.rectified, self.weights = rectified, weights
        self.channels = rectified.x.shape[1]
        count, most = len(bundle.targets), rectified.branches_per_call if bundle.kernel else 1
        self.calls = [range(first, min(count, first + most)) for first in range(0, count, most)]

    def forward(self, gates: Tensor, targets_PO: Sequence[Tensor], shifts_TO: Tensor) -> list[Tensor]:
        """Add every branch to its target; returns what `backward` needs."""
        firsts = features = self._first_features()
        kept = list(firsts) if self.bundle.kernel else []
        if self.bundle.repeats == 2:
            between = self._fold(firsts, self.weights[1])
            middles = [_between(between, call, f) for call, f in zip(self.calls, firsts, strict=True)]
            features = [depthwise(y, self._kernels(2, call)) for call, y in zip(self.calls, middles, strict=True)]
            kept += [*between[:3], *middles, *features]
        fold = self._fold(features, self.weights[-1])
        gated_BOI = fold.folded_BOI * gates[:, None, None]
        for call, f in zip(self.calls, features, strict=True):
            for branch, f_PI in zip(call, _by_branch(f, len(call)), strict=True):
                targets_PO[self.bundle.targets[branch]].addmm_(f_PI, gated_BOI[branch].t())
        for target, shift_O in zip(self.bundle.targets, fold.shift_BO * gates[:, None], strict=True):
            shifts_TO[target] += shift_O
        return [*kept, *fold[:3]]

    def backward(self, saved: Iterator[Tensor], gates: Tensor, targets: "_Targets", wanted: _Wanted) -> _Found:
        """Gradients for x before its ReLU, the gates and the weights; those for weights are None if not wanted."""
        firsts = features = [next(saved) for _ in self.calls] if self.bundle.kernel else self._first_features()
        between, middles = None, []
        if self.bundle.repeats == 2:
            between = self._saved_fold(saved, self.weights[1])
            middles = [next(saved) for _ in self.calls]
            features = [next(saved) for _ in self.calls]
        fold = self._saved_fold(saved, self.weights[-1])
        at_ends = [targets(tuple(self.bundle.targets[branch] for branch in call), features[0]) for call in self.calls]
        sums_BO = targets.sums_BO(self.bundle.targets)
        cross, pixels = self._cross(features, at_ends), _pixels(features[0])
        ends = _unfold(fold, cross, sums_BO, gates, pixels, weights=wanted.weights)
        at_weights: list[Tensor | None] = [None] * len(self.weights)
        if not (wanted.x or wanted.weights):
            return _Found(None, ends.gates_B, at_weights)
        at_features = [_at_features(*each, ends) for each in zip(self.calls, features, at_ends, strict=True)]
        at_weights[-1] = ends.weight_BOI
        if between is not None:
            at_middles, kernels = [], []
            for call, y, g in zip(self.calls, middles, at_features, strict=True):
                if wanted.weights:
                    kernels.append(depthwise_weight_gradient(y, g, self.bundle.kernel))
                at_y = depthwise_input_gradient(g, self._kernels(2, call), y.shape[2:])
                at_middles.append(_through_relu_(at_y, y))
            sums_BO = self._sums(at_middles)
            cross = self._cross(firsts, at_middles)
            middle = _unfold(between, cross, sums_BO, None, pixels, weights=wanted.weights)
            at_features = [_at_features(*each, middle) for each in zip(self.calls, firsts, at_middles, strict=True)]
            at_weights[1:3] = [middle.weight_BOI, torch.cat(kernels) if kernels else None]
        if wanted.weights and self.bundle.kernel:
            kernel, dilation = self.bundle.kernel, self.bundle.dilation
            at_weights[0] = torch.cat(
                [
                    self.rectified.input(len(call)).weight_gradient(g, kernel, self.stride, dilation)
                    for call, g in zip(self.calls, at_features, strict=True)
                ]
            )
        return _Found(self._at_x(at_features) if wanted.x else None, ends.gates_B, at_weights)

    def _first_features(self) -> list[Tensor]:
        if not self.bundle.kernel:
            return [self.rectified(1)] * len(self.calls)
        return [
            depthwise(self.rectified(len(call)), self._kernels(0, call), self.stride, self.bundle.dilation)
            for call in self.calls
        ]

    def _kernels(self, place: int, call: range) -> Tensor:
        """Depthwise kernels of a call, (E * C, 1, K, K)."""
        return self.weights[place][call.start * self.channels : call.stop * self.channels]

    def _fold(self, features: Sequence[Tensor], weight_BOI: Tensor) -> _Fold:
        if self.bundle.kernel:
            second_BII, first_BI = self._cross(features, features), self._sums(features)
        else:  # all branches read the same
            rows = _rows(features[0])
            second_BII = torch.mm(rows.t(), rows).expand_as(weight_BOI)
            first_BI = _sum_rows(rows).expand(len(self.calls), -1)
        return _fold(weight_BOI, second_BII, first_BI, _pixels(features[0]), self.bundle.eps)

    def _saved_fold(self, saved: Iterator[Tensor], weight_BOI: Tensor) -> _Fold:
        mean_BI, covariance_BII, inverse_BO = next(saved), next(saved), next(saved)
        return _Fold(mean_BI, covariance_BII, inverse_BO, inverse_BO[:, :, None] * weight_BOI)

    def _cross(self, features: Sequence[Tensor], gradients: Sequence[Tensor]) -> Tensor:
        """Sums over pixels of f' g, (B, I, O)."""
        each = zip(self.calls, features, gradients, strict=True)
        found = [torch.bmm(_by_branch(f, len(call)).mT, _by_branch(g, len(call))) for call, f, g in each]
        return found[0] if len(found) == 1 else torch.cat(found)

    def _sums(self, features: Sequence[Tensor]) -> Tensor:
        """Sums over pixels, (B, C)."""
        found = [_sum_rows(_rows(f)) for f in features]
        return (found[0] if len(found) == 1 else torch.cat(found)).view(-1, self.channels)

    def _at_x(self, at_features: Sequence[Tensor]) -> Tensor:
        """Gradient at relu(x)."""
        total: Tensor | None = None
        if not self.bundle.kernel:
            for g in at_features:
                total = g if total is None else total.add_(g)
            assert total is not None
            return total
        x, stride, dilation = self.rectified.x, self.stride, self.bundle.dilation
        thin = stride == 2 and dilation == 2
        if thin:  # every second pixel alone is read: the others are left out until all branches are added up
            x, stride, dilation = x[:, :, ::2, ::2], 1, 1
        for call, g in zip(self.calls, at_features, strict=True):
            found = depthwise_input_gradient(g, self._kernels(0, call), x.shape[2:], stride, dilation)
            if len(call) > 1:
                found = _images(_by_branch(found, len(call)).sum(dim=0), x)
            total = found if total is None else total.add_(found)
        assert total is not None
        if thin:
            whole = torch.zeros_like(self.rectified.x)
            whole[:, :, ::2, ::2] = total
            return whole
        return total


class _Targets:
    """The gradients at the targets, as the branches need them."""

    def __init__(self, gradients: Sequence[Tensor]) -> None:
        self._rows = [_rows(gradient.contiguous(memory_format=torch.channels_last)) for gradient in gradients]
        self._sums = [_sum_rows(rows) for rows in self._rows]
        self._joined: dict[tuple[int, ...], Tensor] = {}

    def __call__(self, numbers: tuple[int, ...], like: Tensor) -> Tensor:
        """At these targets, side by side as (N, E * C, H, W), with the images and sides of `like`."""
        if numbers not in self._joined:
            rows = [self._rows[number] for number in numbers]
            self._joined[numbers] = _images(rows[0] if len(rows) == 1 else torch.cat(rows, dim=1), like)
        return self._joined[numbers]

    def sums_BO(self, numbers: tuple[int, ...]) -> Tensor:
        """Sums over pixels at these targets."""
        return torch.stack([self._sums[number] for number in numbers])


class _Rectified:
    """relu(x), its channels side by side as often as a call has branches."""

    def __init__(self, x: Tensor) -> None:
        self.x = x
        self._made = {1: DepthwiseInput(x.relu())}

    def __call__(self, times: int) -> Tensor:
        return self.input(times).x

    def input(self, times: int) -> DepthwiseInput:
        if times not in self._made:
            rows = self._made[1].x.permute(0, 2, 3, 1).repeat(1, 1, 1, times)
            self._made[times] = DepthwiseInput(rows.permute(0, 3, 1, 2))
        return self._made[times]

    @property
    def branches_per_call(self) -> int:
        """All on an accelerator, where launches cost most; on a CPU as many as its caches hold."""
        if self.x.device.type != "cpu":
            return 1 << 30
        return max(1, _CALL_BYTES // (self.x.numel() * self.x.element_size()))


def _wanted(ctx: Any) -> _Wanted:
    wanted = [will_run(node) for node, _ in ctx.next_functions]
    return _Wanted(wanted[0], wanted[1], any(wanted[len(wanted) - ctx.num_weights :]))


def will_run(node: Any) -> bool:
    """Whether the backward pass at hand will use a gradient for that input of a function.

    `needs_input_grad` does not tell a gradient for alpha alone from one for everything.
    """
    if node is None:
        return False
    try:
        return bool(torch._C._will_engine_execute_node(node))
    except RuntimeError:  # a leaf asked for by `autograd.grad`, which torch does not say; computing it is never wrong
        return True


def _fold(weight_BOI: Tensor, second_BII: Tensor, first_BI: Tensor, pixels: int, eps: float) -> _Fold:
    """Fold 1x1 convolutions and batch norms, from the sums over pixels of f' f and of f."""
    mean_BI = first_BI / pixels
    covariance_BII = torch.baddbmm(second_BII, mean_BI[:, :, None], mean_BI[:, None, :], beta=1 / pixels, alpha=-1)
    variance_BO = (torch.bmm(weight_BOI, covariance_BII) * weight_BOI).sum(dim=2)
    inverse_BO = (variance_BO.clamp_(min=0) + eps).rsqrt()
    return _Fold(mean_BI, covariance_BII, inverse_BO, inverse_BO[:, :, None] * weight_BOI)


def _unfold(
    fold: _Fold, cross_BIO: Tensor, sums_BO: Tensor, gates: Tensor | None, pixels: int, *, weights: bool
) -> _Unfolded:
    """Gradients of a fold.

    Args:
        fold: as the forward pass made it.
        cross_BIO: sums over pixels of f' g, with g the gradient at the targets.
        sums_BO: sums over pixels of g.
        gates: (B,), or None for gates of one.
        pixels: how many.
        weights: whether those of the 1x1 convolutions are wanted.
    """
    folded_BOI = linear_BOI = fold.folded_BOI
    at_folded_BOI = torch.baddbmm(cross_BIO.mT, sums_BO.unsqueeze(2), fold.mean_BI.unsqueeze(1), alpha=-1)
    share_BO = (at_folded_BOI * folded_BOI).sum(dim=2)
    at_gates_B = share_BO.sum(dim=1)
    if gates is not None:
        gates_B1 = gates.unsqueeze(1)
        share_BO, sums_BO = share_BO * gates_B1, sums_BO * gates_B1
        linear_BOI = folded_BOI * gates_B1.unsqueeze(2)
    scaled_BOI = (share_BO * (-1 / pixels)).unsqueeze(2) * folded_BOI
    at_weight_BOI = None
    if weights:
        at_folded_BOI = at_folded_BOI if gates is None else at_folded_BOI * gates_B1.unsqueeze(2)
        at_weight_BOI = torch.baddbmm(at_folded_BOI, scaled_BOI, fold.covariance_BII, alpha=pixels)
        at_weight_BOI *= fold.inverse_BO.unsqueeze(2)
    quadratic_BII = torch.bmm(folded_BOI.mT, scaled_BOI)
    shift_BO1 = torch.baddbmm(sums_BO.unsqueeze(2), scaled_BOI, fold.mean_BI.unsqueeze(2), beta=1 / pixels)
    constant_BI = torch.bmm(folded_BOI.mT, shift_BO1).squeeze(2).neg_()
    return _Unfolded(at_gates_B, at_weight_BOI, linear_BOI, quadratic_BII, constant_BI)


def _between(fold: _Fold, call: range, f: Tensor) -> Tensor:
    """What a second half reads: 1x1 convolution, batch norm and ReLU of the first half's features."""
    branches = slice(call.start, call.stop)
    return _map(f, fold.folded_BOI[branches], fold.shift_BO[branches]).relu_()


def _at_features(call: range, f: Tensor, g: Tensor, found: _Unfolded) -> Tensor:
    """Gradient at features (N, E * C, H, W)."""
    branches = slice(call.start, call.stop)
    # The quadratic form is symmetric: no need to turn it over.
    result = _map(f, found.quadratic_BII[branches], found.constant_BI[branches])
    return _map_onto(result, g, found.linear_BOI[branches].mT)


def _map(f: Tensor, matrix_EOI: Tensor, shift_EO: Tensor) -> Tensor:
    """Every pixel through the matrix of its branch, and shifted: (N, E * I, H, W) -> (N, E * O, H, W)."""
    rows, branches = _rows(f), len(matrix_EOI)
    if branches == 1:
        return _images(torch.addmm(shift_EO[0], rows, matrix_EOI[0].t()), f)
    if f.device.type != "cpu":
        product = torch.baddbmm(shift_EO[:, None, :], _by_branch(f, branches), matrix_EOI.mT)
        return _images(product.transpose(0, 1).reshape(len(rows), -1), f)
    # On a CPU, branch by branch costs less than bringing the result of a batched product side by side.
    result = rows.new_empty(len(rows), shift_EO.numel())
    parts = zip(rows.chunk(branches, 1), result.chunk(branches, 1), shift_EO, matrix_EOI.mT, strict=True)
    for f_PI, result_PO, shift_O, matrix_IO in parts:
        torch.addmm(shift_O, f_PI, matrix_IO, out=result_PO)
    return _images(result, f)


def _map_onto(result: Tensor, f: Tensor, matrix_EOI: Tensor) -> Tensor:
    """Add every pixel through the matrix of its branch to `result`, (N, E * O, H, W), in place."""
    branches = len(matrix_EOI)
    if branches > 1 and f.device.type != "cpu":
        product = torch.bmm(_by_branch(f, branches), matrix_EOI.mT)
        return result.add_(_images(product.transpose(0, 1).reshape(product.shape[1], -1), f))
    parts = zip(_rows(result).chunk(branches, 1), _rows(f).chunk(branches, 1), matrix_EOI.mT, strict=True)
    for result_PO, f_PI, matrix_IO in parts:
        result_PO.addmm_(f_PI, matrix_IO)
    return result


def _through_relu_(gradient: Tensor, x: Tensor) -> Tensor:
    """The gradient at x from that at relu(x), in place."""
    result: Tensor = torch.ops.aten.threshold_backward.grad_input(gradient, x, 0, grad_input=gradient)
    return result


def _pixels(f: Tensor) -> int:
    return f.shape[0] * f.shape[2] * f.shape[3]


def _rows(f: Tensor) -> Tensor:
    """(N, channels, H, W) -> (P, channels), the same memory where f is channels last."""
    batch, channels, height, width = f.shape
    # One strided view instead of a chain of them: there are thousands a step.
    return _channels_last(f).as_strided((batch * height * width, channels), (channels, 1))


def _images(rows: Tensor, like: Tensor) -> Tensor:
    """(P, channels) -> (N, channels, H, W), channels last, the same memory; images and sides as in `like`."""
    batch, _, height, width = like.shape
    channels = rows.shape[1]
    steps = (height * width * channels, 1, width * channels, channels)
    return rows.as_strided((batch, channels, height, width), steps)


def _by_branch(f: Tensor, size: int) -> Tensor:
    """(N, E * C, H, W) -> (E, P, C), the same memory where f is channels last."""
    batch, channels, height, width = f.shape
    each = channels // size
    return _channels_last(f).as_strided((size, batch * height * width, each), (each, channels, 1))


def _channels_last(f: Tensor) -> Tensor:
    return f if f.is_contiguous(memory_format=torch.channels_last) else f.contiguous(memory_format=torch.channels_last)


def _sum_rows(rows: Tensor) -> Tensor:
    """Sums over pixels; a product with ones is several times faster than `sum` on a CPU."""
    # Only true tensors share a vector of ones: a stand-in of a tracer must not outlive its tracing.
    ones = _ones(len(rows), rows.dtype, rows.device) if type(rows) is Tensor else rows.new_ones(len(rows))
    return torch.mv(rows.t(), ones)


@lru_cache(maxsize=64)
def _ones(count: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    return torch.ones(count, dtype=dtype, device=device)
