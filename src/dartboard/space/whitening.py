"""Whitened patches of the images, with which a network can begin."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from dartboard.errors import SettingsError
from dartboard.space.ops.operation import Cost

__all__ = ["Whitening", "whitening_cost"]

_SIDE = 2
_EPS = 5e-4


class Whitening(nn.Module):
    """2x2 convolution whose filters whiten patches of the images, with a learned bias, then GELU.

    Half of the filters are the principal axes of the patches, each divided by the standard deviation along it, so that
    the outputs of all have the same size and are not correlated; the other half are their negatives, since GELU keeps
    little of what is negative. The filters are not learned. Until `fit` they are random orthogonal axes. The
    convolution runs in single precision also where autocast is on, since whitening divides by small numbers.

    Source: the first layer of the CIFAR-10 speed runs, as in arXiv:2404.00498, section 3.2.

    Args:
        in_channels: channels of the images; the axes are drawn from torch's global generator.

    Attributes:
        filters: (8 * in_channels, in_channels, 2, 2).
        bias: (8 * in_channels,), zeros at first.
    """

    filters: Tensor

    def __init__(self, in_channels: int) -> None:
        super().__init__()
        patch = in_channels * _SIDE**2
        axes = nn.init.orthogonal_(torch.empty(patch, patch)).view(patch, in_channels, _SIDE, _SIDE)
        self.register_buffer("filters", torch.cat([axes, -axes]))
        self.bias = nn.Parameter(torch.zeros(2 * patch))

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
        """(batch, channels, height, width) -> (batch, 8 * channels, height - 1, width - 1)."""
        if images.is_meta or not torch.is_autocast_enabled(images.device.type):
            return self._whiten(images)
        with torch.autocast(images.device.type, enabled=False):
            return self._whiten(images)

    def _whiten(self, images: Tensor) -> Tensor:
        precision = torch.promote_types(images.dtype, torch.float32)
        whitened = functional.conv2d(images.to(precision), self.filters.to(precision), self.bias.to(precision))
        return functional.gelu(whitened).to(images.dtype)


def whitening_cost(in_channels: int, pixels: int) -> Cost:
    """Cost of `Whitening` with `pixels` output positions: only its bias is learned, but its filters are applied."""
    outputs = 2 * in_channels * _SIDE**2
    return Cost(outputs, outputs * in_channels * _SIDE**2 * pixels)


def _covariance(images: Tensor) -> Tensor:
    """Mean product of every two entries of a patch, (entries, entries), in double precision."""
    entries = images.shape[1] * _SIDE**2
    total = torch.zeros(entries, entries, dtype=torch.float64, device=images.device)
    count = 0
    for chunk in torch.split(images, 1024):
        patches = functional.unfold(chunk.double(), _SIDE).transpose(0, 1).flatten(1)
        total += patches @ patches.t()
        count += patches.shape[1]
    return total / count
