"""Average pooling, against torch's."""

import pytest
import torch
from torch import Tensor, nn

from dartboard.kernels import plain_kernels
from dartboard.space.ops import pooling
from dartboard.space.ops.pooling import AveragePool3x3


@pytest.fixture(autouse=True)
def every_size(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small maps take the fast path too."""
    monkeypatch.setattr(pooling, "_LEAST_PIXELS", 0)


def draw(*shape: int, seed: int = 0) -> Tensor:
    x = torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return x.contiguous(memory_format=torch.channels_last)


def backward_name(x: Tensor, stride: int = 1) -> str:
    node = AveragePool3x3(stride)(x.requires_grad_()).grad_fn
    assert node is not None
    return node.name()


@pytest.mark.parametrize("size", [(6, 7), (2, 2), (1, 3), (3, 1), (1, 1), (1, 2)])
@pytest.mark.parametrize("stride", [1, 2])
def test_means_count_no_padding_and_gradients_are_torchs(size: tuple[int, int], stride: int) -> None:
    torchs = nn.AvgPool2d(3, stride=stride, padding=1, count_include_pad=False)
    x = draw(2, 3, *size).requires_grad_()
    found, wanted = AveragePool3x3(stride)(x), torchs(x)
    torch.testing.assert_close(found, wanted, rtol=1e-12, atol=1e-12)
    gradient = draw(*wanted.shape, seed=1).contiguous()
    before = gradient.clone()
    ours, theirs = (torch.autograd.grad(y, x, gradient)[0] for y in (found, wanted))
    torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=1e-12)
    assert torch.equal(gradient, before)


def test_ones_stay_ones_everywhere() -> None:
    ones = torch.ones(1, 2, 5, 4, dtype=torch.float64).contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(AveragePool3x3(1)(ones), ones, rtol=1e-15, atol=0)


def test_second_derivatives_are_right() -> None:
    assert torch.autograd.gradgradcheck(lambda x: AveragePool3x3(1)(x) ** 2, draw(1, 2, 4, 3).requires_grad_())


def test_what_torch_does_well_is_left_to_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    x, torchs = draw(2, 3, 6, 6), "AvgPool2DBackward0"
    assert backward_name(x) != torchs
    assert backward_name(x, stride=2) == torchs
    assert backward_name(x.detach().contiguous()) == torchs
    with plain_kernels():
        assert backward_name(x) == torchs
    monkeypatch.setattr(pooling, "_LEAST_PIXELS", 2 * 6 * 6 + 1)
    assert backward_name(x) == torchs
