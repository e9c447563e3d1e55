"""1x1 convolutions as matrix products, with a row for each pixel."""

from typing import Any

import torch
from torch import Tensor, nn

from dartboard.kernels.choice import has_own_kernels
from dartboard.kernels.rows import as_rows, in_channels_last, sum_of_products

__all__ = ["Pointwise", "every_second"]


class Pointwise(nn.Conv2d):
    """1x1 convolution without bias; with stride 2 it first selects the pixels that it needs.

    On CPUs with channels last, one matrix product is faster than torch's convolution, forward and backward. Moreover,
    the backward pass of torch's strided 1x1 convolution corrupts memory there if it has fewer than 16 input channels
    (oneDNN issue 6035, in torch 2.13).

    Args:
        inputs: number of input channels.
        outputs: number of output channels.
        stride: 1 or 2.
    """

    def __init__(self, inputs: int, outputs: int, stride: int = 1) -> None:
        super().__init__(inputs, outputs, 1, bias=False)
        self.step = stride

    def forward(self, x: Tensor) -> Tensor:
        """(batch, inputs, height, width) -> (batch, outputs, ceil(height/stride), ceil(width/stride))."""
        x = x if self.step == 1 else every_second(x, 0)
        if not has_own_kernels(x):
            return super().forward(x)
        result: Tensor = _Product.apply(x, self.weight)  # type: ignore[no-untyped-call]
        return result


class _Product(torch.autograd.Function):
    """`apply(x, weight)`: 1x1 convolution of x, (batch, inputs, ...), channels last, with (outputs, inputs, 1, 1)."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor) -> Tensor:
        ctx.save_for_backward(x, weight)
        return _product(x, weight.flatten(1).t())

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor | None]:
        x, weight = ctx.saved_tensors
        if torch.is_grad_enabled():  # a second derivative is wanted: torch's gradients are differentiable
            return _torch_gradients(x, weight, gradient, ctx.needs_input_grad[:2])
        at_x = at_weight = None
        gradient = in_channels_last(gradient)
        if ctx.needs_input_grad[0]:
            at_x = _product(gradient, weight.flatten(1))
        if ctx.needs_input_grad[1]:
            at_weight = sum_of_products(as_rows(gradient), as_rows(x)).view_as(weight)
        return at_x, at_weight


def _product(x: Tensor, matrix_IO: Tensor) -> Tensor:
    """Multiply every pixel by a matrix, (I, O); the result is not a view, so that others may change it in place."""
    batch, _, height, width = x.shape
    size = (batch, matrix_IO.shape[1], height, width)
    result = torch.empty(size, dtype=x.dtype, device=x.device, memory_format=torch.channels_last)
    torch.mm(as_rows(x), matrix_IO, out=as_rows(result))
    return result


def _torch_gradients(
    x: Tensor, weight: Tensor, gradient: Tensor, wanted: tuple[bool, bool]
) -> tuple[Tensor | None, Tensor | None]:
    at_x, at_weight, _ = torch.ops.aten.convolution_backward(
        gradient, x, weight, None, [1, 1], [0, 0], [1, 1], False, [0, 0], 1, [*wanted, False]
    )
    return at_x, at_weight


def every_second(x: Tensor, first: int) -> Tensor:
    """Every second pixel in both directions, from row and column `first` on (0 or 1).

    Slicing gives the same pixels, but its gradient is always channels first, even if x is channels last, which slows
    down the rest of the backward pass.
    """
    if torch.compiler.is_compiling():  # a compiler chooses the layout of gradients itself
        return x[:, :, first::2, first::2]
    result: Tensor = _EverySecond.apply(x, first)  # type: ignore[no-untyped-call]
    return result


class _EverySecond(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, first: int) -> Tensor:
        ctx.first, ctx.like = first, (x.shape, x.is_contiguous(memory_format=torch.channels_last))
        return x[:, :, first::2, first::2].clone()

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        shape, is_channels_last = ctx.like
        layout = torch.channels_last if is_channels_last else torch.contiguous_format
        result = torch.empty(shape, dtype=gradient.dtype, device=gradient.device, memory_format=layout).zero_()
        result[:, :, ctx.first :: 2, ctx.first :: 2] = gradient
        return result, None
