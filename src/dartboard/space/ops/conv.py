"""Convolutional candidate operations and the convolutions that cells and skeletons are made of."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from dartboard.kernels.depthwise import DepthwiseConv2d
from dartboard.kernels.pointwise import Pointwise, every_second
from dartboard.space.ops.operation import Cost, CostFormula, Norm, op

__all__ = [
    "FactorizedReduce",
    "factorized_reduce_cost",
    "relu_conv_norm",
    "relu_conv_norm_cost",
]

_DARTS = "arXiv:1806.09055"
_NB201 = "arXiv:2001.00326"


def relu_conv_norm(inputs: int, outputs: int, kernel: int, norm: Norm, stride: int = 1) -> nn.Sequential:
    """ReLU, convolution without bias, batch norm; the size stays the same at stride 1.

    Args:
        inputs: channels in.
        outputs: channels out.
        kernel: side of the kernel, odd.
        norm: the batch norm.
        stride: stride of the convolution.
    """
    if kernel == 1:
        return nn.Sequential(nn.ReLU(), Pointwise(inputs, outputs, stride), norm(outputs))
    convolution = nn.Conv2d(inputs, outputs, kernel, stride=stride, padding=kernel // 2, bias=False)
    return nn.Sequential(nn.ReLU(), convolution, norm(outputs))


def relu_conv_norm_cost(inputs: int, outputs: int, kernel: int, norm: Norm, pixels: int) -> Cost:
    """Cost of `relu_conv_norm` with `pixels` output positions."""
    weights = inputs * outputs * kernel**2
    return Cost(weights + norm.parameters(outputs), weights * pixels)


class FactorizedReduce(nn.Module):
    """Halve height and width without losing pixels: two 1x1 convolutions of stride 2, one shifted by a pixel.

    Odd sizes are padded with a zero row and column at the bottom and right first, which for even sizes changes
    nothing; the result has ceil(size / 2). Source: DARTS (arXiv:1806.09055), padding as in NAS-Bench-201.

    Args:
        inputs: channels in.
        outputs: channels out, even.
        norm: the batch norm behind the concatenated halves.
    """

    def __init__(self, inputs: int, outputs: int, norm: Norm) -> None:
        super().__init__()
        self.even = Pointwise(inputs, outputs // 2)
        self.odd = Pointwise(inputs, outputs // 2)
        self.norm = norm(outputs)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, inputs, height, width) -> (batch, outputs, ceil(height/2), ceil(width/2))."""
        return self.reduce(functional.relu(x))

    def reduce(self, x: Tensor) -> Tensor:
        """The part of `forward` after the ReLU: (batch, inputs, height, width) -> (batch, outputs, ...)."""
        height, width = x.shape[2:]
        odd = functional.pad(every_second(x, 1), (0, width % 2, 0, height % 2))
        return self.norm(torch.cat([self.even(every_second(x, 0)), self.odd(odd)], dim=1))  # type: ignore[no-any-return]


def factorized_reduce_cost(inputs: int, outputs: int, norm: Norm, pixels: int) -> Cost:
    """Cost of `FactorizedReduce` with `pixels` output positions."""
    return relu_conv_norm_cost(inputs, outputs, 1, norm, pixels)


def _depthwise_separable(channels: int, kernel: int, stride: int, dilation: int, norm: Norm) -> list[nn.Module]:
    return [
        nn.ReLU(),
        DepthwiseConv2d(channels, kernel, stride, dilation),
        Pointwise(channels, channels),
        norm(channels),
    ]


def _separable_cost(kernel: int, repeats: int) -> CostFormula:
    def formula(channels: int, stride: int, norm: Norm, pixels: int) -> Cost:  # noqa: ARG001 - one signature for all
        weights = channels * kernel**2 + channels**2
        return Cost(repeats * (weights + norm.parameters(channels)), repeats * weights * pixels)

    return formula


def _dense_cost(kernel: int) -> CostFormula:
    return lambda channels, _stride, norm, pixels: relu_conv_norm_cost(channels, channels, kernel, norm, pixels)


def _sep_conv(channels: int, kernel: int, stride: int, norm: Norm) -> nn.Module:
    first = _depthwise_separable(channels, kernel, stride, 1, norm)
    return nn.Sequential(*first, *_depthwise_separable(channels, kernel, 1, 1, norm))


@op("sep_conv_3x3", cost=_separable_cost(3, repeats=2), paper=_DARTS)
def sep_conv_3x3(channels: int, stride: int, norm: Norm) -> nn.Module:
    """Twice: ReLU, depthwise 3x3, pointwise, batch norm; the stride in the first."""
    return _sep_conv(channels, 3, stride, norm)


@op("sep_conv_5x5", cost=_separable_cost(5, repeats=2), paper=_DARTS)
def sep_conv_5x5(channels: int, stride: int, norm: Norm) -> nn.Module:
    """Twice: ReLU, depthwise 5x5, pointwise, batch norm; the stride in the first."""
    return _sep_conv(channels, 5, stride, norm)


@op("sep_conv_7x7", cost=_separable_cost(7, repeats=2), paper="arXiv:1707.07012")
def sep_conv_7x7(channels: int, stride: int, norm: Norm) -> nn.Module:
    """Twice: ReLU, depthwise 7x7, pointwise, batch norm; in older genotypes, but in no space here."""
    return _sep_conv(channels, 7, stride, norm)


@op("dil_conv_3x3", cost=_separable_cost(3, repeats=1), paper=_DARTS)
def dil_conv_3x3(channels: int, stride: int, norm: Norm) -> nn.Module:
    """ReLU, depthwise 3x3 of dilation 2, pointwise, batch norm."""
    return nn.Sequential(*_depthwise_separable(channels, 3, stride, 2, norm))


@op("dil_conv_5x5", cost=_separable_cost(5, repeats=1), paper=_DARTS)
def dil_conv_5x5(channels: int, stride: int, norm: Norm) -> nn.Module:
    """ReLU, depthwise 5x5 of dilation 2, pointwise, batch norm."""
    return nn.Sequential(*_depthwise_separable(channels, 5, stride, 2, norm))


@op("nor_conv_1x1", cost=_dense_cost(1), paper=_NB201)
def nor_conv_1x1(channels: int, stride: int, norm: Norm) -> nn.Module:
    """ReLU, dense 1x1 convolution, batch norm."""
    return relu_conv_norm(channels, channels, 1, norm, stride)


@op("nor_conv_3x3", cost=_dense_cost(3), paper=_NB201)
def nor_conv_3x3(channels: int, stride: int, norm: Norm) -> nn.Module:
    """ReLU, dense 3x3 convolution, batch norm."""
    return relu_conv_norm(channels, channels, 3, norm, stride)
