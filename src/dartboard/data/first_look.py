"""A look at a dataset before anything is decoded: enough to choose how to treat it."""

import math
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
import numpy.typing as npt

from dartboard.data.data_settings import DataSettings
from dartboard.data.opening import BrokenImageError, Header
from dartboard.data.pixels import decode_image, read_deep_values, read_header
from dartboard.data.reading import Reading
from dartboard.data.sources import ArrayData, Encoded, EncodedSplit, open_source
from dartboard.data.value_ranges import measure_ranges

__all__ = ["DataLook", "look_at_dataset", "share_handed", "smoothness"]

_HEADERS = 500
_DECODED = 400
_SAMPLE = Reading(32, 32, 1, "stretch")
_CLEARLY = 0.15
_DEVIATIONS = 3
_LEAST_OF_CLASS = 4
_SMOOTH = 0.2
"""Correlation of neighbouring pixels below which they are no picture; it is above 0.8 in photographs, 0.3 in digits of
8x8 pixels, and below 0.05 in letters, boards and puzzles of one pixel a place."""

_LARGEST_TABLE = 64**2
"""Pixels from which on an image is not looked at for places of one pixel."""


@dataclass(frozen=True)
class DataLook:
    """What is known of a dataset without decoding it.

    Attributes:
        images: number of training images.
        counts: number of training images of each class, in label order.
        channels: 1 where all images looked at are gray, 3 for colours, else what the files hold.
        side: median shorter side of the images looked at, in pixels.
        same_size: whether the images looked at all have one size.
        flat: share of an average image that has its commonest shade of gray, such as the paper around a drawing.
        aspect: median of the longer side by the shorter one.
        handed: share of images that are more like the others of their class than their mirror images are; one half
            where left and right mean nothing.
        smooth: correlation of neighbouring pixels, along the axis where it is smaller; 1 where it was not measured, in
            images of several sizes or of more than 64x64 pixels.
        decoded: how many images `flat`, `handed` and `smooth` were measured on.
    """

    images: int
    counts: tuple[int, ...]
    channels: int
    side: int
    same_size: bool
    flat: float = 0.0
    aspect: float = 1.0
    handed: float = 0.5
    smooth: float = 1.0
    decoded: int = 0

    @property
    def is_table(self) -> bool:
        """Whether every pixel is a place of its own, as in letters in code, boards and puzzles."""
        return self.smooth < _SMOOTH

    @property
    def classes(self) -> int:
        """How many classes there are."""
        return len(self.counts)

    @property
    def imbalance(self) -> float:
        """Training images of the largest class for one of the smallest."""
        return max(self.counts) / max(1, min(self.counts))

    @property
    def is_handed(self) -> bool:
        """Whether images differ from their mirror images by more than chance, as letters do."""
        return self.handed - 0.5 > max(_CLEARLY, _DEVIATIONS / (2 * math.sqrt(max(1, self.decoded))))


