"""The accuracy of a trained network on any labelled images, class by class; labels are matched by their names."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from dartboard.data import ARRAYS_PREFIX, ArrayData, GivenImages, is_set, label_text
from dartboard.errors import DataError
from dartboard.records import RunDataset, RunRecords
from dartboard.reports.measures import confused_pairs, wilson_interval
from dartboard.runs import Observer, Record
from dartboard.training import ImagePredictions, Predictions, confusion_counts, score_figures
from dartboard.wording import count, html_sheet, html_table, listing, number, percent
from dartboard.workflow.predict import predict_given

__all__ = ["CLASS_HEADINGS", "ClassScore", "Evaluation", "evaluate_run"]

CLASS_HEADINGS = ("class", "images", "recognised", "taken for it", "of these right")
"""Headings of the table of classes."""

_NAMED = 5
"""Number of classes that a sentence names."""


class ClassScore(Record):
    """How well a network recognises one class."""

    name: str
    """The class."""

    images: int
    """Number of images of the class."""

    recall: float | None
    """Share of them that is classified correctly; null without images."""

    predicted: int
    """Number of images that were taken for the class."""

    precision: float | None
    """Share of those that belong to the class; null where there are none."""

    def cells(self) -> list[str]:
        """The texts of its row below `CLASS_HEADINGS`."""
        return [
            self.name,
            f"{self.images:,}",
            percent(self.recall, digits=1),
            f"{self.predicted:,}",
            percent(self.precision, digits=1),
        ]


class Evaluation(Record):
    """The accuracy of a trained network on labelled images. Fractions are from 0 to 1."""

    run: str
    """The run directory of the network."""

    images: int
    """Number of images that count: they can be read, and have a label that the network knows."""

    accuracy: float
    """Share of them that is classified correctly."""

    interval: tuple[float, float]
    """95% Wilson interval of the accuracy."""

    balanced_accuracy: float
    """Mean recall of the classes with images."""

    loss: float
    """Mean cross-entropy per image, in nats."""

    classes: tuple[ClassScore, ...]
    """The classes of the network, in the order of its outputs."""

    confusion: tuple[tuple[int, ...], ...]
    """Counts of images, rows the true classes, columns the predicted ones, in the same order; empty with more than
    1,000 classes."""

    unknown_classes: dict[str, int]
    """Classes of the data that the network does not know, with their numbers of images, which do not count."""

    missing_classes: tuple[str, ...]
    """Classes of the network without images in the data."""

    unlabelled: int
    """Number of images without a label, which do not count."""

    left_out: dict[str, str]
    """Name of each image that cannot be read -> the reason; they do not count."""

    notes: tuple[str, ...]
    """What limits these figures, in sentences."""

    seconds: float
    """Seconds that the network took for all images."""

    def to_json(self) -> dict[str, Any]:
        """Plain data, ready for `json.dumps`."""
        return self.model_dump(mode="json")

    def _repr_html_(self) -> str:
        """The HTML that a notebook shows."""
        scores = [each.cells() for each in self.classes]
        rows = {**self.rows(), **self.mistakes()}
        return html_sheet(html_table(rows.items()), html_table(scores, CLASS_HEADINGS))

    def rows(self) -> dict[str, str]:
        """Heading -> text of what a reader wants to know first."""
        low, high = (percent(end) for end in self.interval)
        return {
            "accuracy": f"{percent(self.accuracy)} of {count(self.images, 'image')} (95% interval {low} to {high})",
            "balanced accuracy": percent(self.balanced_accuracy),
            "loss": f"{number(self.loss)} nats per image",
            **({"note": " ".join(self.notes)} if self.notes else {}),
        }

    def mistakes(self) -> dict[str, str]:
        """One row with the most frequent mistakes; none if there are none."""
        pairs = confused_pairs(np.array(self.confusion, dtype=np.int64), _NAMED) if self.confusion else []
        told = [
            f"{count(pair.count, 'image')} of {self.classes[pair.true].name} as {self.classes[pair.predicted].name}"
            for pair in pairs
        ]
        return {"mistakes": "; ".join(told)} if told else {}


def evaluate_run(
    run: Path, source: str | Path | ArrayData | None, layer: Mapping[str, Any], *, device: str, observer: Observer
) -> tuple[Evaluation, ImagePredictions]:
    """Predict the test images of a source, or all images if there is no test split, and compare with their labels.

    Args:
        run: the run directory of a finished training; nothing in it is changed.
        source: a dataset with labels; those without one do not count.
        layer: settings of `data`; they take precedence over the run's names of columns.
        device: as in the settings of a run.
        observer: is told about the reading of the images.

    Returns:
        The evaluation, and the predictions that it is made from.

    Raises:
        DataError: no image has a label that the network knows.
        DartboardError: there is no trained network, the images cannot be read, or the device is not available.
    """
    found, given = predict_given(run, source, layer, device=device, observer=observer)
    numbers = {_plain(name): place for place, name in enumerate(found.classes)}
    truths = found.true_classes or [None] * len(found.names)
    readable = [row for row in range(len(found.names)) if row not in found.left_out]
    labelled = [row for row in readable if truths[row] is not None]
    rows = [row for row in labelled if _plain(truths[row]) in numbers]
    unknown = Counter(str(truths[row]) for row in labelled if _plain(truths[row]) not in numbers)
    if not rows:
        raise DataError(_nothing_to_compare(found.classes, unknown))
    labels = np.array([numbers[_plain(truths[row])] for row in rows], dtype=np.int64)
    scored = Predictions(labels, found.probabilities[rows])
    figures = score_figures([scored])
    counts = confusion_counts(scored.labels, scored.predicted, len(found.classes))
    missing = [name for name, images in zip(found.classes, counts.sum(axis=1), strict=True) if not images]
    unlabelled = len(readable) - len(labelled)
    notes = (*_notes(unknown, missing, unlabelled, len(found.left_out)), *_seen_before(run, source, given, labels))
    evaluation = Evaluation(
        run=str(run),
        images=len(rows),
        accuracy=scored.accuracy,
        interval=wilson_interval(scored.accuracy, len(rows)),
        balanced_accuracy=figures["balanced_accuracy"],
        loss=scored.loss,
        classes=tuple(_class_scores(found.classes, counts)),
        confusion=figures["confusion"],
        unknown_classes=dict(sorted(unknown.items())),
        missing_classes=tuple(missing),
        unlabelled=unlabelled,
        left_out={found.names[row]: why for row, why in found.left_out.items()},
        notes=notes,
        seconds=found.seconds,
    )
    return evaluation, found


def _plain(name: str | None) -> str | None:
    """A class name as it is compared: 7, 7.0 and "7" are one class."""
    return label_text(name)


def _class_scores(names: Sequence[str], counts: npt.NDArray[np.int64]) -> Iterator[ClassScore]:
    for place, name in enumerate(names):
        right, images, predicted = int(counts[place, place]), int(counts[place].sum()), int(counts[:, place].sum())
        yield ClassScore(
            name=name,
            images=images,
            recall=right / images if images else None,
            predicted=predicted,
            precision=right / predicted if predicted else None,
        )


def _nothing_to_compare(classes: Sequence[str], unknown: Mapping[str, int]) -> str:
    if unknown:
        return (
            f"the labels of these images are {_some(sorted(unknown))}, and none of them is a class of the network, "
            f"which knows {_some(classes)}; rename the labels, or name another run."
        )
    return "these images have no labels to compare the predictions with; use dartboard predict, or give labels."


def _notes(unknown: Mapping[str, int], missing: Sequence[str], unlabelled: int, left_out: int) -> Iterator[str]:
    if unknown:
        images = sum(unknown.values())
        yield (
            f"The network does not know the {_noun(unknown)} {_some(sorted(unknown))}; the {count(images, 'image')} "
            f"with such a label {_do(images)} not count."
        )
    if missing:
        them = "it" if len(missing) == 1 else "them"
        yield f"The data have no images of the {_noun(missing)} {_some(missing)}, so nothing is said about {them}."
    if unlabelled:
        yield f"{count(unlabelled, 'image')} without a label {_do(unlabelled)} not count."
    if left_out:
        yield f"{count(left_out, 'image')} that cannot be read {_do(left_out)} not count."


def _seen_before(
    run: Path,
    source: str | Path | ArrayData | None,
    given: GivenImages,
    labels: npt.NDArray[np.int64],
) -> Iterator[str]:
    """A warning where the images are those that the network was trained or chosen on, wherever they lie now."""
    records = RunRecords(run)
    place = f"{ARRAYS_PREFIX}{source.fingerprint()}" if isinstance(source, ArrayData) else source
    divided = records.split is not None and records.split.test_source == "train"
    recorded = RunDataset.find(run)
    contents = recorded.contents if recorded and len(labels) == len(given.images) else {}
    sets = ("train", "validation")
    known = [name for name in sets if name in contents and is_set(given.images, labels, contents[name])]
    if divided and (place == records.settings.get("source") or "train" in known):
        yield (
            "These are all images of the dataset that the run divided itself, most of which the network was trained "
            "on, so this accuracy says little about other images; the report of the run has its test accuracy."
        )
    elif known:
        did = "was trained on" if "train" in known else "was chosen by"
        yield (
            f"These are the images that the network {did}, so this accuracy says little about other images; the report "
            "of the run has its test accuracy."
        )


def _some(names: Sequence[str]) -> str:
    more = f"{len(names) - _NAMED} more"
    return listing(names if len(names) <= _NAMED else [*names[:_NAMED], more])


def _noun(classes: Mapping[str, int] | Sequence[str]) -> str:
    return "class" if len(classes) == 1 else "classes"


def _do(images: int) -> str:
    return "does" if images == 1 else "do"
