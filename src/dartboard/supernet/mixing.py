"""The channels that bypass the mixed operations of an edge (partial channels)."""

import torch
from torch import Tensor
from torch.nn import functional

__all__ = ["bypass", "join_channels", "split_channels"]


def split_channels(x: Tensor, share: int) -> tuple[Tensor, Tensor | None]:
    """Split the channels: the first 1/share goes through the operations, the others do not (None for a share of 1).

    Source: PC-DARTS, arXiv:1907.05737, section 3.1, with the fixed choice of channels of the authors' code.

    Args:
        x: (batch, channels, height, width).
        share: one channel in `share` goes through the operations.
    """
    if share == 1:
        return x, None
    kept = x.shape[1] // share
    first, others = torch.split(x, [kept, x.shape[1] - kept], dim=1)
    return first, others


def bypass(rest: Tensor, stride: int) -> Tensor:
    """The channels that bypass the operations: unchanged at stride 1, the maximum of 2x2 pixels at stride 2.

    Args:
        rest: (batch, channels, height, width).
        stride: stride of the edge, 1 or 2.

    Returns:
        (batch, channels, ceil(height/stride), ceil(width/stride)).
    """
    return rest if stride == 1 else functional.max_pool2d(rest, 2, 2, ceil_mode=True)


def join_channels(mixed: Tensor, rest: Tensor | None, share: int) -> Tensor:
    """Join mixed and bypassed channels and shuffle them, so that the next edge mixes other channels.

    Args:
        mixed: (batch, channels / share, height, width).
        rest: (batch, channels - channels / share, height, width), or None for a share of 1.
        share: as for `split_channels`; it is the number of groups of the shuffle.

    Returns:
        (batch, channels, height, width).
    """
    if rest is None:
        return mixed
    return functional.channel_shuffle(torch.cat([mixed, rest], dim=1), share)
