"""One function that mixes all convolutions that leave a node of a cell, without forming their normalised outputs.

Every branch ends in a convolution with the output y, a batch norm and a gate. Norm and gate are an affine function of y
once its mean m and variance v are known. So a branch adds to its target node

    target += gate / sqrt(v + eps) * (y - m)

in one pass over y; the constants of all branches are added together. `docs/engine.md` derives the backward pass.

Shapes by suffix: N images, C channels, P pixels of all images, B branches, O output channels and I input channels of a
1x1 convolution, K side of a kernel.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from dartboard.kernels.depthwise import depthwise
from dartboard.kernels.rows import as_rows
from dartboard.supernet.bundles import Branches, Bundle, Layout, Rectified, Targets, Wanted, through_relu_
from dartboard.supernet.dense_branches import PointwiseBranches, ReducedBranches, WideBranches
from dartboard.supernet.forms import Folded, Reduced, Separable
from dartboard.supernet.normalized import columns
from dartboard.supernet.separable_branches import SeparableBranches, branches_per_call

__all__ = ["Bundle", "FoldedBranches", "Layout", "branches_per_call", "plain_branches", "will_run"]


class FoldedBranches(torch.autograd.Function):
    """`apply(layout, x, gates, *accumulators, *weights)` adds every branch to its accumulator, in place.

    x is (N, C, H, W), gates are (identities + B,), and an accumulator is (N, C, ceil(H/stride), ceil(W/stride)). Images
    and accumulators are channels last. The weights are ordered bundle by bundle: first those of the first convolution
    of every branch, then those of the second, ... Returns the accumulators.

    The backward pass computes only the gradients that are needed. `plain_branches` gives the second derivatives.
    """

    @staticmethod
    def forward(ctx: Any, layout: Layout, x: Tensor, gates: Tensor, *rest: Tensor) -> tuple[Tensor, ...]:
        """Add identities and branches to the accumulators, then subtract the constants of all branches at once."""
        targets, weights = rest[: layout.num_targets], rest[layout.num_targets :]
        for number, gate in zip(layout.identities, gates.unbind(), strict=False):
            targets[number].addcmul_(x, gate)
        rectified, stacked = Rectified(x.relu()), _stack(layout, weights)
        rows_PO = [as_rows(target) for target in targets]
        saved: list[Tensor] = []
        excess: list[list[Tensor]] = [[] for _ in targets]
        for branches, gates_R in _each_bundle(layout, rectified, gates, stacked):
            added = branches.forward(gates_R, rows_PO)
            saved += added.saved
            numbers = branches.bundle.targets
            for number, excess_O in zip(numbers, columns(added.excess_R, len(numbers)), strict=True):
                excess[number].append(excess_O)
        for target_PO, each in zip(rows_PO, excess, strict=True):
            if each:
                target_PO.sub_(torch.stack(each).sum(dim=0))
        ctx.layout, ctx.num_weights, ctx.num_stacked = layout, len(weights), len(stacked)
        ctx.save_for_backward(x, rectified.x, gates, *weights, *stacked, *saved)
        ctx.mark_dirty(*targets)
        return targets

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        """Gradients at x, gates, accumulators and weights; differentiable if the caller asks for a graph."""
        x, rectified, gates, *saved = ctx.saved_tensors
        weights, saved = saved[: ctx.num_weights], saved[ctx.num_weights :]
        if torch.is_grad_enabled():
            at_x, at_gates, *at_weights = _differentiable(ctx.layout, x, gates, weights, gradients)
        else:
            stacked, saved = saved[: ctx.num_stacked], saved[ctx.num_stacked :]
            at_x, at_gates, *at_stacked = _backward(
                ctx.layout, x, rectified, gates, stacked, saved, gradients, _wanted(ctx)
            )
            at_weights = _unstack(ctx.layout, at_stacked, weights)
        return None, at_x, at_gates, *gradients, *at_weights


def plain_branches(layout: Layout, x: Tensor, gates: Tensor, weights: Sequence[Tensor]) -> list[Tensor | None]:
    """What `FoldedBranches` adds to each accumulator, by definition; differentiable any number of times.

    Args:
        layout: the branches.
        x: input of all branches, (N, C, H, W).
        gates: gates of the identities, then of the branches, (identities + B,).
        weights: bundle by bundle, the weights of the first convolution of every branch, then of the second, ...

    Returns:
        For each target a tensor, (N, C, ceil(H/stride), ceil(W/stride)); None for targets without a branch.
    """
    results: list[Tensor | None] = [None] * layout.num_targets
    for number, gate in zip(layout.identities, gates, strict=False):
        before = results[number]
        results[number] = gate * x if before is None else before + gate * x
    branch, place = len(layout.identities), 0
    for bundle in layout.bundles:
        of_bundle = weights[place : place + bundle.num_weights]
        for edge, target in enumerate(bundle.targets):
            y = _plain(bundle.form, x, of_bundle[edge :: len(bundle.targets)], layout.stride)
            before = results[target]
            results[target] = gates[branch] * y if before is None else before + gates[branch] * y
            branch += 1
        place += bundle.num_weights
    return results


def _plain(form: Folded, x: Tensor, weights: Sequence[Tensor], stride: int) -> Tensor:
    """The output of one branch, with a gate of 1."""
    if isinstance(form, Separable):
        for half in range(form.repeats):
            strides, dilation = (stride, form.dilation) if half == 0 else (1, 1)
            x = depthwise(x.relu(), weights[2 * half], strides, dilation)
            x = functional.conv2d(x, weights[2 * half + 1])
            x = functional.batch_norm(x, None, None, training=True, eps=form.eps)
        return x
    y = x.relu()
    if isinstance(form, Reduced):
        height, width = x.shape[2:]
        odd = functional.pad(y[:, :, 1::2, 1::2], (0, width % 2, 0, height % 2))
        halves = zip((y[:, :, ::2, ::2], odd), weights, strict=True)
        y = torch.cat([functional.conv2d(each, weight) for each, weight in halves], dim=1)
    else:
        y = functional.conv2d(y, weights[0], None, stride, form.dilation * (form.kernel // 2), form.dilation)
    return functional.batch_norm(y, None, None, training=True, eps=form.eps)


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
    rectified_x: Tensor,
    gates: Tensor,
    weights: Sequence[Tensor],
    saved: Sequence[Tensor],
    gradients: Sequence[Tensor],
    wanted: Wanted,
) -> list[Tensor | None]:
    rectified, targets = Rectified(rectified_x), Targets(gradients)
    left = iter(saved)
    at_x: Tensor | None = None
    at_gates: list[Tensor] = []
    if layout.identities and wanted.gates:
        values = as_rows(x).flatten()
        at_gates.append(
            torch.stack([torch.dot(values, targets.rows_PO[number].flatten()) for number in layout.identities])
        )
    at_weights: list[Tensor | None] = []
    by_channel: list[Tensor] = []
    for branches, gates_R in _each_bundle(layout, rectified, gates, weights):
        found = branches.backward(left, gates_R, targets, wanted, at_x)
        at_x = found.x
        by_channel.append(found.gates_R)
        at_weights += found.weights
    if wanted.gates:
        at_gates.append(torch.cat(by_channel).view(-1, x.shape[1]).sum(dim=1))
    if at_x is not None:
        at_x = through_relu_(at_x, rectified.x)
        rows = as_rows(at_x)
        for number, gate in zip(layout.identities, gates.unbind(), strict=False):
            rows.addcmul_(targets.rows_PO[number], gate)
    return [at_x, torch.cat(at_gates) if wanted.gates else None, *at_weights]


def _stack(layout: Layout, weights: Sequence[Tensor]) -> list[Tensor]:
    stacked, place = [], 0
    for bundle in layout.bundles:
        stacked += bundle.stack(weights[place : place + bundle.num_weights])
        place += bundle.num_weights
    return stacked


def _unstack(layout: Layout, stacked: Sequence[Tensor | None], weights: Sequence[Tensor]) -> list[Tensor | None]:
    """The gradients at the single weights, taken from the gradients at the stacked weights."""
    left, found = iter(stacked), list[Tensor | None]()
    for bundle in layout.bundles:
        count = len(bundle.targets)
        for _ in bundle.are_matrices:
            each = next(left)
            found += [None] * count if each is None else each.view(count, *weights[len(found)].shape).unbind()
    return found


def _each_bundle(
    layout: Layout, rectified: Rectified, gates: Tensor, stacked: Sequence[Tensor]
) -> Iterator[tuple[Branches, Tensor]]:
    """The branches of every bundle, with the gates of all their channels, (R,)."""
    channels = rectified.x.shape[1]
    by_channel = gates[len(layout.identities) :].repeat_interleave(channels)
    counts = [channels * len(bundle.targets) for bundle in layout.bundles]
    place = 0
    for bundle, gates_R in zip(layout.bundles, by_channel.split_with_sizes(counts), strict=True):
        end = place + len(bundle.are_matrices)
        yield _class_of(bundle)(layout, bundle, rectified, stacked[place:end]), gates_R
        place = end


def _class_of(bundle: Bundle) -> type[Branches]:
    if isinstance(bundle.form, Separable):
        return SeparableBranches
    if isinstance(bundle.form, Reduced):
        return ReducedBranches
    return PointwiseBranches if bundle.form.kernel == 1 else WideBranches


def _wanted(ctx: Any) -> Wanted:
    nodes = [node for node, _ in ctx.next_functions]
    return Wanted(will_run(nodes[0]), will_run(nodes[1]), any(map(will_run, nodes[len(nodes) - ctx.num_weights :])))


def will_run(node: Any) -> bool:
    """Whether the current backward pass will use a gradient for that input of a function.

    `needs_input_grad` cannot tell: it is true for all inputs even if only the gradient at alpha is asked for.
    """
    if node is None:
        return False
    try:
        return bool(torch._C._will_engine_execute_node(node))
    except RuntimeError:  # torch cannot tell for a leaf of `autograd.grad`; an unneeded gradient does no harm
        return True
