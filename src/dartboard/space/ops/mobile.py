"""Inverted residual blocks without their shortcut, and the stem and head of mobile networks.

Source: MobileNetV2 (Sandler et al. 2018, arXiv:1801.04381) in the form of ProxylessNAS (arXiv:1812.00332) and its
authors' code: batch norms of eps 1e-3, ReLU6, and convolutions whose initial weights are normal with the variance
2 / (kernel area * channels out), not divided by groups.
"""

from dataclasses import replace
from math import sqrt

from torch import nn

from dartboard.kernels.depthwise import DepthwiseConv2d
from dartboard.kernels.pointwise import Pointwise
from dartboard.space.ops.operation import Cost, CostFormula, Norm, op

__all__ = ["mobile_head", "mobile_head_cost", "mobile_stem", "mobile_stem_cost"]

_PROXYLESS = "arXiv:1812.00332"
_EPS = 1e-3


def mobile_stem(images: int, width: int, channels: int, stride: int, norm: Norm) -> nn.Sequential:
    """3x3 convolution, batch norm, ReLU6, and a fixed block of kernel 3 without expansion or shortcut.

    Args:
        images: channels of the images.
        width: channels of the convolution.
        channels: channels out.
        stride: stride of the convolution, 1 or 2.
        norm: the batch norms.
    """
    convolution = nn.Conv2d(images, width, 3, stride, padding=1, bias=False)
    return _initialized(convolution, *_norm_relu(width, norm), *_inverted(width, channels, 3, 1, 1, norm))


def mobile_stem_cost(images: int, width: int, channels: int, norm: Norm, pixels: int) -> Cost:
    """Cost of `mobile_stem` with `pixels` output positions."""
    cost = _conv_cost(9 * images * width, width, norm, pixels)
    return cost + _inverted_cost(width, channels, 3, 1, norm, pixels, pixels)


def mobile_head(inputs: int, outputs: int, norm: Norm) -> nn.Sequential:
    """1x1 convolution, batch norm, ReLU6."""
    return _initialized(Pointwise(inputs, outputs), *_norm_relu(outputs, norm))


def mobile_head_cost(inputs: int, outputs: int, norm: Norm, pixels: int) -> Cost:
    """Cost of `mobile_head` on `pixels` positions."""
    return _conv_cost(inputs * outputs, outputs, norm, pixels)


def _norm_relu(channels: int, norm: Norm) -> list[nn.Module]:
    return [replace(norm, eps=_EPS)(channels), nn.ReLU6(inplace=True)]


def _inverted(inputs: int, outputs: int, kernel: int, expansion: int, stride: int, norm: Norm) -> list[nn.Module]:
    hidden = expansion * inputs
    expand = [] if expansion == 1 else [Pointwise(inputs, hidden), *_norm_relu(hidden, norm)]
    filtered = [DepthwiseConv2d(hidden, kernel, stride), *_norm_relu(hidden, norm)]
    return [*expand, *filtered, Pointwise(hidden, outputs), replace(norm, eps=_EPS)(outputs)]


def _inverted_cost(
    inputs: int, outputs: int, kernel: int, expansion: int, norm: Norm, pixels: int, input_pixels: int
) -> Cost:
    hidden = expansion * inputs
    cost = Cost() if expansion == 1 else _conv_cost(inputs * hidden, hidden, norm, input_pixels)
    cost += _conv_cost(kernel**2 * hidden, hidden, norm, pixels)
    return cost + _conv_cost(hidden * outputs, outputs, norm, pixels)


def _conv_cost(weights: int, outputs: int, norm: Norm, pixels: int) -> Cost:
    return Cost(weights + norm.parameters(outputs), weights * pixels)


def _initialized(*parts: nn.Module) -> nn.Sequential:
    for part in parts:
        if isinstance(part, nn.Conv2d):
            height, width = part.kernel_size
            nn.init.normal_(part.weight, std=sqrt(2 / (height * width * part.out_channels)))
    return nn.Sequential(*parts)


def _mbconv(inputs: int, outputs: int, kernel: int, expansion: int, stride: int, norm: Norm) -> nn.Module:
    return _initialized(*_inverted(inputs, outputs, kernel, expansion, stride, norm))


def _mbconv_cost(kernel: int, expansion: int) -> CostFormula:
    def formula(channels: int, stride: int, norm: Norm, pixels: int, *, inputs: int, input_pixels: int) -> Cost:  # noqa: ARG001 - one signature for all
        return _inverted_cost(inputs, channels, kernel, expansion, norm, pixels, input_pixels)

    return formula


@op("mbconv_3x3_e3", cost=_mbconv_cost(3, 3), paper=_PROXYLESS)
def mbconv_3x3_e3(channels: int, stride: int, norm: Norm, *, inputs: int | None = None) -> nn.Module:
    """Pointwise to three times the channels, depthwise 3x3 with the stride, pointwise; batch norms, ReLU6 between."""
    return _mbconv(inputs or channels, channels, 3, 3, stride, norm)


@op("mbconv_3x3_e6", cost=_mbconv_cost(3, 6), paper=_PROXYLESS)
def mbconv_3x3_e6(channels: int, stride: int, norm: Norm, *, inputs: int | None = None) -> nn.Module:
    """Pointwise to six times the channels, depthwise 3x3 with the stride, pointwise; batch norms, ReLU6 between."""
    return _mbconv(inputs or channels, channels, 3, 6, stride, norm)


@op("mbconv_5x5_e3", cost=_mbconv_cost(5, 3), paper=_PROXYLESS)
def mbconv_5x5_e3(channels: int, stride: int, norm: Norm, *, inputs: int | None = None) -> nn.Module:
    """Pointwise to three times the channels, depthwise 5x5 with the stride, pointwise; batch norms, ReLU6 between."""
    return _mbconv(inputs or channels, channels, 5, 3, stride, norm)


@op("mbconv_5x5_e6", cost=_mbconv_cost(5, 6), paper=_PROXYLESS)
def mbconv_5x5_e6(channels: int, stride: int, norm: Norm, *, inputs: int | None = None) -> nn.Module:
    """Pointwise to six times the channels, depthwise 5x5 with the stride, pointwise; batch norms, ReLU6 between."""
    return _mbconv(inputs or channels, channels, 5, 6, stride, norm)


@op("mbconv_7x7_e3", cost=_mbconv_cost(7, 3), paper=_PROXYLESS)
def mbconv_7x7_e3(channels: int, stride: int, norm: Norm, *, inputs: int | None = None) -> nn.Module:
    """Pointwise to three times the channels, depthwise 7x7 with the stride, pointwise; batch norms, ReLU6 between."""
    return _mbconv(inputs or channels, channels, 7, 3, stride, norm)


@op("mbconv_7x7_e6", cost=_mbconv_cost(7, 6), paper=_PROXYLESS)
def mbconv_7x7_e6(channels: int, stride: int, norm: Norm, *, inputs: int | None = None) -> nn.Module:
    """Pointwise to six times the channels, depthwise 7x7 with the stride, pointwise; batch norms, ReLU6 between."""
    return _mbconv(inputs or channels, channels, 7, 6, stride, norm)
