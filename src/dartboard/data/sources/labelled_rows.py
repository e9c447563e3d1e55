"""From rows with labels in text form to the splits of a source: which classes there are, which rows lack a label."""

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dartboard.data.sources.index import Encoded, EncodedSplit, LeftOut, SourceIndex, SplitName
from dartboard.data.sources.names import class_name, order_classes
from dartboard.errors import DataError

__all__ = ["ListedSplit", "build_index", "label_text"]

_MISSING = frozenset({"", "nan"})
_HIDDEN = "-1"
_WHOLE_NUMBER = re.compile(r"([+-]?\d+)(\.0*)?")


@dataclass(frozen=True)
class ListedSplit:
    """One split as its source lists it.

    Attributes:
        images: the encoded images, which can be read in order as often as needed.
        labels: the label of each image as text, or None where it has none.
        names: what messages call each image.
        folder: what the source itself calls the split.
        place: tells where a row stands, such as "line 3 of train.csv".
        unlabelled: why there are no labels at all, as the first half of a sentence; empty if there are some.
    """

    images: Iterable[Encoded]
    labels: Sequence[str | None]
    names: Sequence[str]
    folder: str
    place: Callable[[int], str]
    unlabelled: str = ""


def label_text(value: object) -> str | None:
    """A label as text; None for what is empty or not a number (NaN). Whole numbers lose a decimal point.

    >>> label_text(" 3.0"), label_text("daisy"), label_text("NaN"), label_text(None)
    ('3', 'daisy', None, None)
    """
    plain = value.decode(errors="backslashreplace") if isinstance(value, bytes) else value
    text = "" if plain is None else class_name(str(plain))
    if text.lower() in _MISSING:
        return None
    whole = _WHOLE_NUMBER.fullmatch(text)
    return whole[1] if whole else text


def build_index(
    name: str,
    listed: Mapping[SplitName, ListedSplit],
    *,
    classes: Sequence[str] | None = None,
    notes: tuple[str, ...] = (),
    cacheable: bool = True,
    description: str = "",
    left_out: tuple[LeftOut, ...] = (),
) -> SourceIndex:
    """Number the labels. A split in which any label is missing counts as one without labels.

    In the test split the label -1 also marks a missing one, unless it is a class.

    Args:
        name: short name of the dataset.
        listed: the splits.
        classes: class names in label order; None takes those of the training images, sorted as numbers or as texts.
        notes: decisions made while listing, in sentences.
        cacheable: whether decoding is slow enough to be worth a place on disk.
        description: what the dataset says about itself in words; empty if nothing.
        left_out: what lies in its folders and is no image of it.

    Raises:
        DataError: a label does not belong to any class.
    """
    if classes is None:
        classes = _classes(listed["train"].labels) if "train" in listed else ()
    numbers = {text: number for number, text in enumerate(classes)}
    splits = {split: _number(split, rows, numbers) for split, rows in listed.items()}
    return SourceIndex(name, tuple(classes), splits, notes, cacheable, description, left_out)


def _classes(labels: Sequence[str | None]) -> tuple[str, ...]:
    if None in labels:
        return ()
    return order_classes(text for text in labels if text is not None)


def _number(split: SplitName, rows: ListedSplit, numbers: Mapping[str, int]) -> EncodedSplit:
    hidden = {None, _HIDDEN} if split == "test" and _HIDDEN not in numbers else {None}
    reason = rows.unlabelled or _missing_label(split, rows, hidden)
    labels = None if reason or not numbers else _known(rows, numbers)
    texts = [None if text in hidden else text for text in rows.labels] if labels is None else ()
    known = texts if any(text is not None for text in texts) else ()
    return EncodedSplit(rows.images, labels, rows.names, rows.folder, reason, known)


def _missing_label(split: SplitName, rows: ListedSplit, hidden: Collection[str | None]) -> str:
    missing = [row for row, text in enumerate(rows.labels) if text in hidden]
    if not missing:
        return ""
    if len(missing) == len(rows.labels):
        return f"the {split} images have no labels"
    more = f" (as {len(missing) - 1} more)" if len(missing) > 1 else ""
    return f"{rows.place(missing[0])} has no label{more}"


def _known(rows: ListedSplit, numbers: Mapping[str, int]) -> npt.NDArray[np.int64]:
    found = [numbers.get(text or "", -1) for text in rows.labels]
    if -1 in found:
        row = found.index(-1)
        raise DataError(
            f"{rows.place(row)} has the label {rows.labels[row]!r}, which no training image has; correct the label, "
            "add training images of that class or leave the row out."
        )
    return np.array(found, dtype=np.int64)
