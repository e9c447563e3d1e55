"""What happens around the mixed operations of an edge: the channels that bypass them."""

import torch
from torch import Tensor
from torch.nn import functional

__all__ = ["bypass", "join_channels", "split_channels"]


def split_channels(x: Tensor, share: int) -> tuple[Tensor, Tensor | None]:
    """The first 1/share of the channels, which go through the operations, and the others (None for a share of 1).

    Source: PC-DARTS, arXiv:1907.05737, section 3.1, with the fixed choice of channels of the authors' code.

    Args:
        x: (batch, channels, height, width).
        share: one channel in so many is kept.
    """
    if share == 1:
        return x, None
    kept = x.shape[1] // share
    first, others = torch.split(x, [kept, x.shape[1] - kept], dim=1)
    return first, others


def bypass(rest: Tensor, stride: int) -> Tensor:
    """What the other channels become: themselves, at stride 2 the maximum of every 2x2 pixels (rounding sides up)."""
    return rest if stride == 1 else functional.max_pool2d(rest, 2, 2, ceil_mode=True)


def join_channels(mixed: Tensor, rest: Tensor | None, share: int) -> Tensor:
    """Mixed and bypassed channels joined and shuffled, so that the next edge sends others through the operations.

    Args:
        mixed: (batch, channels / share, height, width).
        rest: (batch, channels - channels / share, height, width), or None for a share of 1.
        share: groups of the shuffle.

    Returns:
        (batch, channels, height, width).
    """
    if rest is None:
        return mixed
    return functional.channel_shuffle(torch.cat([mixed, rest], dim=1), share)
