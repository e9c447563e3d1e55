"""Dense convolutions of small maps, against torch's own convolution."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from dartboard.kernels import plain_kernels
from dartboard.kernels.dense import DenseConv2d, side_by_side

CHANNELS = 64


def made(batch: int, height: int, width: int, kernel: int, seed: int = 0) -> tuple[DenseConv2d, Tensor, Tensor]:
    """A convolution, its input and the gradient at its output, in bfloat16 and channels last."""
    generator = torch.Generator().manual_seed(seed)
    layer = DenseConv2d(CHANNELS, CHANNELS + 8, kernel)
    x = torch.randn(batch, CHANNELS, height, width, generator=generator)
    gradient = torch.randn(batch, CHANNELS + 8, height, width, generator=generator)
    nn.init.normal_(layer.weight, generator=generator)
    for_torch = {"dtype": torch.bfloat16, "memory_format": torch.channels_last}
    layer.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return layer, x.to(**for_torch), gradient.to(**for_torch)  # type: ignore[call-overload]


def gradients(layer: DenseConv2d, x: Tensor, gradient: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """What comes out under autocast to bfloat16, and the gradients at x and at the weights."""
    x = x.detach().requires_grad_()
    with torch.autocast("cpu", torch.bfloat16):
        out = layer(x)
    at_x, at_weight = torch.autograd.grad(out, (x, layer.weight), gradient)
    return out, at_x, at_weight


@given(
    st.integers(1, 70),
    st.integers(1, 5),
    st.integers(1, 8),
    st.sampled_from((1, 3, 5)),
)
@settings(max_examples=25)
def test_gradients_are_those_of_torch(batch: int, height: int, width: int, kernel: int) -> None:
    layer, x, gradient = made(batch, height, width, kernel)
    out, at_x, at_weight = gradients(layer, x, gradient)
    with plain_kernels():
        torchs = gradients(layer, x, gradient)
    assert torch.equal(out, torchs[0])
    assert torch.equal(at_x, torchs[1])
    wanted = nn.grad.conv2d_weight(x.double(), layer.weight.shape, gradient.double(), padding=kernel // 2)
    # One rounding to bfloat16 of sums whose terms cancel: relative to the largest.
    assert (at_weight.double() - wanted).abs().max() <= 0.01 * wanted.abs().max()


@pytest.mark.parametrize(
    ("size", "kernel", "wanted"),
    [((32, 4, 3, 3), 3, (2, 4, 3, 64)), ((35, 4, 2, 7), 3, (3, 4, 2, 128)), ((3, 4, 5, 3), 5, (1, 4, 5, 15))],
)
def test_images_stand_side_by_side_with_zeros_between(
    size: tuple[int, int, int, int], kernel: int, wanted: tuple[int, int, int, int]
) -> None:
    maps = torch.randn(size).contiguous(memory_format=torch.channels_last)
    gap, (batch, _, _, width) = kernel // 2, size
    together = side_by_side(maps, gap)
    assert together.shape == wanted
    assert together.is_contiguous(memory_format=torch.channels_last)
    places = together.unflatten(3, (-1, width + gap)).permute(0, 3, 1, 2, 4).flatten(0, 1)
    assert torch.equal(places[:batch, ..., :width], maps)
    assert not places[batch:].any()
    assert not places[..., width:].any()


def test_second_derivatives_are_those_of_torch() -> None:
    layer, x, gradient = made(4, 3, 3, 3)
    found = []
    for plain in (False, True):
        own = x.detach().requires_grad_()
        with torch.autocast("cpu", torch.bfloat16):
            if plain:
                with plain_kernels():
                    out = layer(own)
            else:
                out = layer(own)
        (at_x,) = torch.autograd.grad(out, own, gradient, create_graph=True)
        (twice,) = torch.autograd.grad(at_x.float().square().sum(), layer.weight)
        found.append(twice)
    torch.testing.assert_close(found[0], found[1])


@pytest.mark.parametrize("width", [3, 9])
def test_float32_and_wide_maps_are_left_to_torch(width: int) -> None:
    layer, x, _ = made(2, 3, width, 3)
    x = x.float() if width == 3 else x
    with torch.autocast("cpu", torch.bfloat16, enabled=width != 3):
        out = layer(x.requires_grad_())
    assert "SmallMaps" not in type(out.grad_fn).__name__


def test_only_the_gradients_that_are_wanted_are_given() -> None:
    layer, x, gradient = made(4, 3, 3, 3)
    layer.weight.requires_grad_(False)
    x.requires_grad_()
    with torch.autocast("cpu", torch.bfloat16):
        layer(x).backward(gradient)
    assert x.grad is not None
    assert layer.weight.grad is None
    layer.weight.requires_grad_(True)
    with torch.autocast("cpu", torch.bfloat16):
        layer(x.detach()).backward(gradient)
    assert layer.weight.grad is not None
