"""Depthwise convolution with gradients as fast as its forward pass, on CPUs too.

The result and its gradients are those of `nn.Conv2d`. On CPUs with channels last, the forward kernels of torch are
fast, but some of its backward kernels are 5 to 100 times slower: oneDNN has no fast weight gradient for kernels wider
than 3 columns or for dilation, and no fast input gradient for dilation. So the slow gradients are computed by fast
kernels:

- the input gradient at stride 1 is a forward convolution of the output gradient with the flipped kernel;
- dilation 2 with stride 2 reads only every second pixel; on these pixels it has dilation 1 and stride 1;
- the weight gradient of dilation 2 is that of an undilated kernel: even and odd rows become two images, and two pixels
  side by side become one pixel with twice the channels;
- the weight gradient of a wide kernel is joined from strips of at most 3 columns, each on a shifted image; images with
  fewer rows than the kernel are padded with rows of zeros.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from dartboard.kernels.choice import has_own_kernels, is_channels_last_on_cpu

__all__ = [
    "DepthwiseConv2d",
    "DepthwiseInput",
    "depthwise",
    "depthwise_input_gradient",
    "depthwise_weight_gradient",
]

_STRIP = 3
"""Largest width of a kernel, in columns, for which oneDNN computes the weight gradient fast."""


class DepthwiseConv2d(nn.Conv2d):
    """A depthwise convolution without bias, which convolves each channel by itself; stride 1 keeps height and width.

    Args:
        channels: number of input and output channels.
        kernel: height and width of the kernel, odd.
        stride: 1 or 2.
        dilation: 1 or 2.
    """

    def __init__(self, channels: int, kernel: int, stride: int = 1, dilation: int = 1) -> None:
        padding = dilation * (kernel // 2)
        super().__init__(channels, channels, kernel, stride, padding, dilation, groups=channels, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, channels, height, width) -> (batch, channels, ceil(height/stride), ceil(width/stride))."""
        if not has_own_kernels(x):
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
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor | None, None, None]:
        x, weight = ctx.saved_tensors
        stride, dilation = ctx.steps
        if torch.is_grad_enabled():  # a second derivative is wanted: torch's gradients are differentiable
            at_x, at_weight = _torch_gradients(x, gradient, weight, stride, dilation, ctx.needs_input_grad[:2])
            return at_x, at_weight, None, None
        at_x = at_weight = None
        if ctx.needs_input_grad[0]:
            at_x = depthwise_input_gradient(gradient, weight, x.shape[2:], stride, dilation)
        if ctx.needs_input_grad[1]:
            at_weight = depthwise_weight_gradient(x, gradient, weight.shape[-1], stride, dilation)
        return at_x, at_weight, None, None


def depthwise(x: Tensor, weight: Tensor, stride: int = 1, dilation: int = 1) -> Tensor:
    """Convolve each channel by itself, with padding that keeps height and width at stride 1.

    Args:
        x: (batch, channels, height, width).
        weight: (channels, 1, kernel, kernel); the kernel is odd.
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
    """Gradient of `depthwise` at its input.

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
    like = torch.empty(
        (*gradient.shape[:2], *size),
        dtype=gradient.dtype,
        device=gradient.device,
        memory_format=torch.channels_last if is_channels_last_on_cpu(gradient) else torch.contiguous_format,
    )
    if dilation == 2:
        like.zero_()[:, :, ::2, ::2] = depthwise(gradient, weight.flip(2, 3))
        return like
    at_input, _ = _torch_gradients(like, gradient, weight, stride, dilation, (True, False))
    assert at_input is not None
    return at_input


def depthwise_weight_gradient(x: Tensor, gradient: Tensor, kernel: int, stride: int = 1, dilation: int = 1) -> Tensor:
    """Gradient of `depthwise` at its weight.

    Args:
        x: the input, (batch, channels, height, width).
        gradient: at the output, (batch, channels, ceil(height/stride), ceil(width/stride)).
        kernel: height and width of the kernel.
        stride: 1 or 2.
        dilation: 1 or 2.

    Returns:
        (channels, 1, kernel, kernel).
    """
    return DepthwiseInput(x).weight_gradient(gradient, kernel, stride, dilation)


