"""Labels that are given as an array, of numbers or texts in any form that NumPy and pandas hold them."""

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from dartboard.data.sources.labelled_rows import label_text
from dartboard.errors import DataError

__all__ = ["label_texts"]

_LABEL_KINDS = "iufbUSTO"
"""Kinds of NumPy arrays: numbers, truth values, texts and bytes of fixed length, texts of any length, objects."""


def label_texts(labels: npt.NDArray[Any], key: str, count: int) -> list[str | None]:
    """The labels of an array as texts, None where one is missing (NaN, None, an empty text).

    Args:
        labels: shape (images,) or (images, 1).
        key: what messages call the array.
        count: number of images.

    Raises:
        DataError: the array has another shape, or holds anything but numbers and texts.
    """
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    if labels.shape != (count,) or labels.dtype.kind not in _LABEL_KINDS:
        columns = f"; labels.argmax(axis=1) makes them of {labels.shape[1]} columns" if labels.ndim == 2 else ""
        raise DataError(
            f"the array '{key}' has shape {labels.shape} and holds {labels.dtype}; it must hold {count} integers or "
            f"strings, one for each image{columns}."
        )
    values = [None if _is_missing(value) else value for value in labels.tolist()]
    for row, value in enumerate(values):
        if not _is_label(value):
            raise DataError(
                f"{key}[{row}] is {type(value).__name__}, and labels must be integers or strings; give one of them for "
                "each image."
            )
    return [label_text(value) for value in values]


def _is_missing(value: object) -> bool:
    """Whether a value is one of the marks of pandas, which are called so in all its versions."""
    return type(value).__name__ in ("NAType", "NaTType")


def _is_label(value: object) -> bool:
    finite = isinstance(value, float | np.floating) and not math.isinf(value)
    return value is None or finite or isinstance(value, str | bytes | int | np.integer | np.bool_)
