"""Average pooling as a depthwise convolution, which is faster on CPUs."""

from functools import lru_cache
from typing import Any

import torch
from torch import Tensor, nn

from dartboard.kernels.choice import has_own_kernels
from dartboard.kernels.depthwise import depthwise

__all__ = ["AveragePool3x3"]


_LEAST_PIXELS = 2**14
"""With at least this many pixels in all images together, torch's own pooling is slower."""


class AveragePool3x3(nn.AvgPool2d):
    """Mean over 3x3, padding not counted.

    Args:
        stride: 1 or 2.
    """

    def __init__(self, stride: int) -> None:
        super().__init__(3, stride=stride, padding=1, count_include_pad=False)
        self.step = stride

    def forward(self, x: Tensor) -> Tensor:
        """(batch, channels, height, width) -> (batch, channels, ceil(height/stride), ceil(width/stride))."""
        # The size is asked last: a compiler that reached it would compile for this size only.
        if self.step > 1 or not has_own_kernels(x) or x.numel() < _LEAST_PIXELS * x.shape[1]:
            return super().forward(x)
        result: Tensor = _AveragePool.apply(x)  # type: ignore[no-untyped-call]
        return result


class _AveragePool(torch.autograd.Function):
    """A ninth of the sum of 3x3 pixels; at the borders, which have fewer pixels, a larger share of it."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:  # noqa: ARG004 - the gradient depends on nothing
        return _scale_borders_(depthwise(x, _ninths(x)))

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:  # noqa: ARG004
        return depthwise(_scale_borders_(gradient.clone(memory_format=torch.channels_last)), _ninths(gradient))


def _ninths(x: Tensor) -> Tensor:
    return _full(x.shape[1], x.dtype) if type(x) is Tensor else x.new_full((x.shape[1], 1, 3, 3), 1 / 9)


@lru_cache(maxsize=64)
def _full(channels: int, dtype: torch.dtype) -> Tensor:
    return torch.full((channels, 1, 3, 3), 1 / 9, dtype=dtype)


def _scale_borders_(x: Tensor) -> Tensor:
    """Multiply rows and columns whose windows reach over the edge by 3 / (pixels inside), in place."""
    for dim in (2, 3):
        last = x.shape[dim] - 1
        for place in {0, last}:
            x.select(dim, place).mul_(1.5 if last else 3.0)
    return x
