"""What the rest of dartboard sees of a dataset: uint8 images, integer labels and class names."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from dartboard.data.reading import Fit, Ranges, Reading
from dartboard.data.rowfile import RowFile
from dartboard.data.sources.index import LeftOut
from dartboard.errors import DataError

__all__ = ["Dataset", "ImageSet"]


@dataclass(frozen=True)
class ImageSet:
    """Images of one split with their labels.

    Attributes:
        images: uint8, shape (images, height, width, channels); may be memory-mapped and is never written to.
        labels: int64, shape (images,), each in 0..classes-1; None for a test set whose labels are not known.
        names: what messages and predictions call each image, in order; empty where names are not needed.
        file: the file that `images` maps, where the images lie on disk; else None.
    """

    images: npt.NDArray[np.uint8]
    labels: npt.NDArray[np.int64] | None
    names: Sequence[str] = ()
    file: RowFile | None = field(default=None, repr=False, compare=False)

    def __len__(self) -> int:
        return len(self.images)

    @property
    def true_labels(self) -> npt.NDArray[np.int64]:
        """The labels, int64, shape (images,).

        Raises:
            DataError: there are none.
        """
        if self.labels is None:
            raise DataError(
                "these images have no labels, so they cannot be learned from or tested on; give every image a label."
            )
        return self.labels

    def read(self, rows: npt.NDArray[np.int64], into: npt.NDArray[np.uint8] | None = None) -> npt.NDArray[np.uint8]:
        """Copies of the images at `rows`, (chosen, height, width, channels), in a new array or in the one given.

        Raises:
            DataError: images that lie on disk cannot be read.
        """
        if self.file is None:
            return np.take(self.images, rows, axis=0, out=into)
        out = np.empty((len(rows), *self.images.shape[1:]), dtype=np.uint8) if into is None else into
        self.file.read(rows, out)
        return out


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
        description: what the source says of itself in words (`description.md` of the task layout), or nothing.
        broken: for each split the name of each image that was left out because it cannot be read, and the reason.
        fit: what happens to an image of another shape (`Reading.fit`).
        ranges: how values of other kinds than 8 bits were scaled (`Reading.ranges`).
        left_out: what else lies in its folders and is no image of it.
    """

    name: str
    classes: tuple[str, ...]
    train: ImageSet
    validation: ImageSet | None
    test: ImageSet | None
    notes: Sequence[str] = ()
    description: str = ""
    broken: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    fit: Fit = "crop"
    ranges: Ranges | None = None
    left_out: tuple[LeftOut, ...] = ()

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(channels, height, width), as the networks see it."""
        height, width, channels = self.train.images.shape[1:]
        return channels, height, width

    @property
    def reading(self) -> Reading:
        """How new images must be read to be like these."""
        height, width, channels = self.train.images.shape[1:]
        return Reading(height, width, channels, self.fit, self.ranges)
