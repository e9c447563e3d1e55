"""Feature maps as matrices, a row for each pixel, and sums over pixels.

In channels-last memory an image is already a matrix, so nothing is copied. Shapes by suffix: P pixels of all images, C
channels, I and O channels of two maps, E branches with their channels side by side.
"""

import torch
from torch import Tensor

__all__ = ["as_branches", "as_images", "as_rows", "in_channels_last", "sum_of_products"]

_PARTS, _LEAST_PIXELS = 4, 2**12
"""On a CPU the pixels of a product are divided into _PARTS parts, from _LEAST_PIXELS pixels on."""


def in_channels_last(x: Tensor) -> Tensor:
    """x, (batch, channels, height, width), in the channels-last layout; x itself if it has this layout."""
    return x if x.is_contiguous(memory_format=torch.channels_last) else x.contiguous(memory_format=torch.channels_last)


def as_rows(x: Tensor) -> Tensor:
    """(batch, channels, height, width) -> (P, channels), in the same memory if x is channels last."""
    batch, channels, height, width = x.shape
    # One strided view instead of a chain of views: a step makes thousands of them.
    return in_channels_last(x).as_strided((batch * height * width, channels), (channels, 1))


def as_images(rows_PC: Tensor, like: Tensor) -> Tensor:
    """(P, C) -> (batch, C, height, width), channels last, in the same memory; batch, height and width as in `like`."""
    batch, _, height, width = like.shape
    channels = rows_PC.shape[1]
    steps = (height * width * channels, 1, width * channels, channels)
    return rows_PC.as_strided((batch, channels, height, width), steps)


def as_branches(rows: Tensor, count: int) -> Tensor:
    """(P, E * C) -> (E, P, C) with E = count, in the same memory."""
    pixels, channels = rows.shape
    each = channels // count
    return rows.as_strided((count, pixels, each), (each, channels, 1))


def sum_of_products(left_PI: Tensor, right_PO: Tensor) -> Tensor:
    """The matrix product left' right, summed over pixels, (I, O).

    A matrix library divides the work by the rows of the result, but these are few here. So the pixels are divided.
    """
    pixels = len(left_PI)
    if left_PI.device.type != "cpu" or pixels % _PARTS or pixels < _LEAST_PIXELS:
        return torch.mm(left_PI.t(), right_PO)
    left, right = (each.view(_PARTS, pixels // _PARTS, -1) for each in (left_PI, right_PO))
    return torch.bmm(left.mT, right).sum(dim=0)
