"""A look at a dataset before anything is decoded: enough to choose how to treat it."""

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np

from dartboard.data.data_settings import DataSettings
from dartboard.data.pixels import BrokenImageError, Header, Shape, decode_image, read_header
from dartboard.data.sources import ArrayData, Encoded, open_source

__all__ = ["DataLook", "look_at_dataset"]

_HEADERS = 500
_DECODED = 64
_SAMPLE = Shape(32, 32, 1)


@dataclass(frozen=True)
class DataLook:
    """What is known of a dataset without decoding it.

    Attributes:
        images: number of training images.
        counts: number of training images of each class, in label order.
        channels: 1 where all images looked at are gray, else 3.
        side: median shorter side of the images looked at, in pixels.
        same_size: whether the images looked at all have one size.
        flat: share of pixels that have the commonest shade of gray, such as the paper around a drawing.
    """

    images: int
    counts: tuple[int, ...]
    channels: int
    side: int
    same_size: bool
    flat: float = 0.0

    @property
    def classes(self) -> int:
        """How many classes there are."""
        return len(self.counts)

    @property
    def imbalance(self) -> float:
        """Training images of the largest class for one of the smallest."""
        return max(self.counts) / max(1, min(self.counts))


def look_at_dataset(source: str | Path | ArrayData | None, settings: DataSettings) -> DataLook:
    """Count the training images by class, read the first headers and decode a few images.

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
    most = settings.max_train_images or len(labels)
    counts = np.bincount(labels) * min(1.0, most / len(labels))
    return DataLook(
        images=min(most, len(labels)),
        counts=tuple(int(count) for count in counts),
        channels=1 if headers and all(header.gray for header in headers) else 3,
        side=sorted(sides)[len(sides) // 2],
        same_size=len({(header.height, header.width) for header in headers}) <= 1,
        flat=_flat_share(islice(split.images, _DECODED)),
    )


def _flat_share(images: Iterable[Encoded]) -> float:
    shades = np.zeros(256, dtype=np.int64)
    for encoded in images:
        with suppress(BrokenImageError):
            shades += np.bincount(decode_image(encoded, _SAMPLE).reshape(-1), minlength=256)
    return float(shades.max() / max(1, shades.sum()))


def _header(encoded: Encoded) -> Header | None:
    try:
        return read_header(encoded)
    except BrokenImageError:
        return None
