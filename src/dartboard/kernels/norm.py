"""Batch norm that is fast for any number of channels, whether or not it fits the vector registers of the CPU.

On CPUs with channels last, torch's kernels are much slower if the channels of a pixel do not fill whole vectors (such
as 36 channels of float32, the width of the DARTS evaluation network). The moments are also slow to compute if a map has
few channels and very many pixels. But G neighbouring pixels of C channels are also one pixel of G * C channels in the
same memory. The moments of these are computed fast, and then only few numbers have to be combined.

Shapes by suffix: P pixels of all images, C channels, G pixels that form a row, R = P / G rows of G * C values.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from dartboard.kernels.choice import has_own_kernels
from dartboard.kernels.rows import as_images, as_rows

__all__ = ["BatchNorm2d", "channel_moments", "norm_gradient"]

_ROW = 512
"""Largest number of values in a row of pixels."""

_NARROW, _LARGE, _SHORT, _MANY = 32, 2**18, 128, 2**20
"""With at most _NARROW channels and at least _LARGE values of a map, moments are faster in rows of at most _SHORT
values. From _MANY values on, this gain is larger than the cost of our own batch norm."""

_FEWEST = 2**15
"""Up to this number of values in a map, torch's kernels are as fast."""


class BatchNorm2d(nn.BatchNorm2d):
    """An `nn.BatchNorm2d` that trains faster on CPUs: same arguments, state, results and gradients of any order."""

    def forward(self, x: Tensor) -> Tensor:
        """Normalise every channel to mean 0 and variance 1, then scale and shift it; (batch, channels, height, width).

        In training, or without running averages, mean and variance are those of x. A channel with a single value
        becomes the shift if there are no running averages; torch raises an error for it. Such channels occur: supernets
        have maps of one pixel, and the last validation batch may hold one image.
        """
        batch_moments = self.training or not self.track_running_stats
        if not self.track_running_stats and x.numel() == self.num_features:
            return self._of_one_value(x)
        if not batch_moments or self.momentum is None or not has_own_kernels(x):
            return super().forward(x)
        # Checked last: a compiler has returned above; otherwise it would tie its code to these numbers.
        if _is_fast_forward(self.num_features, x.numel()):
            return super().forward(x)
        result, mean, variance = _BatchNorm.apply(x, self.weight, self.bias, self.eps)  # type: ignore[no-untyped-call]
        if self.track_running_stats:
            self._follow(mean, variance, x.numel() // self.num_features, self.momentum)
        return result  # type: ignore[no-any-return]

    def _of_one_value(self, x: Tensor) -> Tensor:
        centred = x - x.mean(dim=(0, 2, 3), keepdim=True)
        if self.weight is None:
            return centred
        weight, bias = (each[:, None, None] for each in (self.weight, self.bias))
        return centred * weight + bias

    def _follow(self, mean: Tensor, variance: Tensor, pixels: int, momentum: float) -> None:
        """Update the running averages; the running variance is unbiased."""
        assert self.num_batches_tracked is not None
        assert self.running_mean is not None
        assert self.running_var is not None
        self.num_batches_tracked.add_(1)
        self.running_mean.lerp_(mean, momentum)
        self.running_var.mul_(1 - momentum).add_(variance, alpha=momentum * pixels / (pixels - 1))


def _is_fast_forward(channels: int, values: int) -> bool:
    """Whether torch's forward pass is as fast: on small maps, and on whole vectors unless very many short ones."""
    return values <= max(_FEWEST, channels) or (_fits_vectors(channels) and (channels > _NARROW or values < _MANY))


def _fits_vectors(channels: int) -> bool:
    """Whether torch is fast with this number of channels: a multiple of 16, or above 64 a multiple of 8."""
    return channels % 16 == 0 or (channels % 8 == 0 and channels > 64)


class _BatchNorm(torch.autograd.Function):
    """`apply(x, weight or None, bias or None, eps)`: the normalised x, and mean and biased variance of each channel."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight: Tensor | None, bias: Tensor | None, eps: float
    ) -> tuple[Tensor, Tensor, Tensor]:
        mean, variance = channel_moments(as_rows(x))
        inverse = (variance + eps).rsqrt_()
        scale = inverse if weight is None else inverse * weight
        shift = -mean * scale if bias is None else torch.addcmul(bias, mean, scale, value=-1)
        result = torch.empty_like(x)  # not a view, so that others may change it in place
        torch.addcmul(shift, as_rows(x), scale, out=as_rows(result))
        ctx.save_for_backward(x, weight, bias, mean, inverse)
        ctx.eps = eps
        ctx.mark_non_differentiable(mean, variance)
        ctx.set_materialize_grads(False)
        return result, mean, variance

    @staticmethod
    def backward(
        ctx: Any, gradient: Tensor | None, *_moments: None
    ) -> tuple[Tensor | None, Tensor | None, Tensor | None, None]:
        if gradient is None:
            return None, None, None, None
        x, weight, bias, mean, inverse = ctx.saved_tensors
        if torch.is_grad_enabled():  # a second derivative is wanted: torch's batch norm is differentiable
            at_x, at_weight, at_bias = _differentiable(x, weight, bias, ctx.eps, gradient)
            return at_x, at_weight, at_bias, None
        scale = torch.ones_like(mean) if weight is None else weight
        at_rows, at_weight, sums = norm_gradient(
            as_rows(x), as_rows(gradient), mean, inverse, scale, x_wanted=ctx.needs_input_grad[0]
        )
        at_x = None if at_rows is None else as_images(at_rows, x)
        return at_x, None if weight is None else at_weight, None if bias is None else sums, None


def channel_moments(x_PC: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and biased variance of every channel, each (C,); `x_PC` is a row for each pixel, (P, C)."""
    if x_PC.device.type != "cpu":
        variance, mean = torch.var_mean(x_PC, dim=0, correction=0)
        return mean, variance
    narrow = x_PC.shape[1] <= _NARROW and x_PC.numel() >= _LARGE
    x_RG, group = _grouped(x_PC, most=_SHORT if narrow else 0)
    mean, variance = torch.ops.aten.batch_norm_update_stats(x_RG, None, None, 0.0)
    if group > 1:
        means = mean.view(group, -1)
        mean = means.mean(dim=0)
        apart = means - mean
        variance = torch.addcmul(variance.view(group, -1), apart, apart).mean(dim=0)
    return mean, variance


def norm_gradient(
    x_PC: Tensor, gradient_PC: Tensor, mean: Tensor, inverse: Tensor, scale: Tensor, *, x_wanted: bool
) -> tuple[Tensor | None, Tensor, Tensor]:
    """Gradients of scale * (x - mean) * inverse + shift; mean and inverse depend on x.

    Args:
        x_PC: the input, a row for each pixel, (P, C).
        gradient_PC: gradient at the result, (P, C).
        mean: mean of every channel, (C,).
        inverse: one over the standard deviation of every channel, (C,).
        scale: factor of the normalised x, (C,).
        x_wanted: whether the gradient at x is needed.

    Returns:
        The gradients at x, (P, C) or None, at the scale, (C,), and at the shift, (C,).
    """
    if x_PC.device.type != "cpu" or _fits_vectors(x_PC.shape[1]):
        found: tuple[Tensor | None, Tensor, Tensor] = torch.ops.aten.native_batch_norm_backward(
            gradient_PC, x_PC, scale, None, None, mean, inverse, True, 0.0, [x_wanted, True, True]
        )
        return found
    products, sums = _gradient_sums(x_PC, gradient_PC, mean)
    at_scale = products * inverse
    if not x_wanted:
        return None, at_scale, sums
    # at x: scale * inverse * gradient + slope * x + constant
    factor = scale * inverse
    share = factor * (-1 / len(x_PC))
    slope = share * inverse * at_scale
    constant = torch.addcmul(share * sums, slope, mean, value=-1)
    at_x_PC = torch.addcmul(constant, x_PC, slope).addcmul_(gradient_PC, factor)
    return at_x_PC, at_scale, sums


def _gradient_sums(x_PC: Tensor, gradient_PC: Tensor, mean: Tensor) -> tuple[Tensor, Tensor]:
    """Sums over pixels of gradient times (x - mean), and of the gradient; each (C,)."""
    x_RG, group = _grouped(x_PC)
    gradient_RG, _ = _grouped(gradient_PC)
    means = mean.repeat(group)
    # With moments from outside, torch's gradients of scale and shift are plain sums over pixels.
    _, products, sums = torch.ops.aten.native_batch_norm_backward(
        gradient_RG, x_RG, None, means, torch.ones_like(means), None, None, False, 0.0, [False, True, True]
    )
    if group > 1:
        products, sums = products.view(group, -1).sum(dim=0), sums.view(group, -1).sum(dim=0)
    return products, sums


def _grouped(x_PC: Tensor, most: int = 0) -> tuple[Tensor, int]:
    """The map as (R, G * C) in the same memory, and G; if pixels fill vectors, a row has at most `most` values."""
    pixels, channels = x_PC.shape
    most, group = most if _fits_vectors(channels) else _ROW, 1
    while 2 * group * channels <= most and pixels % (2 * group) == 0:
        group *= 2
    return (x_PC if group == 1 else x_PC.view(pixels // group, group * channels)), group


def _differentiable(
    x: Tensor, weight: Tensor | None, bias: Tensor | None, eps: float, gradient: Tensor
) -> list[Tensor | None]:
    result = functional.batch_norm(x, None, None, weight, bias, training=True, eps=eps)
    inputs = [x, weight, bias]
    wanted = [tensor for tensor in inputs if tensor is not None and tensor.requires_grad]
    found = iter(torch.autograd.grad(result, wanted, gradient, create_graph=True))
    return [next(found) if tensor is not None and tensor.requires_grad else None for tensor in inputs]