def look_at_dataset(source: str | Path | ArrayData | None, settings: DataSettings) -> DataLook:
    """Count the training images by class, read the first headers and decode a few hundred images.

    Args:
        source: the dataset, in any form that `load_dataset` takes.
        settings: only the names of the columns and `max_train_images` are used.

    Raises:
        DataError: there is no usable dataset.
    """
    split = open_source(source, settings).splits.get("train")
    labels = None if split is None else split.labels
    if split is None or labels is None:
        return DataLook(0, (0,), 3, 0, same_size=True)  # loading the dataset tells the user what is missing
    headers = [header for encoded in islice(split.images, _HEADERS) if (header := _header(encoded))]
    sides = [min(header.height, header.width) for header in headers] or [0]
    aspects = [max(header.height, header.width) / min(header.height, header.width) for header in headers] or [1.0]
    most = settings.max_train_images or len(labels)
    counts = np.bincount(labels) * min(1.0, most / len(labels))
    chosen, positions = _chosen(split)
    samples, kept = _decoded(chosen, _SAMPLE)
    sizes = {header[:3] for header in headers}
    smooth = 1.0
    if len(sizes) == 1 and math.prod(next(iter(sizes))[:2]) <= _LARGEST_TABLE:
        smooth = smoothness(_decoded(chosen, Reading(*next(iter(sizes)), "stretch"))[0])
    return DataLook(
        images=min(most, len(labels)),
        counts=tuple(int(count) for count in counts),
        channels=max((header.channels for header in headers), default=3),
        side=sorted(sides)[len(sides) // 2],
        same_size=len({(header.height, header.width) for header in headers}) <= 1,
        flat=_share_flat(samples),
        aspect=sorted(aspects)[len(aspects) // 2],
        handed=share_handed(samples[..., 0], labels[positions[kept]]),
        smooth=smooth,
        decoded=len(samples),
    )


def share_handed(images: npt.NDArray[np.uint8], labels: npt.NDArray[np.int64]) -> float:
    """The share of images that are more like the others of their class than their mirror images are.

    An image less its mirror image points to one side. The images whose side is that of the others of their class, by
    the sign of the inner product with their sum, are counted, once by shades and once by the distance from the median
    shade, which is the same for dark letters on light paper and the reverse; the larger share is returned. It is one
    half, but for chance, where a class is as likely to be seen mirrored.

    Args:
        images: gray, shape (images, height, width).
        labels: shape (images,). Classes of fewer than 4 images are passed over.

    Returns:
        The share; 0.5 where no class has enough images.
    """
    if not len(images):
        return 0.5
    shades = images.astype(np.float64)
    contrasts = np.abs(shades - np.median(shades, axis=(1, 2), keepdims=True))
    return max(_share_agreeing(shades, labels), _share_agreeing(contrasts, labels))


def smoothness(images: npt.NDArray[np.uint8]) -> float:
    """The correlation of neighbouring pixels over images, pooled over places, along the axis where it is smaller.

    Args:
        images: shape (images, height, width, channels).

    Returns:
        From -1 to 1; 1 where no pixel varies.
    """
    if not len(images):
        return 1.0
    values = images.astype(np.float64)
    values -= values.mean(axis=0)
    return min((_correlation(np.moveaxis(values, axis, 0)) for axis in (1, 2)), default=1.0)


def _correlation(values: npt.NDArray[np.float64]) -> float:
    """Of neighbours along the first axis, over the second, pooled over all others."""
    deviations = np.sqrt(np.square(values).sum(axis=1))
    together = (values[1:] * values[:-1]).sum(axis=1)
    apart = (deviations[1:] * deviations[:-1]).sum()
    return float(together.sum() / apart) if apart > 0 else 1.0


def _share_agreeing(values: npt.NDArray[np.float64], labels: npt.NDArray[np.int64]) -> float:
    sides = (values - values[:, :, ::-1]).reshape(len(values), -1)
    sides /= np.maximum(np.linalg.norm(sides, axis=1, keepdims=True), 1e-9)
    agreeing = counted = 0
    for label in np.unique(labels):
        own = sides[labels == label]
        if len(own) < _LEAST_OF_CLASS:
            continue
        with_others = own @ own.sum(axis=0) - np.square(own).sum(axis=1)
        agreeing += int((with_others > 0).sum())
        counted += len(own)
    return agreeing / counted if counted else 0.5


def _chosen(split: EncodedSplit) -> tuple[EncodedSplit, npt.NDArray[np.int64]]:
    """Some images and their positions.

    They are spread over the split, or the first ones where the others can only be reached by reading all of it.
    """
    number = min(_DECODED, len(split))
    reach = len(split) if isinstance(split.images, Sequence | np.ndarray) else number
    positions = np.linspace(0, reach - 1, number).astype(np.int64)
    return split.take(positions), positions


def _decoded(split: EncodedSplit, reading: Reading) -> tuple[npt.NDArray[np.uint8], list[int]]:
    """The images that can be read, (images, height, width, channels), and which of the split they are."""
    deep = (values for encoded in split.images if (values := _deep_values(encoded, reading.channels)) is not None)
    measured = measure_ranges(deep)
    reading = reading._replace(ranges=measured.ranges if measured else None)
    found: list[npt.NDArray[np.uint8]] = []
    kept: list[int] = []
    for position, encoded in enumerate(split.images):
        with suppress(BrokenImageError):
            found.append(decode_image(encoded, reading))
            kept.append(position)
    return np.array(found, dtype=np.uint8).reshape(-1, *reading.shape), kept


def _deep_values(encoded: Encoded, channels: int) -> npt.NDArray[np.generic] | None:
    with suppress(BrokenImageError):
        return read_deep_values(encoded, channels)
    return None


def _share_flat(images: npt.NDArray[np.uint8]) -> float:
    shares = [np.bincount(image.reshape(-1)).max() / image.size for image in images]
    return float(np.mean(shares)) if shares else 0.0


def _header(encoded: Encoded) -> Header | None:
    try:
        return read_header(encoded)
    except BrokenImageError:
        return None
