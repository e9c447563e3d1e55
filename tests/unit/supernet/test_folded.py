"""Folded branches against the same branches by definition."""

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from dartboard.supernet.folded import Bundle, FoldedBranches, Layout, plain_branches
from dartboard.supernet.forms import Dense, Separable


@st.composite
def layouts(draw: st.DrawFn) -> Layout:
    """Up to three bundles of up to three branches, which lead to any of the targets."""
    num_targets = draw(st.integers(1, 3))
    targets = st.lists(st.integers(0, num_targets - 1), min_size=1, max_size=3).map(tuple)
    eps = st.sampled_from([1e-5, 1e-3])
    kernels, dilations = st.sampled_from([3, 5]), st.sampled_from([1, 2])
    separable = st.builds(Separable, kernels, dilations, st.sampled_from([1, 2]), eps)
    dense = st.builds(Dense, kernels, dilations, eps)
    pointwise = st.builds(Dense, st.just(1), st.just(1), eps)
    bundles = st.builds(Bundle, separable | dense | pointwise, targets)
    chosen = tuple(draw(st.lists(bundles, min_size=1, max_size=3)))
    identities = draw(st.lists(st.integers(0, num_targets - 1), max_size=2).map(tuple))
    # Neither are 1x1 convolutions of a stride folded, nor is an identity one.
    whole = bool(identities) or any(bundle.form.kernel == 1 for bundle in chosen)
    return Layout(chosen, identities, 1 if whole else draw(st.sampled_from([1, 2])), num_targets)


def channels_last(x: Tensor) -> Tensor:
    return x.contiguous(memory_format=torch.channels_last)


@settings(max_examples=25, deadline=None)
@given(layouts(), st.sampled_from([(5, 5), (6, 7), (8, 4)]), st.integers(1, 3), st.integers(1, 4), st.integers(0, 1000))
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
        count = len(bundle.targets)
        kernel = bundle.form.kernel
        if isinstance(bundle.form, Dense):
            wide = (count * channels, channels, kernel, kernel)
            weights.append(normal(*wide) if kernel > 1 else normal(count * channels, channels))
            continue
        for _ in range(bundle.form.repeats):
            weights += [normal(count * channels, 1, kernel, kernel), normal(count * channels, channels)]
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
