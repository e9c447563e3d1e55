"""What the rest of dartboard sees of a dataset: uint8 images, integer labels and class names."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["Dataset", "ImageSet"]


@dataclass(frozen=True)
class ImageSet:
    """Images of one split with their labels.

    Attributes:
        images: uint8, shape (images, height, width, channels); may be memory-mapped and is never written to.
        labels: int64, shape (images,), each in 0..classes-1.
    """

    images: npt.NDArray[np.uint8]
    labels: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True)
class Dataset:
    """A dataset after reading, decoding and resizing; splits that the source did not give are None.

    Attributes:
        name: short name, used for run directories and reports ("digits", "flowers5").
        classes: class names in label order.
        train: the training images.
        validation: the source's own validation split, or None.
        test: the test images, or None when the source has none (then they are carved out of `train`).
        notes: sentences about decisions made while reading, shown before a run and in the report, such as which
            folder serves as the test set or how many broken files were skipped.
    """

    name: str
    classes: tuple[str, ...]
    train: ImageSet
    validation: ImageSet | None
    test: ImageSet | None
    notes: Sequence[str] = ()

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(channels, height, width), as the networks see it."""
        height, width, channels = self.train.images.shape[1:]
        return channels, height, width
