"""Pictures for a page without other files: PNG as data URIs."""

import base64
import io

import numpy as np
from numpy.typing import NDArray

__all__ = ["LARGEST_SIDE", "picture_uri"]

LARGEST_SIDE = 96
"""Larger pictures are reduced to this many pixels; smaller ones are enlarged by the browser, pixel by pixel."""


def picture_uri(image: NDArray[np.uint8]) -> str:
    """A `data:` URI of a picture.

    Args:
        image: shape (height, width, channels) with 1 or 3 channels; of any other number the first is shown in grey.
    """
    from PIL import Image

    pixels = image if image.shape[2] == 3 else image[:, :, 0]
    picture = Image.fromarray(np.ascontiguousarray(pixels))
    if max(picture.size) > LARGEST_SIDE:
        picture.thumbnail((LARGEST_SIDE, LARGEST_SIDE), Image.Resampling.LANCZOS)
    stream = io.BytesIO()
    picture.save(stream, format="PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(stream.getvalue()).decode("ascii")
