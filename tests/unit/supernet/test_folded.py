"""Folded branches against the same branches by definition."""

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from dartboard.supernet.folded import Bundle, FoldedBranches, Layout, plain_branches
from dartboard.supernet.forms import Dense, Folded, Reduced, Separable


@st.composite
def layouts(draw: st.DrawFn) -> Layout:
    """Up to three bundles of up to three branches, which lead to any of the targets."""
    num_targets = draw(st.integers(1, 3))
    targets = st.lists(st.integers(0, num_targets - 1), min_size=1, max_size=3).map(tuple)
    eps = st.sampled_from([1e-5, 1e-3])
    kernels, dilations = st.sampled_from([3, 5]), st.sampled_from([1, 2])
    separable = st.builds(Separable, kernels, dilations, st.sampled_from([1, 2]), eps)
    dense = st.builds(Dense, kernels, dilations, eps)
    # At stride 1 there are 1x1 convolutions and identities besides, at stride 2 reductions.
    stride = draw(st.sampled_from([1, 2]))
    further = st.builds(Dense, st.just(1), st.just(1), eps) if stride == 1 else st.builds(Reduced, eps)
    bundles = st.lists(st.builds(Bundle, separable | dense | further, targets), min_size=1, max_size=3).map(tuple)
    identities = st.lists(st.integers(0, num_targets - 1), max_size=2 if stride == 1 else 0).map(tuple)
    return Layout(draw(bundles), draw(identities), stride, num_targets)


def shapes(form: Folded, channels: int) -> list[tuple[int, ...]]:
    """Of the convolutions of one branch."""
    if isinstance(form, Separable):
        return [(channels, 1, form.kernel, form.kernel), (channels, channels, 1, 1)] * form.repeats
    if isinstance(form, Reduced):
        return [(channels // 2, channels, 1, 1)] * 2
    return [(channels, channels, form.kernel, form.kernel)]


def channels_last(x: Tensor) -> Tensor:
    return x.contiguous(memory_format=torch.channels_last)


@settings(max_examples=25)
@given(
    layouts(),
    st.sampled_from([(5, 5), (6, 7), (8, 4)]),
    st.integers(1, 3),
    st.sampled_from([2, 4]),
    st.integers(0, 1000),
)
def test_folded_branches_add_what_the_plain_ones_give_and_have_their_gradients(
    layout: Layout, size: tuple[int, int], batch: int, channels: int, seed: int
) -> None:
    generator = torch.Generator().manual_seed(seed)

    def normal(*shape: int) -> Tensor:
        return torch.randn(shape, generator=generator, dtype=torch.float64)

    x = channels_last(normal(batch, channels, *size)).requires_grad_()
    num_gates = len(layout.identities) + sum(len(bundle.targets) for bundle in layout.bundles)
    gates = normal(num_gates).requires_grad_()
    weights = []
    for bundle in layout.bundles:
        weights += [normal(*shape) for shape in shapes(bundle.form, channels) for _ in bundle.targets]
    inputs = [x, gates, *(weight.requires_grad_() for weight in weights)]
    smaller = [-(-side // layout.stride) for side in size]
    starts = [channels_last(normal(batch, channels, *smaller)).requires_grad_() for _ in range(layout.num_targets)]
    wanted = [
        start if added is None else start + added
        for start, added in zip(starts, plain_branches(layout, x, gates, weights), strict=True)
    ]
    found = FoldedBranches.apply(layout, x, gates, *(start * 1 for start in starts), *weights)
    way = [normal(*start.shape) for start in starts]
    slopes = [
        torch.autograd.grad(outputs, [*inputs, *starts], way, materialize_grads=True) for outputs in (found, wanted)
    ]
    for got, expected in zip([*found, *slopes[0]], [*wanted, *slopes[1]], strict=True):
        # Float64 rounding, through norms that multiply it by up to 316 each; the floor is for gradients of zero.
        error = (got - expected).detach().norm()
        assert error <= 1e-9 * expected.detach().norm() + 1e-11 * slopes[1][0].norm() + 1e-11
