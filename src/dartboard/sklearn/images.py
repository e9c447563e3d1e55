"""Conversion of the images and labels of scikit-learn into the form that dartboard reads."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from dartboard.data import label_text
from dartboard.errors import DataError, SettingsError

__all__ = ["as_images", "class_names"]

Array = npt.NDArray[Any]


def as_images(values: Array, image_shape: Sequence[int] | None, pixel_range: tuple[float, float] | None) -> Array:
    """Images from rows or images.

    Args:
        values: numbers of shape (images, features), or images of any shape that `ArrayData` takes.
        image_shape: the shape of one image; needed for rows.
        pixel_range: the values of black and white; values outside are clipped. None leaves the values unchanged.

    Returns:
        Images for `ArrayData`, of shape (images, *image_shape) where `image_shape` is given. With `pixel_range` they
        are uint8.

    Raises:
        DataError: the values do not fit `image_shape`, or rows have no `image_shape`.
        SettingsError: the range is empty or not finite.
    """
    if image_shape is not None:
        _check_shape(values, image_shape)
        values = values.reshape(len(values), *image_shape)
    elif values.ndim == 2:
        raise DataError(_without_shape(values))
    if pixel_range is None:
        return values
    black, white = pixel_range
    if not (math.isfinite(black) and math.isfinite(white) and black != white):
        raise SettingsError(f"pixel_range cannot be {pixel_range}; give two different numbers, for black and white.")
    shares = np.clip((values.astype(np.float64) - black) / (white - black), 0.0, 1.0)
    # As bytes, since other values would be scaled once more, by the range that the training images use.
    return np.rint(255 * shares).astype(np.uint8)


def class_names(classes: Array) -> list[str]:
    """The names of the classes: their labels as text, or their positions where some labels have no text or the same."""
    texts = [label_text(label) for label in classes.tolist()]
    names = [text for text in texts if text is not None]
    return names if len(set(names)) == len(texts) else [str(position) for position in range(len(texts))]


def _check_shape(values: Array, image_shape: Sequence[int]) -> None:
    if values.shape[1:] not in (tuple(image_shape), (math.prod(image_shape),)):
        raise DataError(
            f"the array has shape {values.shape}; with image_shape={tuple(image_shape)} it must be "
            f"(images, {math.prod(image_shape)}) or (images, {', '.join(map(str, image_shape))})."
        )


def _without_shape(values: Array) -> str:
    side = math.isqrt(values.shape[1])
    shape = f"({side}, {side})" if side * side == values.shape[1] else "(height, width)"
    return (
        f"the array has shape {values.shape}, and rows of numbers are not images; give the shape of an image, as in "
        f"image_shape={shape}, or give images of shape (images, height, width)."
    )
