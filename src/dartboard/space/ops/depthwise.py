"""Depthwise convolution whose gradients are as fast as its forward pass, on CPUs too.

The result and its gradients are those of `nn.Conv2d`. On CPUs, channels last, torch's forward kernels are fast and some
of its backward kernels 5 to 100 times slower (oneDNN has no fast weight gradient for kernels wider than 3 columns or
for dilation, and no fast input gradient for dilation), so the slow ones are expressed by fast ones:

- the input gradient at stride 1 is a forward convolution of the output's gradient with the flipped kernel;
- dilation 2 with stride 2 reads every second pixel only: there it is undilated, of stride 1;
- the weight gradient of dilation 2 is that of an undilated kernel on the four images of pixels of one parity, as four
  times the batch;
- the weight gradient of a wide kernel is put together from strips of at most 3 columns, each on a shifted image.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

__all__ = ["DepthwiseConv2d", "depthwise", "depthwise_input_gradient", "depthwise_weight_gradient", "plain_kernels"]

_STRIP = 3
"""Columns of a kernel whose weight gradient oneDNN computes fast."""

_plain = False


@contextmanager
def plain_kernels() -> Iterator[None]:
    """Within, `DepthwiseConv2d` is torch's own convolution and nothing else: the definition to compare with."""
    global _plain
    before, _plain = _plain, True
    try:
        yield
    finally:
        _plain = before


