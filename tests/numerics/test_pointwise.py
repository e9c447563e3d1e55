"""Strided 1x1 convolutions, which take their pixels first because of a memory fault in torch (oneDNN issue 6035)."""

import pytest
import torch
from torch import nn
from torch.nn import functional

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
