"""What scikit-learn hands over as images and labels, in the form that dartboard reads."""

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
        values: numbers, shape (images, features), or any shape of images that `ArrayData` takes.
        image_shape: the shape of one image, without the number of images; needed for rows.
        pixel_range: which values are black and white, beyond which they are cut off; None as in `ArrayData`.

    Returns:
        As `ArrayData` takes them, shape (images, *image_shape) where that is given.

    Raises:
        DataError: rows do not have that shape.
        SettingsError: the range is empty.
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
    return np.clip((values.astype(np.float64) - black) / (white - black), 0.0, 1.0)


def class_names(classes: Array) -> list[str]:
    """What dartboard calls classes: their labels as text, or their positions where texts would be missing or equal."""
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
        f"the array has shape {values.shape}, and rows of numbers are no images; say how they lie, as in "
        f"image_shape={shape}, or give images of shape (images, height, width)."
    )
