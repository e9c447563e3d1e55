"""Whitened patches of the images, with which a network can begin."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from dartboard.errors import SettingsError
from dartboard.space.ops.operation import Cost

__all__ = ["Whitening", "whitening_cost"]

_SIDE = 2
_EPS = 5e-4
_IN_CACHE = 16


class Whitening(nn.Module):
    """2x2 convolution whose filters whiten patches of the images, then GELU; nothing in it is learned.

    Half of the filters are the principal axes of the patches, each divided by the standard deviation along it, so that
    the outputs of all have the same size and are not correlated; the other half are their negatives, since GELU keeps
    little of what is negative. Until `fit` they are random orthogonal axes. The convolution and GELU run in single
    precision also where autocast is on, since whitening divides by small numbers.

    Source: the first layer of the CIFAR-10 speed runs, as in arXiv:2404.00498, section 3.2, without its bias: to learn
    one takes a backward pass over the largest maps of the network.

    Args:
        in_channels: channels of the images; the axes are drawn from torch's global generator.

    Attributes:
        filters: (8 * in_channels, in_channels, 2, 2).
    """

    filters: Tensor

    def __init__(self, in_channels: int) -> None:
        super().__init__()
        patch = in_channels * _SIDE**2
        axes = nn.init.orthogonal_(torch.empty(patch, patch)).view(patch, in_channels, _SIDE, _SIDE)
        self.register_buffer("filters", torch.cat([axes, -axes]))

    @torch.no_grad()
    def fit(self, images: Tensor) -> None:
        """Take the filters that whiten the patches of these images.

        With the covariance of all patches, not centred, S = Q diag(l) Q^T, the filters are +q / sqrt(l + 5e-4) and
        -q / sqrt(l + 5e-4), the largest l last in either half. The entry of q that is largest in magnitude is positive.

        Args:
            images: (number, channels, height, width), normalised as in training.

        Raises:
            SettingsError: there are no images, they are smaller than 2x2 pixels, or have another number of channels.
        """
        channels = self.filters.shape[1]
        if images.dim() != 4 or len(images) == 0 or images.shape[1] != channels or min(images.shape[2:]) < _SIDE:
            raise SettingsError(
                f"whitening needs images of {channels} channels and at least {_SIDE}x{_SIDE} pixels, but was given "
                f"the shape {tuple(images.shape)}; use larger images (data.image_size) or do not whiten."
            )
        values, axes = torch.linalg.eigh(_covariance(images))
        largest = axes.gather(0, axes.abs().argmax(dim=0, keepdim=True))
        scaled = (axes * largest.sign() / (values.clamp(min=0.0) + _EPS).sqrt()).t()
        self.filters.copy_(torch.cat([scaled, -scaled]).view_as(self.filters))

    def forward(self, images: Tensor) -> Tensor:
        """(batch, channels, height, width) -> (batch, 8 * channels, height - 1, width - 1).

        The result has the precision of autocast where that is on, else that of the images.
        """
        if images.is_meta:
            return self._whiten(images).to(images.dtype)
        device = images.device.type
        precision = torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else images.dtype
        with torch.autocast(device, enabled=False):
            if device != "cpu" or torch.compiler.is_compiling():
                return self._whiten(images).to(precision)
            batch, _, height, width = images.shape
            size = (batch, len(self.filters), height - _SIDE + 1, width - _SIDE + 1)
            result = torch.empty(size, dtype=precision, device=device, memory_format=torch.channels_last)
            # A few images at a time stay in the cache of a processor from the convolution to the rounding.
            for some, whitened in zip(torch.split(images, _IN_CACHE), torch.split(result, _IN_CACHE), strict=True):
                whitened.copy_(self._whiten(some))
            return result

    def _whiten(self, images: Tensor) -> Tensor:
        precision = torch.promote_types(images.dtype, torch.float32)
        return functional.gelu(functional.conv2d(images.to(precision), self.filters.to(precision)))


def whitening_cost(in_channels: int, pixels: int) -> Cost:
    """Cost of `Whitening` with `pixels` output positions: it has no weights, but its filters are applied."""
    patch = in_channels * _SIDE**2
    return Cost(0, 2 * patch * patch * pixels)


def _covariance(images: Tensor) -> Tensor:
    """Mean product of every two entries of a patch, (entries, entries), in double precision."""
    entries = images.shape[1] * _SIDE**2
    total = torch.zeros(entries, entries, dtype=torch.float64, device=images.device)
    count = 0
    for chunk in torch.split(images, _IN_CACHE):
        patches = functional.unfold(chunk.double(), _SIDE).transpose(0, 1).flatten(1)
        total += patches @ patches.t()
        count += patches.shape[1]
    return total / count
