"""The common shape of a dataset's images, and what happens to those of another shape."""

import math
from collections import Counter
from collections.abc import Mapping
from statistics import median_high
from typing import NamedTuple

from dartboard.data.data_settings import DataSettings
from dartboard.data.opening import Header
from dartboard.data.reading import Fit, Reading
from dartboard.errors import DataError
from dartboard.wording import percent

__all__ = ["Fitting", "choose_fitting", "note_on_cut"]

_LARGEST_DEFAULT_SIDE = 128
_SMALLEST_SIDE = 8
_TOO_NARROW = 4
"""Pixels of a side below which images are enlarged although all have one size."""
_MULTIPLE = 4
_SAME_ASPECT = 1.02
_NEARLY_SQUARE = 1.5
_MOST_CUT = 0.35
_WORTH_TELLING = 0.005
_UNUSUAL = 0.1
"""Share of the images that may fit worse into the common shape than what it is chosen by."""
_LONGEST = 256
"""Ratio of the sides beyond which images are squeezed: 8 by 2048 pixels, as many as a square of 128 has."""

Size = tuple[int, int]
"""(height, width) in pixels."""


class Fitting(NamedTuple):
    """The common shape, what happens to other shapes, and a sentence about what that costs, if anything."""

    height: int
    width: int
    fit: Fit
    notes: tuple[str, ...] = ()


def choose_fitting(headers: Mapping[Header, int], settings: DataSettings) -> Fitting:
    """Choose the common shape of images from their shapes.

    Images of one shape keep it; they are scaled down to as many pixels as a square of `image_size`, or of 128, has.
    Others become squares, or rectangles of their median shape where that is longer than 3:2: cut where that loses at
    most 35 % of the average image, else surrounded by black. `data.fit` overrides that choice.

    Args:
        headers: header -> number of images that have it.
        settings: `fit` and `image_size`.

    Raises:
        DataError: the images are to keep their shape but have several.
    """
    sizes = _sizes(headers)
    aspects = [_aspect(size) for size in sizes]
    one_shape = max(aspects) <= _SAME_ASPECT * min(aspects)
    if settings.fit == "keep" and not one_shape:
        raise DataError(
            f"data.fit=keep needs images of one shape, but there are {_told(sizes)}; ask for crop, pad or stretch."
        )
    if one_shape and settings.fit in (None, "keep"):
        return _kept(sizes, settings.image_size)
    height, width = _common(sizes, settings.image_size, square=settings.fit == "crop")
    lost = _share_cut(sizes, height / width)
    fit: Fit = "crop" if lost <= _MOST_CUT else "pad"
    if settings.fit is not None and settings.fit != "keep":
        fit = settings.fit
    note = _note(_told(sizes), f"{width}x{height}", fit, lost)
    return Fitting(height, width, fit, (note,) if lost >= _WORTH_TELLING else ())


def note_on_cut(headers: Mapping[Header, int], reading: Reading) -> list[str]:
    """What is lost of new images that are cut to the shape of a network's, or nothing."""
    sizes = _sizes(headers)
    lost = _share_cut(sizes, reading.height / reading.width)
    if reading.fit != "crop" or lost < _WORTH_TELLING:
        return []
    return [
        f"The images of {_told(sizes)} pixels are cut about their centres to {reading.width}x{reading.height} (width x "
        f"height), as in the training, which loses {percent(lost, digits=0)} of the average image."
    ]


def _sizes(headers: Mapping[Header, int]) -> Counter[Size]:
    sizes: Counter[Size] = Counter()
    for header, number in headers.items():
        sizes[header.height, header.width] += number
    return sizes


def _kept(sizes: Mapping[Size, int], image_size: int | None) -> Fitting:
    """The one shape that all images have, scaled if it is too large or another size is asked for."""
    height, width = next(iter(sizes))
    few_pixels = height * width <= _LARGEST_DEFAULT_SIDE**2 and min(height, width) >= _TOO_NARROW
    if len(sizes) == 1 and few_pixels and image_size is None:
        return Fitting(height, width, "stretch")
    side = image_size or min(_LARGEST_DEFAULT_SIDE, median_high([math.sqrt(math.prod(size)) for size in sizes]))
    scaled = _rectangle(height / width, side**2)
    if scaled[0] == scaled[1]:
        return Fitting(*scaled, "stretch")
    note = f"The images of {_told(sizes)} pixels keep their shape, as {scaled[1]}x{scaled[0]} (width x height)."
    return Fitting(*scaled, "stretch", (note,))


def _common(sizes: Counter[Size], image_size: int | None, *, square: bool) -> Size:
    """A square, or the median shape where that is longer than 3:2 and suits all but a few images as well as a square.

    It does not where images stand as often as they lie.
    """
    aspect = median_high(map(_aspect, sizes.elements()))
    nearly_square = 1 / _NEARLY_SQUARE <= aspect <= _NEARLY_SQUARE
    if square or nearly_square or _usual_cut(sizes, 1.0) < _usual_cut(sizes, aspect):
        side = image_size or min(_LARGEST_DEFAULT_SIDE, max(_SMALLEST_SIDE, median_high(map(min, sizes))))
        return side, side
    side = image_size or min(_LARGEST_DEFAULT_SIDE, median_high(math.isqrt(math.prod(size)) for size in sizes))
    return _rectangle(aspect, side**2)


def _rectangle(aspect: float, pixels: float) -> Size:
    """About that ratio of height to width and that number of pixels, in multiples of 4, neither side below 8."""
    aspect = min(max(aspect, 1 / _LONGEST), _LONGEST)
    pixels = max(pixels, _SMALLEST_SIDE**2 * max(aspect, 1 / aspect))
    height = math.sqrt(pixels * aspect)
    return _rounded(height), _rounded(height / aspect)


def _rounded(side: float) -> int:
    return max(_SMALLEST_SIDE, _MULTIPLE * round(side / _MULTIPLE))


def _share_cut(sizes: Mapping[Size, int], target: float) -> float:
    """Share of the average image that lies outside of the largest box of that ratio of height to width."""
    return sum(number * _cut(size, target) for size, number in sizes.items()) / sum(sizes.values())


def _usual_cut(sizes: Counter[Size], target: float) -> float:
    """The share that at most a tenth of the images lose more than."""
    cuts = sorted((_cut(size, target) for size in sizes.elements()), reverse=True)
    return cuts[int(_UNUSUAL * len(cuts))]


def _cut(size: Size, target: float) -> float:
    return 1 - min(_aspect(size) / target, target / _aspect(size))


def _note(sizes: str, shape: str, fit: Fit, lost: float) -> str:
    images, shape, share = f"The images of {sizes} pixels", f"{shape} (width x height)", percent(lost, digits=0)
    if fit == "stretch":
        return f"{images} are stretched to {shape}, each direction by a factor of its own."
    if fit == "pad":
        return f"{images} are surrounded by black to {shape}; cutting them would lose {share} of the average image."
    return (
        f"{images} are cut about their centres to {shape}, which loses {share} of the average image; data.fit=pad "
        "keeps all of it."
    )


def _told(sizes: Mapping[Size, int]) -> str:
    smallest, *_, largest = sorted([*sizes, *sizes], key=lambda size: (math.prod(size), size))
    if len(sizes) == 1:
        return f"{largest[1]}x{largest[0]}"
    return f"{len(sizes)} sizes from {smallest[1]}x{smallest[0]} to {largest[1]}x{largest[0]}"


def _aspect(size: Size) -> float:
    return size[0] / size[1]
