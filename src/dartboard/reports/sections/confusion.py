"""The test results of each class, and the classes that the network confuses."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from dartboard.records.reader import RunRecords
from dartboard.reports.charts.confusion_chart import draw_confusion
from dartboard.reports.measures import ConfusedPair, confused_pairs
from dartboard.reports.section import Section, section
from dartboard.training import confusion_counts

__all__ = ["ClassFacts", "ConfusionFacts", "ConfusionSection", "class_names"]


@dataclass(frozen=True)
class ClassFacts:
    """The test result of one class: recall over its images, precision over the images predicted as this class."""

    name: str
    images: int
    correct: int
    recall: float | None
    precision: float | None


@dataclass(frozen=True)
class ConfusionFacts:
    """The predictions of the first network for the test images of each class.

    Attributes:
        counts: confusion matrix, rows true classes, columns predicted ones; empty where it is too large to be shown.
        classes: results of the classes, in the order of the rows.
        pairs: the pairs of classes that are confused most often.
    """

    counts: tuple[tuple[int, ...], ...]
    classes: tuple[ClassFacts, ...]
    pairs: tuple[ConfusedPair, ...]


@section("confusion")
class ConfusionSection(Section[ConfusionFacts]):
    """The test results of each class, and the classes that the network confuses."""

    order = 840

    def read(self, run: RunRecords) -> ConfusionFacts | None:
        """The counts of the scores, if there are any."""
        if not run.scores:
            return None
        counts = np.asarray(run.scores.confusion, dtype=np.int64)
        if not len(counts):
            counts = _counted(run, len(run.scores.recall))
        if not len(counts):
            return None
        classes = _classes(counts, class_names(run, len(counts)))
        return ConfusionFacts(run.scores.confusion, classes, confused_pairs(counts))

    def drawn(self, told: ConfusionFacts) -> Mapping[str, Any]:
        """The confusion matrix, where it is not too large."""
        names = tuple(each.name for each in told.classes)
        return {"matrix": Markup(draw_confusion(told.counts, names)) if told.counts else ""}


def _counted(run: RunRecords, classes: int) -> NDArray[np.int64]:
    """The confusion matrix of a run with too many classes for its record; empty without predictions."""
    found = run.predictions
    if found is None or not classes:
        return np.zeros((0, 0), dtype=np.int64)
    known = (found["labels"] < classes) & (found["predicted"] < classes)
    return confusion_counts(found["labels"][known], found["predicted"][known], classes)


def class_names(run: RunRecords, num_classes: int) -> tuple[str, ...]:
    """The names of the classes, or "class 0", "class 1", ... if they are not recorded."""
    names = run.dataset.classes if run.dataset else ()
    return names[:num_classes] if len(names) >= num_classes else tuple(f"class {n}" for n in range(num_classes))


def _classes(counts: NDArray[np.int64], names: tuple[str, ...]) -> tuple[ClassFacts, ...]:
    images, named, correct = counts.sum(axis=1), counts.sum(axis=0), counts.diagonal()
    return tuple(
        ClassFacts(
            name=name,
            images=int(images[number]),
            correct=int(correct[number]),
            recall=float(correct[number] / images[number]) if images[number] else None,
            precision=float(correct[number] / named[number]) if named[number] else None,
        )
        for number, name in enumerate(names)
    )
