"""What modules that read the same map share, against each of them by itself."""

import pytest
import torch
from torch import Tensor, nn

from dartboard.kernels import plain_kernels
from dartboard.space import ATTENTION, Norm
from dartboard.space.features import Features, gives_fresh, through
from dartboard.space.ops import OPS

NORM = Norm(affine=True, running=True)
LAYOUTS = pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])


def draw(channels: int, seed: int, layout: torch.memory_format = torch.channels_last) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(2, channels, 6, 5, generator=generator, dtype=torch.float64)
    return x.contiguous(memory_format=layout).requires_grad_()


@LAYOUTS
def test_maps_are_joined_by_their_channels_and_their_gradients_come_apart_again(layout: torch.memory_format) -> None:
    maps = [draw(channels, channels, layout) for channels in (2, 1, 3)]
    joined = torch.cat(maps, dim=1)
    gradient = torch.randn(joined.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(9))
    for name, wanted in (("whole", joined), ("rectified", joined.relu())):
        found = getattr(Features(*maps), name)
        assert torch.equal(found, wanted)
        answers = [torch.autograd.grad(y, maps, gradient, retain_graph=True) for y in (found, wanted)]
        assert all(torch.equal(ours, torchs) for ours, torchs in zip(*answers, strict=True))


def test_second_derivatives_are_right() -> None:
    maps = [draw(2, 1), draw(1, 2)]
    for name in ("whole", "rectified"):
        assert torch.autograd.gradgradcheck(lambda *each, name=name: getattr(Features(*each), name) ** 2, maps)


def test_each_is_made_once_and_a_single_map_is_the_whole() -> None:
    x = draw(2, 1)
    single, several = Features(x), Features(x, x)
    assert single.whole is x
    assert Features.of(single) is single
    assert Features.of(x).whole is x
    for features in (single, several):
        assert features.rectified is features.rectified
        assert features.whole is features.whole


def test_the_rectified_map_is_the_same_whether_the_whole_was_asked_for_before_or_not() -> None:
    early, late = Features(draw(2, 1), draw(3, 2)), Features(draw(2, 1), draw(3, 2))
    assert torch.equal(early.whole.relu(), early.rectified)
    assert torch.equal(late.rectified, early.rectified)
    assert torch.equal(late.whole, early.whole)


@LAYOUTS
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize(
    "name",
    [entry.name for entry in OPS if entry.factory.__module__.startswith("dartboard.") and entry.name not in ATTENTION],
)
def test_operations_that_share_a_map_give_what_they_give_alone(
    name: str, stride: int, layout: torch.memory_format
) -> None:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        op = OPS[name].factory(4, stride, NORM).double()
    shared, alone = draw(4, 1, layout), draw(4, 1, layout)
    features = Features(shared)
    for _ in range(2):  # what the first pass made must serve the second unchanged
        found, wanted = through(op, features), op(alone)
        torch.testing.assert_close(found, wanted, rtol=1e-12, atol=1e-12)
        gradient = torch.randn(wanted.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(3))
        if wanted.requires_grad:
            ours, theirs = (
                torch.autograd.grad(y, [x, *op.parameters()], gradient, retain_graph=True)
                for x, y in ((shared, found), (alone, wanted))
            )
            for mine, its in zip(ours, theirs, strict=True):
                torch.testing.assert_close(mine, its, rtol=1e-11, atol=1e-11)


def test_a_map_is_fresh_if_a_batch_norm_gives_it() -> None:
    fresh = {name for name in ("skip_connect", "max_pool_3x3", "sep_conv_3x3", "nor_conv_1x1") if _gives(name)}
    assert fresh == {"sep_conv_3x3", "nor_conv_1x1"}
    assert not gives_fresh(nn.Sequential(nn.BatchNorm2d(2), nn.Sigmoid()))


def _gives(name: str) -> bool:
    return gives_fresh(OPS[name].factory(4, 1, NORM))


def test_under_plain_kernels_nothing_is_shared() -> None:
    op = OPS["nor_conv_1x1"].factory(2, 1, NORM).double()
    features = Features(draw(2, 1))
    with plain_kernels():
        through(op, features)
    assert features._rectified is None
