"""Reading the header of one encoded image, and decoding the image to uint8 pixels of a given shape."""

import io
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

from dartboard.data.sources import Encoded

__all__ = ["MAX_PIXELS", "BrokenImageError", "Header", "Shape", "decode_image", "read_header"]

MAX_PIXELS = 89_478_485
"""Pillow's own limit against decompression bombs: a quarter of a GiB of RGB pixels."""

_GRAY_16 = ("I", "I;16", "I;16L", "I;16B", "I;16N")
_GRAY = frozenset({"1", "L", "LA", "La", *_GRAY_16})

_SWAPPING_TURNS = (5, 6, 7, 8)
"""Orientations of images that lie on their side."""

# What Pillow's readers let through on damaged content; a warning arrives here where warnings are made errors.
_READER_ERRORS = (
    OSError,
    SyntaxError,
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    ArithmeticError,
    RuntimeError,
    MemoryError,
    EOFError,
    Warning,
    struct.error,
    Image.DecompressionBombError,
)


class BrokenImageError(ValueError):
    """An image cannot be decoded; the message is the reason, as the end of a sentence about the file."""


class Header(NamedTuple):
    """What is known of an image before it is decoded: its size in pixels when upright, and whether it is gray."""

    height: int
    width: int
    gray: bool


class Shape(NamedTuple):
    """The shape that images are brought to."""

    height: int
    width: int
    channels: int


def read_header(encoded: Encoded) -> Header:
    """Size and kind of an image, at a small part of the cost of decoding it.

    Raises:
        BrokenImageError: it is no image, or has more than `MAX_PIXELS` pixels.
    """
    with _opened(encoded) as image:
        width, height = image.size
        if _orientation(image) in _SWAPPING_TURNS:
            width, height = height, width
        return Header(height, width, image.mode in _GRAY)


def decode_image(encoded: Encoded, shape: Shape) -> npt.NDArray[np.uint8]:
    """Decode an image upright, as gray or RGB, resized and cropped about its centre to fill `shape`.

    Transparent pixels show white, 16-bit gray keeps its upper byte, palettes and CMYK become RGB.

    Returns:
        uint8, shape (height, width, channels).

    Raises:
        BrokenImageError: it is no image, is damaged or cut short, or has more than `MAX_PIXELS` pixels.
    """
    with _opened(encoded) as image:
        # JPEGs can be decoded at a half, a quarter or an eighth; twice the wanted size leaves the filter its quality.
        image.draft(image.mode, (2 * shape.width, 2 * shape.height))
        orientation = _orientation(image)
        plain = _to_gray_or_rgb(image, "L" if shape.channels == 1 else "RGB")
        upright = plain if orientation == 1 else _turned(plain, orientation)
        pixels = np.asarray(ImageOps.fit(upright, (shape.width, shape.height), Image.Resampling.LANCZOS))
        return pixels.reshape(shape)


@contextmanager
def _opened(encoded: Encoded) -> Iterator[Image.Image]:
    if encoded == b"":
        raise BrokenImageError("it is empty")
    try:
        with Image.open(encoded if isinstance(encoded, Path) else io.BytesIO(encoded), formats=_formats()) as image:
            if image.width * image.height > MAX_PIXELS:
                raise Image.DecompressionBombError
            yield image
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise BrokenImageError(f"it has more than {MAX_PIXELS // 10**6} million pixels") from error
    except UnidentifiedImageError as error:
        empty = isinstance(encoded, Path) and encoded.stat().st_size == 0
        raise BrokenImageError("it is empty" if empty else "it is not an image of a known format") from error
    except _READER_ERRORS as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise BrokenImageError(reason.strip().rstrip(".") or type(error).__name__) from error


@cache
def _formats() -> tuple[str, ...]:
    """All that Pillow reads but EPS, for which it would start an interpreter on the file's own program."""
    Image.init()
    return tuple(name for name in Image.ID if name != "EPS")


def _orientation(image: Image.Image) -> int:
    # Pillow turns TIFF files itself, and asking a PNG file without an exif chunk would decode it.
    if "exif" not in image.info:
        return 1
    try:
        return int(image.getexif().get(ExifTags.Base.Orientation, 1))
    except _READER_ERRORS:
        # The camera's notes are damaged, the pixels are not; viewers show such images as they lie.
        return 1


def _turned(image: Image.Image, orientation: int) -> Image.Image:
    # Pillow writes the camera's notes anew as it turns an image, and some of them may be damaged: one is enough.
    notes = Image.Exif()
    notes[ExifTags.Base.Orientation] = orientation
    image.info = {"exif": notes.tobytes()}
    return ImageOps.exif_transpose(image)


def _to_gray_or_rgb(image: Image.Image, mode: str) -> Image.Image:
    if image.mode in _GRAY_16:
        samples = np.asarray(image).astype(np.int64).clip(0, 65535)
        gray = Image.fromarray((samples >> 8).astype(np.uint8))
        return gray if mode == "L" else gray.convert(mode)
    if image.has_transparency_data:
        upper = image.convert("RGBA")
        sheet = Image.new("RGBA", upper.size, "white")
        sheet.alpha_composite(upper)
        return sheet.convert(mode)
    return image if image.mode == mode else image.convert(mode)
