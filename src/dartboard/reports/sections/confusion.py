"""How each class fares in the test, and which are mixed up."""

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

__all__ = ["ClassFacts", "ConfusionFacts", "ConfusionSection", "class_names"]


@dataclass(frozen=True)
class ClassFacts:
    """How one class fares in the test: recall over its images, precision over those called by its name."""

    name: str
    images: int
    correct: int
    recall: float | None
    precision: float | None


@dataclass(frozen=True)
class ConfusionFacts:
    """What became of the test images of every class, by the first network.

    Attributes:
        counts: rows true, columns predicted.
        classes: in the order of the rows.
        pairs: the classes that are mixed up most often.
    """

    counts: tuple[tuple[int, ...], ...]
    classes: tuple[ClassFacts, ...]
    pairs: tuple[ConfusedPair, ...]


@section("confusion")
class ConfusionSection(Section[ConfusionFacts]):
    """How each class fares in the test, and which are mixed up."""

    order = 840

    def read(self, run: RunRecords) -> ConfusionFacts | None:
        """The counts of the scores."""
        if not run.scores or not run.scores.confusion:
            return None
        counts = np.asarray(run.scores.confusion, dtype=np.int64)
        classes = _classes(counts, class_names(run, len(counts)))
        return ConfusionFacts(run.scores.confusion, classes, confused_pairs(counts))

    def drawn(self, told: ConfusionFacts) -> Mapping[str, Any]:
        """The matrix."""
        return {"matrix": Markup(draw_confusion(told.counts, tuple(each.name for each in told.classes)))}


def class_names(run: RunRecords, num_classes: int) -> tuple[str, ...]:
    """The names of the classes, or numbers where they are not recorded."""
    names = run.result.dataset.classes if run.result else ()
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