class DepthwiseConv2d(nn.Conv2d):
    """A convolution of each channel by itself, without bias, that keeps the size at stride 1.

    Args:
        channels: channels in and out.
        kernel: height and width of the kernel, odd.
        stride: 1 or 2.
        dilation: 1 or 2.
    """

    def __init__(self, channels: int, kernel: int, stride: int = 1, dilation: int = 1) -> None:
        padding = dilation * (kernel // 2)
        super().__init__(channels, channels, kernel, stride, padding, dilation, groups=channels, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, channels, height, width) -> (batch, channels, ceil(height/stride), ceil(width/stride))."""
        if _plain or not _has_slow_gradients(x) or torch.compiler.is_compiling():
            return super().forward(x)
        result: Tensor = _Depthwise.apply(x, self.weight, self.stride[0], self.dilation[0])  # type: ignore[no-untyped-call]
        return result


class _Depthwise(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, stride: int, dilation: int) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.steps = stride, dilation
        return depthwise(x, weight, stride, dilation)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor | None, None, None]:  # type: ignore[override]
        x, weight = ctx.saved_tensors
        if torch.is_grad_enabled():  # a second derivative is wanted: torch's own is differentiable
            return *_torch_gradients(x, gradient, weight, *ctx.steps, ctx.needs_input_grad[:2]), None, None
        at_x = at_weight = None
        if ctx.needs_input_grad[0]:
            at_x = depthwise_input_gradient(gradient, weight, x.shape[2:], *ctx.steps)
        if ctx.needs_input_grad[1]:
            at_weight = depthwise_weight_gradient(x, gradient, weight.shape[-1], *ctx.steps)
        return at_x, at_weight, None, None


def depthwise(x: Tensor, weight: Tensor, stride: int = 1, dilation: int = 1) -> Tensor:
    """Convolve each channel by itself, padding so that the size stays at stride 1.

    Args:
        x: (batch, channels, height, width).
        weight: (channels, 1, kernel, kernel), kernel odd.
        stride: 1 or 2.
        dilation: 1 or 2.

    Returns:
        (batch, channels, ceil(height/stride), ceil(width/stride)).
    """
    padding = dilation * (weight.shape[-1] // 2)
    return functional.conv2d(x, weight, None, stride, padding, dilation, x.shape[1])


def depthwise_input_gradient(
    gradient: Tensor, weight: Tensor, size: torch.Size | tuple[int, int], stride: int = 1, dilation: int = 1
) -> Tensor:
    """Gradient of `depthwise` for its input.

    Args:
        gradient: at the output, (batch, channels, ceil(height/stride), ceil(width/stride)).
        weight: (channels, 1, kernel, kernel).
        size: (height, width) of the input.
        stride: 1 or 2.
        dilation: 1 or 2.

    Returns:
        (batch, channels, height, width).
    """
    if stride == 1:
        return depthwise(gradient, weight.flip(2, 3), 1, dilation)
    if dilation == 2:
        result = gradient.new_zeros(*gradient.shape[:2], *size).contiguous(memory_format=torch.channels_last)
        result[:, :, ::2, ::2] = depthwise(gradient, weight.flip(2, 3))
        return result
    like = gradient.new_empty(()).expand(*gradient.shape[:2], *size)
    at_input, _ = _torch_gradients(like, gradient, weight, stride, dilation, (True, False))
    assert at_input is not None
    return at_input


def depthwise_weight_gradient(x: Tensor, gradient: Tensor, kernel: int, stride: int = 1, dilation: int = 1) -> Tensor:
    """Gradient of `depthwise` for its weight.

    Args:
        x: the input, (batch, channels, height, width).
        gradient: at the output, (batch, channels, ceil(height/stride), ceil(width/stride)).
        kernel: height and width of the kernel.
        stride: 1 or 2.
        dilation: 1 or 2.

    Returns:
        (channels, 1, kernel, kernel).
    """
    if dilation == 2 and stride == 2:
        return depthwise_weight_gradient(x[:, :, ::2, ::2], gradient, kernel)
    if dilation == 2:
        return depthwise_weight_gradient(_by_parity(x), _by_parity(gradient), kernel)
    if kernel <= _STRIP or not _has_slow_gradients(x):
        like = x.new_empty(()).expand(x.shape[1], 1, kernel, kernel)
        _, at_weight = _torch_gradients(x, gradient, like, stride, dilation, (False, True))
        assert at_weight is not None
        return at_weight
    return torch.cat(
        [
            _strip_gradient(x, gradient, kernel, first, min(_STRIP, kernel - first), stride)
            for first in range(0, kernel, _STRIP)
        ],
        dim=3,
    )


def _has_slow_gradients(x: Tensor) -> bool:
    return x.device.type == "cpu" and x.is_contiguous(memory_format=torch.channels_last)


def _strip_gradient(x: Tensor, gradient: Tensor, kernel: int, first: int, columns: int, stride: int) -> Tensor:
    """Weight gradient of the kernel's columns `first` to `first + columns`."""
    left = kernel // 2 - first
    width = (gradient.shape[3] - 1) * stride + columns
    if -left >= x.shape[3] or width <= left:  # on an image of few columns, the strip may meet nothing but padding
        return x.new_zeros(x.shape[1], 1, kernel, columns)
    shifted = functional.pad(x, (left, width - x.shape[3] - left))
    return torch.ops.aten.convolution_backward(  # type: ignore[no-any-return]
        gradient,
        shifted,
        x.new_empty(()).expand(x.shape[1], 1, kernel, columns),
        None,
        [stride, stride],
        [kernel // 2, 0],
        [1, 1],
        False,
        [0, 0],
        x.shape[1],
        [False, True, False],
    )[1]


def _by_parity(x: Tensor) -> Tensor:
    """The four images of every second pixel, padded with zeros to one size: (4 * batch, channels, ...)."""
    batch, channels, height, width = x.shape
    x = functional.pad(x, (0, width % 2, 0, height % 2)) if height % 2 or width % 2 else x
    rows, columns = x.shape[2] // 2, x.shape[3] // 2
    # Split on the channels-last layout, so that the copy moves whole pixels.
    parts = x.permute(0, 2, 3, 1).reshape(batch, rows, 2, columns, 2, channels).permute(2, 4, 0, 1, 3, 5)
    return parts.reshape(4 * batch, rows, columns, channels).permute(0, 3, 1, 2)


def _torch_gradients(
    x: Tensor, gradient: Tensor, weight: Tensor, stride: int, dilation: int, wanted: tuple[bool, bool]
) -> tuple[Tensor | None, Tensor | None]:
    padding = dilation * (weight.shape[-1] // 2)
    at_x, at_weight, _ = torch.ops.aten.convolution_backward(
        gradient,
        x,
        weight,
        None,
        [stride, stride],
        [padding, padding],
        [dilation, dilation],
        False,
        [0, 0],
        weight.shape[0],
        [*wanted, False],
    )
    return at_x, at_weight
