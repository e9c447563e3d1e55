"""1x1 convolutions against torch's; strided ones take their pixels first because of a fault in torch (oneDNN 6035)."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from dartboard.kernels import plain_kernels
from dartboard.kernels.pointwise import Pointwise
from dartboard.space import ATTENTION, OPS, Norm
from dartboard.space.ops.conv import FactorizedReduce, relu_conv_norm


@pytest.mark.parametrize("name", [entry.name for entry in OPS if entry.name not in ATTENTION])
def test_no_operation_leaves_a_strided_1x1_convolution_to_torch(name: str) -> None:
    op = OPS[name].factory(8, 2, Norm(affine=False, running=False))
    pointwise = [m for m in op.modules() if isinstance(m, nn.Conv2d) and m.kernel_size == (1, 1)]
    assert all(convolution.stride == (1, 1) for convolution in pointwise)


@pytest.mark.parametrize("side", [6, 7])
def test_a_strided_1x1_convolution_equals_torchs(side: int) -> None:
    layers = relu_conv_norm(4, 6, 1, Norm(affine=False, running=False), stride=2).double()
    x = torch.randn(3, 4, side, side, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    wanted = layers[2](functional.conv2d(x.relu(), layers[1].weight, stride=2))
    torch.testing.assert_close(layers(x), wanted, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("side", [6, 7])
def test_a_factorized_reduction_equals_its_two_strided_convolutions(side: int) -> None:
    reduce = FactorizedReduce(4, 6, Norm(affine=False, running=False)).double()
    x = torch.randn(3, 4, side, side, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    positive = x.relu()
    shifted = functional.pad(positive, (0, side % 2, 0, side % 2))[:, :, 1:, 1:]
    halves = [
        functional.conv2d(positive, reduce.even.weight, stride=2),
        functional.conv2d(shifted, reduce.odd.weight, stride=2),
    ]
    torch.testing.assert_close(reduce(x), reduce.norm(torch.cat(halves, dim=1)), rtol=1e-12, atol=1e-12)


def draw(*shape: int) -> torch.Tensor:
    x = torch.randn(shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    return x.contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("shape", [(3, 4, 6, 7), (1, 4, 1, 1), (2, 4, 5, 1)])
def test_results_and_gradients_are_torchs(shape: tuple[int, ...], stride: int) -> None:
    layer, x = Pointwise(4, 6, stride).double(), draw(*shape).requires_grad_()
    found, wanted = layer(x), functional.conv2d(x.contiguous(), layer.weight, stride=stride)
    assert found.is_contiguous(memory_format=torch.channels_last)
    gradient = torch.randn_like(wanted)  # contiguous, as slicing lays gradients out
    answers = [(y, *torch.autograd.grad(y, [x, layer.weight], gradient)) for y in (found, wanted)]
    for ours, torchs in zip(*answers, strict=True):
        torch.testing.assert_close(ours, torchs, rtol=1e-12, atol=1e-12)


def test_second_derivatives_are_right() -> None:
    layer, x = Pointwise(2, 3).double(), draw(2, 2, 3, 2).requires_grad_()

    def convolve(x: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        return torch.func.functional_call(layer, {"weight": weight}, (x,))

    assert torch.autograd.gradgradcheck(convolve, [x, layer.weight])


@pytest.mark.parametrize("frozen", [0, 1])
def test_what_is_frozen_gets_no_gradient(frozen: int) -> None:
    layer, x = Pointwise(2, 3).double(), draw(2, 2, 3, 2).requires_grad_()
    tensors = [x, layer.weight]
    tensors[frozen].requires_grad_(False)
    layer(x).sum().backward()
    assert [tensor.grad is None for tensor in tensors] == [frozen == 0, frozen == 1]


def test_other_layouts_and_plain_kernels_are_left_to_torch() -> None:
    layer, x = Pointwise(2, 3).double(), draw(2, 2, 3, 2)
    assert layer(x).grad_fn.name() != "ConvolutionBackward0"
    assert layer(x.contiguous()).grad_fn.name() == "ConvolutionBackward0"
    with plain_kernels():
        assert layer(x).grad_fn.name() == "ConvolutionBackward0"
