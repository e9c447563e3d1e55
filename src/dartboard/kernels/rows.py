"""Feature maps as matrices, a row for each pixel, and sums over pixels.

Channels last, an image is a matrix already, so nothing here copies. Shapes by suffix: P pixels of all images, C
channels, I and O channels of either of two maps, E branches whose channels lie side by side.
"""

import torch
from torch import Tensor

__all__ = ["as_branches", "as_images", "as_rows", "in_channels_last", "sum_of_products"]

_PARTS, _LEAST_PIXELS = 4, 2**12
"""Into how many parts the pixels of a product are divided on a CPU, and from how many pixels on."""


def in_channels_last(x: Tensor) -> Tensor:
    """x, (batch, channels, height, width), laid out channels last; itself where it is."""
    return x if x.is_contiguous(memory_format=torch.channels_last) else x.contiguous(memory_format=torch.channels_last)


def as_rows(x: Tensor) -> Tensor:
    """(batch, channels, height, width) -> (P, channels), the same memory where x is channels last."""
    batch, channels, height, width = x.shape
    # One strided view instead of a chain of them: there are thousands a step.
    return in_channels_last(x).as_strided((batch * height * width, channels), (channels, 1))


def as_images(rows_PC: Tensor, like: Tensor) -> Tensor:
    """(P, C) -> (batch, C, height, width), channels last, the same memory; images and sides as in `like`."""
    batch, _, height, width = like.shape
    channels = rows_PC.shape[1]
    steps = (height * width * channels, 1, width * channels, channels)
    return rows_PC.as_strided((batch, channels, height, width), steps)


def as_branches(rows: Tensor, count: int) -> Tensor:
    """(P, E * C) -> (E, P, C) for E = count, the same memory."""
    pixels, channels = rows.shape
    each = channels // count
    return rows.as_strided((count, pixels, each), (each, channels, 1))


def sum_of_products(left_PI: Tensor, right_PO: Tensor) -> Tensor:
    """Sums over pixels of left' right, (I, O).

    A matrix library divides the work by the rows of the result, which are few here: pixels are divided instead.
    """
    pixels = len(left_PI)
    if left_PI.device.type != "cpu" or pixels % _PARTS or pixels < _LEAST_PIXELS:
        return torch.mm(left_PI.t(), right_PO)
    left, right = (each.view(_PARTS, pixels // _PARTS, -1) for each in (left_PI, right_PO))
    return torch.bmm(left.mT, right).sum(dim=0)
