"""Reading the header of one encoded image, its values, and the image as uint8 pixels of a given shape."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps

from dartboard.data.opening import EIGHT_BITS, BrokenImageError, Header, opened, upright
from dartboard.data.reading import FULL_SCALES, Fit, Ranges, Reading
from dartboard.data.sources import Encoded
from dartboard.errors import DataError
from dartboard.wording import listing

__all__ = ["as_picture", "common_channels", "decode_image", "read_deep_values", "read_header"]

_FILTER = Image.Resampling.LANCZOS
_LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)


def read_header(encoded: Encoded) -> Header:
    """Size and kind of an image, at a small part of the cost of decoding it.

    Raises:
        BrokenImageError: it is no image, or has more than `MAX_PIXELS` pixels.
    """
    with opened(encoded) as found:
        return found.header


def decode_image(
    encoded: Encoded, reading: Reading, *, beyond: Callable[[], None] = lambda: None
) -> npt.NDArray[np.uint8]:
    """Decode an image upright and bring it to the shape of `reading`.

    Transparent pixels show white, palettes and CMYK become RGB, gray becomes RGB among coloured images. Values that are
    not of 8 bits are scaled by the ranges of `reading`; what lies outside becomes 0 or 255.

    Args:
        encoded: the image.
        reading: how it is read.
        beyond: called if values lie outside of the ranges.

    Returns:
        uint8, shape (height, width, channels).

    Raises:
        BrokenImageError: it is no image, is damaged or cut short, has more than `MAX_PIXELS` pixels, or has another
            number of channels.
    """
    with opened(encoded) as found:
        if found.image is not None and found.header.kind == EIGHT_BITS and reading.channels in (1, 3):
            return _decode_ordinary(found.image, reading)
        values = _with_channels(found.read(), reading.channels)
        if found.header.kind != EIGHT_BITS:
            ranges = np.array(reading.ranges or _full_scale(found.header.kind, reading.channels), dtype=np.float64)
            if (values < ranges[:, 0]).any() or (values > ranges[:, 1]).any():
                beyond()
            values = _scaled(values, ranges)
        return _fitted_values(values, reading)


def read_deep_values(encoded: Encoded, channels: int) -> npt.NDArray[Any] | None:
    """The values of an image that is not of 8 bits, shape (height, width, channels); None for an ordinary image.

    Raises:
        BrokenImageError: it is no image, is damaged or cut short, has more than `MAX_PIXELS` pixels, or has another
            number of channels.
    """
    with opened(encoded) as found:
        return None if found.header.kind == EIGHT_BITS else _with_channels(found.read(), channels)


def common_channels(headers: Mapping[Header, str]) -> int:
    """The number of channels to read all images with: gray among coloured images is read as RGB.

    Args:
        headers: each header that images have, and the name of an image that has it.

    Raises:
        DataError: other numbers of channels are mixed.
    """
    found = sorted({header.channels for header in headers})
    if len(found) == 1 or found == [1, 3]:
        return found[-1]
    names = {header.channels: name for header, name in headers.items()}
    told = listing(f"{number} ({names[number]})" for number in found)
    raise DataError(
        f"images of {told} channels are mixed; give every image the same channels (in a TIFF file with several pages "
        "each page is one)."
    )


def as_picture(image: npt.NDArray[np.uint8]) -> Image.Image:
    """A decoded image to look at: gray, RGB, or the first, middle and last of other channels as false colours.

    Of two channels the first is shown as red and the second as green.

    Args:
        image: shape (height, width, channels).
    """
    channels = image.shape[2]
    if channels == 1:
        return Image.fromarray(np.ascontiguousarray(image[..., 0]))
    if channels == 2:
        shown = np.concatenate([image, np.zeros_like(image[..., :1])], axis=2)
    else:
        shown = image[..., [0, channels // 2, channels - 1]]
    return Image.fromarray(np.ascontiguousarray(shown))


def _decode_ordinary(image: Image.Image, reading: Reading) -> npt.NDArray[np.uint8]:
    # JPEGs can be decoded at a half, a quarter or an eighth; twice the wanted size leaves the filter its quality.
    image.draft(image.mode, (2 * reading.width, 2 * reading.height))
    plain = upright(image, "L" if reading.channels == 1 else "RGB")
    return np.asarray(_fitted(plain, reading.width, reading.height, reading.fit)).reshape(reading.shape)


def _fitted(image: Image.Image, width: int, height: int, fit: Fit) -> Image.Image:
    if fit == "pad":
        return ImageOps.pad(image, (width, height), _FILTER)
    if fit == "stretch":
        return image if image.size == (width, height) else image.resize((width, height), _FILTER)
    return ImageOps.fit(image, (width, height), _FILTER)


def _fitted_values(values: npt.NDArray[Any], reading: Reading) -> npt.NDArray[np.uint8]:
    """Resize values from 0 to 255 of any number of channels, each as an image of its own, and round them."""
    if values.shape != reading.shape:
        planes = [Image.fromarray(np.ascontiguousarray(values[..., channel])) for channel in range(values.shape[2])]
        fitted = [np.asarray(_fitted(plane, reading.width, reading.height, reading.fit)) for plane in planes]
        values = np.stack(fitted, axis=2)
    if values.dtype == np.uint8:
        return values
    rounded: npt.NDArray[np.uint8] = np.rint(values).clip(0, 255).astype(np.uint8)
    return rounded


def _with_channels(values: npt.NDArray[Any], channels: int) -> npt.NDArray[Any]:
    found = values.shape[2]
    if found == channels:
        return values
    if found == 1:
        return np.repeat(values, channels, axis=2)
    if channels == 1 and found == len(_LUMA):
        gray = (values @ _LUMA)[..., None]
        return np.rint(gray).astype(np.uint8) if values.dtype == np.uint8 else gray
    raise BrokenImageError(f"it has {found} channels in place of {channels}")


def _scaled(values: npt.NDArray[Any], ranges: npt.NDArray[np.float64]) -> npt.NDArray[np.float32]:
    black, white = ranges.T
    scaled: npt.NDArray[np.float32] = ((values - black) * (255 / (white - black))).clip(0, 255).astype(np.float32)
    return scaled


def _full_scale(kind: str, channels: int) -> Ranges:
    return ((0.0, FULL_SCALES.get(kind, 65535.0)),) * channels