class DepthwiseInput:
    """An input of several depthwise convolutions; the tensors that their weight gradients need are made only once.

    Args:
        x: (batch, channels, height, width).
    """

    def __init__(self, x: Tensor) -> None:
        self.x = x
        self._seconds: DepthwiseInput | None = None
        self._pairs: DepthwiseInput | None = None
        self._shifted: dict[tuple[int, int], Tensor] = {}

    def weight_gradient(self, gradient: Tensor, kernel: int, stride: int, dilation: int) -> Tensor:
        """The gradient at the weight of a depthwise convolution of this input, (channels, 1, kernel, kernel)."""
        if dilation == 2 and stride == 2:
            self._seconds = self._seconds or DepthwiseInput(
                self.x[:, :, ::2, ::2].contiguous(memory_format=torch.channels_last)
            )
            return self._seconds.weight_gradient(gradient, kernel, 1, 1)
        if dilation == 2:
            self._pairs = self._pairs or DepthwiseInput(_in_pairs(self.x))
            at_pairs = self._pairs.weight_gradient(_in_pairs(gradient), kernel, 1, 1)
            return at_pairs.view(2, -1, 1, kernel, kernel).sum(dim=0)
        if kernel <= _STRIP or not is_channels_last_on_cpu(self.x):
            like = self.x.new_empty(()).expand(self.x.shape[1], 1, kernel, kernel)
            _, at_weight = _torch_gradients(self.x, gradient, like, stride, 1, (False, True))
            assert at_weight is not None
            return at_weight
        strips = [
            self._strip(gradient, kernel, first, min(_STRIP, kernel - first), stride)
            for first in range(0, kernel, _STRIP)
        ]
        return torch.cat(strips, dim=3)

    def _strip(self, gradient: Tensor, kernel: int, first: int, columns: int, stride: int) -> Tensor:
        """Weight gradient of `columns` columns of the kernel from `first` on, (channels, 1, kernel, columns)."""
        left = kernel // 2 - first
        width = (gradient.shape[3] - 1) * stride + columns
        if -left >= self.x.shape[3] or width <= left:  # in a narrow image a strip may read only padding
            return self.x.new_zeros(self.x.shape[1], 1, kernel, columns)
        right = width - self.x.shape[3] - left
        outside = max(0, -(-(kernel - self.x.shape[2]) // 2))
        if (left, right) not in self._shifted:
            self._shifted[left, right] = functional.pad(self.x, (left, right, outside, outside))
        at_strip: Tensor = torch.ops.aten.convolution_backward(
            gradient,
            self._shifted[left, right],
            self.x.new_empty(()).expand(self.x.shape[1], 1, kernel, columns),
            None,
            [stride, stride],
            [kernel // 2 - outside, 0],
            [1, 1],
            False,
            [0, 0],
            self.x.shape[1],
            [False, True, False],
        )[1]
        return at_strip


def _in_pairs(x: Tensor) -> Tensor:
    """Even and odd rows as separate images, pixels in pairs, padded with zeros: (2 * batch, 2 * channels, ...)."""
    batch, channels, height, width = x.shape
    x = functional.pad(x, (0, width % 2, 0, height % 2)) if height % 2 or width % 2 else x
    rows, columns = x.shape[2] // 2, x.shape[3] // 2
    # In channels-last memory the two pixels of a pair already lie side by side.
    parts = x.permute(0, 2, 3, 1).reshape(batch, rows, 2, columns, 2 * channels).permute(2, 0, 1, 3, 4)
    return parts.reshape(2 * batch, rows, columns, 2 * channels).permute(0, 3, 1, 2)


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
