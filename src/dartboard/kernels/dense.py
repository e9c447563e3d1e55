"""Dense convolutions whose gradient at the weights is as fast on small maps as on large ones."""

from typing import Any

import torch
from torch import Tensor, nn

from dartboard.kernels.choice import is_channels_last_on_cpu, is_plain
from dartboard.kernels.rows import in_channels_last

__all__ = ["DenseConv2d", "side_by_side"]

_LARGEST_WIDTH = 8
_FEWEST_CHANNELS = 64
_TOGETHER = 16
"""Images side by side: enough to fill rows of 32 pixels, which are what matrix units multiply at a time."""


class DenseConv2d(nn.Conv2d):
    """Convolution without bias that keeps the size: an odd kernel, stride 1, and half a kernel of padding.

    The gradient at the weights takes torch 2.13 (oneDNN) about as long in bfloat16 for rows of a few pixels as for rows
    of 32. So images of small maps are laid side by side for it.

    Args:
        inputs: number of input channels.
        outputs: number of output channels.
        kernel: odd side of the kernel.
    """

    def __init__(self, inputs: int, outputs: int, kernel: int) -> None:
        super().__init__(inputs, outputs, kernel, padding=kernel // 2, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, inputs, height, width) -> (batch, outputs, height, width)."""
        precision = torch.get_autocast_dtype("cpu") if torch.is_autocast_enabled("cpu") else x.dtype
        if precision != torch.bfloat16 or not self._is_small(x) or torch.compiler.is_compiling() or is_plain():
            return super().forward(x)
        result: Tensor = _SmallMaps.apply(x.to(precision), self.weight.to(precision))  # type: ignore[no-untyped-call]
        return result

    def _is_small(self, x: Tensor) -> bool:
        is_wide = min(self.in_channels, self.out_channels) >= _FEWEST_CHANNELS
        return is_wide and x.shape[3] <= _LARGEST_WIDTH and is_channels_last_on_cpu(x)


class _SmallMaps(torch.autograd.Function):
    """`apply(x, weight)`: the convolution of x, (batch, inputs, height, width), with (outputs, inputs, K, K)."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor) -> Tensor:
        ctx.save_for_backward(x, weight)
        return nn.functional.conv2d(x, weight, padding=weight.shape[2] // 2)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor | None]:
        x, weight = ctx.saved_tensors
        at_x, at_weight = ctx.needs_input_grad[:2]
        if torch.is_grad_enabled():  # a second derivative is wanted: torch's gradients are differentiable
            return _gradients(gradient, x, weight, at_x, at_weight)
        gradient, gap = in_channels_last(gradient), weight.shape[2] // 2
        found_x = _gradients(gradient, x, weight, at_x, False)[0] if at_x else None
        if not at_weight:
            return found_x, None
        return found_x, _gradients(side_by_side(gradient, gap), side_by_side(x, gap), weight, False, at_weight)[1]


def side_by_side(maps: Tensor, gap: int) -> Tensor:
    """Maps of 16 images each, with `gap` columns of zeros right of every image.

    Args:
        maps: (batch, channels, height, width), channels last.
        gap: columns that keep a kernel from reaching into the next image: half of its width.

    Returns:
        (ceil(batch / 16), channels, height, 16 * (width + gap)), channels last; the places without an image are 0. Of
        fewer than 16 images one map.
    """
    batch, channels, height, width = maps.shape
    number = min(_TOGETHER, batch)
    whole, rest = divmod(batch, number)
    size = (whole + bool(rest), height, number, width + gap, channels)
    result = torch.empty(size, dtype=maps.dtype, device=maps.device)
    result[:, :, :, width:].zero_()
    images = maps.permute(0, 2, 3, 1)
    together = images[: whole * number].view(whole, number, height, width, channels)
    result[:whole, :, :, :width] = together.transpose(1, 2)
    if rest:
        result[whole, :, :rest, :width] = images[whole * number :].transpose(0, 1)
        result[whole, :, rest:].zero_()
    return result.flatten(2, 3).permute(0, 3, 1, 2)


def _gradients(
    gradient: Tensor, x: Tensor, weight: Tensor, at_x: bool, at_weight: bool
) -> tuple[Tensor | None, Tensor | None]:
    """The gradients that are wanted at x and at the weights, by torch's convolution."""
    padding = [weight.shape[2] // 2] * 2
    first, second, _ = torch.ops.aten.convolution_backward(
        gradient, x, weight, None, [1, 1], padding, [1, 1], False, [0, 0], 1, [at_x, at_weight, False]
    )
    return first, second
