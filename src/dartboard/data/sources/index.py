"""What a source tells about its dataset before any image is decoded."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import compress
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from dartboard.wording import count, some

__all__ = ["Encoded", "EncodedSplit", "LeftOut", "SourceIndex", "SplitName", "left_out_sentence", "left_out_text"]

Encoded = bytes | Path | npt.NDArray[Any]
"""One image that is not decoded yet: the content of an image file, where that file lies, or an array of its values,
shape (height, width, channels)."""

SplitName = Literal["train", "validation", "test"]


@dataclass(frozen=True)
class LeftOut:
    """Entries of folders that are no images of the dataset, for one reason.

    Attributes:
        reason: why, as it follows "3 entries".
        names: where they lie below the folder of the dataset; those of folders end with a slash.
    """

    reason: str
    names: tuple[str, ...]


@dataclass(frozen=True)
class EncodedSplit:
    """The images of one split, to be read in order as often as needed.

    Attributes:
        images: the encoded images; each iteration starts anew and need not hold them all at once.
        labels: int64, shape (images,); None where they are not known.
        names: what messages call each image, in the same order.
        folder: what the source itself calls the split ("val").
        unlabelled: why labels are None, as the first half of a sentence ("row 3 of a.csv has no label").
        texts: where labels are None although some are known, the name of the class of each image, None for the others.
    """

    images: Iterable[Encoded]
    labels: npt.NDArray[np.int64] | None
    names: Sequence[str]
    folder: str
    unlabelled: str = ""
    texts: Sequence[str | None] = ()

    def __len__(self) -> int:
        return len(self.names)

    def take(self, positions: npt.NDArray[np.int64]) -> "EncodedSplit":
        """The images at `positions`, which are sorted in ascending order."""
        keep = np.zeros(len(self), dtype=np.bool_)
        keep[positions] = True
        names = list(compress(self.names, keep))
        labels = None if self.labels is None else self.labels[keep]
        texts = list(compress(self.texts, keep))
        return replace(self, images=_Selected(self.images, keep), labels=labels, names=names, texts=texts)


@dataclass(frozen=True)
class SourceIndex:
    """A dataset as its source lists it.

    Attributes:
        name: short name for run directories and reports.
        classes: class names in label order.
        splits: the splits that the source has; nothing can be learned without a "train".
        notes: decisions made while listing, in sentences.
        cacheable: whether decoding is slow enough to be worth a place on disk.
        description: what the dataset says about itself in words; empty if nothing.
        left_out: what lies in its folders and is no image of it.
    """

    name: str
    classes: tuple[str, ...]
    splits: Mapping[SplitName, EncodedSplit]
    notes: tuple[str, ...] = ()
    cacheable: bool = True
    description: str = ""
    left_out: tuple[LeftOut, ...] = ()

    def true_classes(self, split: SplitName) -> Sequence[str | None]:
        """The name of the class of each image of a split, None where it is not known; empty if none is known."""
        found = self.splits[split]
        return found.texts if found.labels is None else [self.classes[number] for number in found.labels.tolist()]

    def with_test(self) -> "SourceIndex":
        """Let the validation split serve as the test set when there is no other, and note it."""
        splits = dict(self.splits)
        if "test" in splits or "validation" not in splits:
            return self
        splits["test"] = splits.pop("validation")
        note = (
            f"{self.name} has no test split, so its '{splits['test'].folder}' split of {len(splits['test'])} images "
            "serves as the test set."
        )
        return replace(self, splits=splits, notes=(*self.notes, note))


def left_out_sentence(left_out: Sequence[LeftOut]) -> str:
    """What lies in the folders of a dataset and is no image of it: how many entries, why, and some of their names."""
    return f"Left out of the dataset: {left_out_text(left_out)}."


def left_out_text(left_out: Sequence[LeftOut]) -> str:
    """How many entries were left out, why, and some of their names, as a part of a sentence."""
    return "; ".join(
        f"{count(len(each.names), 'entry', 'entries')} {each.reason} ({some(each.names)})" for each in left_out
    )


@dataclass(frozen=True)
class _Selected:
    images: Iterable[Encoded]
    keep: npt.NDArray[np.bool_]

    def __iter__(self) -> Iterator[Encoded]:
        return compress(self.images, self.keep)
