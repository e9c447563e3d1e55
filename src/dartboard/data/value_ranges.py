"""The range of values that a dataset uses, which is what becomes 0 to 255."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dartboard.data.reading import Ranges
from dartboard.wording import count, listing

__all__ = ["MeasuredRanges", "choose_ranges", "measure_ranges", "range_of"]

_FLOAT_SCALES = (1.0, 255.0)
_WHOLE_SCALES = tuple(float(2**bits - 1) for bits in (8, 10, 12, 14, 16))
_LEAST_FILLED = 0.5
_FEW_SHADES = 16
_MIDDLE = (0.1, 99.9)
_SAMPLED = 200
_VALUES_PER_IMAGE = 4096
_NAMED_RANGES = 3


@dataclass(frozen=True)
class MeasuredRanges:
    """What the values of a dataset were found to be.

    Attributes:
        kinds: NumPy's names for their types, sorted.
        ranges: for each channel the values that become 0 and 255.
        middle: for each channel the values between which 99.8 % of all lie, in the images looked at.
    """

    kinds: tuple[str, ...]
    ranges: Ranges
    middle: Ranges

    @property
    def is_dim(self) -> bool:
        """Whether nearly all values of a channel fall on so few shades that what they show may be lost."""
        pairs = zip(self.ranges, self.middle, strict=True)
        return any(255 * (high - low) < _FEW_SHADES * (white - black) for (black, white), (low, high) in pairs)


def measure_ranges(images: Iterable[npt.NDArray[np.generic]]) -> MeasuredRanges | None:
    """The ranges of images, each of shape (height, width, channels), all of one number of channels; None without any.

    Args:
        images: values as they are stored, finite.
    """
    kinds: set[str] = set()
    lowest: npt.NDArray[np.float64] | None = None
    highest: npt.NDArray[np.float64] | None = None
    sampled: list[npt.NDArray[np.generic]] = []
    for image in images:
        kinds.add(image.dtype.name)
        low, high = (np.asarray(extreme, dtype=np.float64) for extreme in (image.min((0, 1)), image.max((0, 1))))
        lowest = low if lowest is None else np.minimum(lowest, low)
        highest = high if highest is None else np.maximum(highest, high)
        if len(sampled) < _SAMPLED:
            flat = image.reshape(-1, image.shape[2])
            sampled.append(flat[:: max(1, len(flat) // _VALUES_PER_IMAGE)])
    if lowest is None or highest is None:
        return None
    whole = all(np.dtype(kind).kind in "bui" for kind in kinds)
    ranges = tuple(range_of(low, high, whole=whole) for low, high in zip(lowest, highest, strict=True))
    middle = np.percentile(np.concatenate(sampled).astype(np.float64), _MIDDLE, axis=0).T.tolist()
    return MeasuredRanges(tuple(sorted(kinds)), ranges, tuple((low, high) for low, high in middle))


def choose_ranges(
    measured: MeasuredRanges | None, asked: tuple[float, float] | None, channels: int
) -> tuple[Ranges | None, list[str]]:
    """The ranges to scale by, and sentences about them.

    Args:
        measured: what the training images use; None where none of them is of another kind than 8 bits.
        asked: the range that the user gave for all channels, if any.
        channels: how many channels there are.
    """
    ranges = (asked,) * channels if asked else measured.ranges if measured else None
    if measured is None or ranges is None:
        return ranges, []
    whose = "as data.value_range asks" if asked else "the range of the training images"
    distinct = list(dict.fromkeys(ranges))
    told = [f"{black:.6g} to {white:.6g}" for black, white in distinct[:_NAMED_RANGES]]
    if len(distinct) > _NAMED_RANGES:
        told.append(f"{count(len(distinct) - _NAMED_RANGES, 'range')} of other channels")
    notes = [f"Pixels are {listing(measured.kinds)}: {listing(told)} becomes 0 to 255, {whose}."]
    if not asked and measured.is_dim:
        low, high = (extreme(pair[side] for pair in measured.middle) for side, extreme in ((0, min), (1, max)))
        advice = f"; data.value_range=[{low:.6g},{high:.6g}] would spread them and cut off the rest"
        notes.append(f"99.8 % of the values lie within few of the 256 shades{advice if low < high else ''}.")
    return ranges, notes


def range_of(low: float, high: float, *, whole: bool) -> tuple[float, float]:
    """The values that become 0 and 255, from the lowest and the highest that occur.

    A customary scale, such as 0 to 4095 for 12 bits, is taken where the values fill at least half of it; else the two
    values themselves, so that no kind of values turns black.

    >>> range_of(3, 3900, whole=True), range_of(29000, 31000, whole=True), range_of(0.0, 0.97, whole=False)
    ((0.0, 4095.0), (29000.0, 31000.0), (0.0, 1.0))

    Args:
        low: the lowest value that occurs.
        high: the highest value that occurs.
        whole: whether the values are whole numbers by their type.
    """
    scale = next((each for each in (_WHOLE_SCALES if whole else _FLOAT_SCALES) if high <= each), None)
    if low >= 0 and scale is not None and high - low >= _LEAST_FILLED * scale:
        return 0.0, scale
    return float(low), float(high) if high > low else float(low) + 1.0
