"""Facts about the outcome of a run: test scores, confusion, calibration and example pictures."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from dartboard.errors import RunDirectoryError
from dartboard.reports.facts import BaselineFacts, ClassFacts, DatasetFacts, ExampleFacts, ScoreFacts, TestFacts
from dartboard.reports.measures import (
    calibration_error,
    confused_pairs,
    wilson_interval,
)
from dartboard.runs import TEST_KEYS

__all__ = ["read_baselines", "read_examples", "read_test"]

_FEWEST_CLASSES_FOR_TOP_5 = 11


def read_test(path: Path, scores: Mapping[str, Any], dataset: DatasetFacts) -> TestFacts:
    """Facts about the test.

    Args:
        path: the run directory; its predictions.npz is used where it is there.
        scores: content of scores.json.
        dataset: gives the names of the classes.
    """
    predictions = _load(path / "predictions.npz")
    runs = tuple(_score(run) for run in scores["runs"])
    several = len(runs) > 1
    confusion = _confusion(scores, predictions)
    images = int(scores.get("test_images") or confusion.sum())
    accuracy = float(scores["test_accuracy_mean"])
    losses = [run.test_loss for run in runs if run.test_loss is not None]
    classes = _classes(confusion, dataset.classes)
    recalls = [entry.recall for entry in classes if entry.recall is not None]
    balanced = sum(recalls) / len(recalls) if recalls else None
    return TestFacts(
        accuracy=accuracy,
        std=float(scores["test_accuracy_std"]) if several else None,
        ddof=int(scores.get("ddof", 0)),
        interval=None if several or images < 1 else wilson_interval(accuracy, images),
        images=images,
        loss=sum(losses) / len(losses) if losses else None,
        balanced_accuracy=scores.get("balanced_accuracy", balanced),
        runs=runs,
        confusion=tuple(tuple(int(count) for count in row) for row in confusion),
        classes=classes,
        pairs=confused_pairs(confusion),
        **_probability_facts(predictions),
    )


def read_baselines(content: Mapping[str, Any]) -> tuple[BaselineFacts, ...]:
    """What stands beside the network found, from the content of baselines.json."""
    return tuple(
        BaselineFacts(
            name=name,
            what=entry["what"],
            accuracy=float(entry[TEST_KEYS[objective]]),
            objective=objective,
            parameters=entry["parameters"],
            multiply_adds=entry["multiply_adds"],
            difference=float(entry["difference"]),
            interval=(float(entry["interval"][0]), float(entry["interval"][1])),
            page=f"baselines/{name}/report.html",
            trained=float(entry["steps"] / entry["wanted_steps"]) if entry.get("wanted_steps") else 1.0,
        )
        for name, entry in content.items()
        for objective in (entry.get("objective", "accuracy"),)
    )


def read_examples(path: Path, dataset: DatasetFacts) -> tuple[tuple[ExampleFacts, ...], tuple[ExampleFacts, ...]]:
    """The rightly classified test pictures and the others, most confident mistakes first; empty without a file."""
    content = _load(path / "examples.npz")
    if content is None:
        return (), ()
    names = _names(dataset.classes, int(max(content["labels"].max(initial=0), content["predicted"].max(initial=0))) + 1)
    entries = [
        (
            bool(label == predicted),
            ExampleFacts(names[int(label)], names[int(predicted)], float(confidence), np.asarray(image, np.uint8)),
        )
        for image, label, predicted, confidence in zip(
            content["images"], content["labels"], content["predicted"], content["confidence"], strict=True
        )
    ]
    correct = tuple(example for right, example in entries if right)
    wrong = sorted((example for right, example in entries if not right), key=lambda example: -example.confidence)
    return correct, tuple(wrong)


def _load(path: Path) -> dict[str, NDArray[Any]] | None:
    if not path.exists():
        return None
    try:
        with np.load(path, allow_pickle=False) as archive:
            return dict(archive)
    except (OSError, EOFError, BadZipFile, ValueError) as error:
        raise RunDirectoryError(
            f"{path} is damaged ({error}); restore it, or delete it to report on the rest."
        ) from error


def _score(run: Mapping[str, Any]) -> ScoreFacts:
    return ScoreFacts(
        seed=int(run["seed"]),
        test_accuracy=float(run["test_accuracy"]),
        test_loss=run.get("test_loss"),
        validation_accuracy=run.get("validation_accuracy"),
        seconds=run.get("seconds"),
    )


def _confusion(scores: Mapping[str, Any], predictions: Mapping[str, NDArray[Any]] | None) -> NDArray[np.int64]:
    if scores.get("confusion"):
        return np.asarray(scores["confusion"], dtype=np.int64)
    if predictions is None:
        return np.zeros((0, 0), dtype=np.int64)
    classes = range(predictions["probabilities"].shape[1])
    if not len(predictions["labels"]):
        return np.zeros((len(classes), len(classes)), dtype=np.int64)
    from sklearn import metrics  # slow to import, and the scores of a run hold its confusion

    return np.asarray(metrics.confusion_matrix(predictions["labels"], predictions["predicted"], labels=classes))


def _classes(confusion: NDArray[np.int64], names: Sequence[str]) -> tuple[ClassFacts, ...]:
    images, named, correct = confusion.sum(axis=1), confusion.sum(axis=0), confusion.diagonal()
    return tuple(
        ClassFacts(
            name=name,
            images=int(images[number]),
            correct=int(correct[number]),
            recall=float(correct[number] / images[number]) if images[number] else None,
            precision=float(correct[number] / named[number]) if named[number] else None,
        )
        for number, name in enumerate(_names(names, len(confusion)))
    )


def _names(names: Sequence[str], num_classes: int) -> tuple[str, ...]:
    return (
        tuple(names[:num_classes])
        if len(names) >= num_classes
        else tuple(f"class {number}" for number in range(num_classes))
    )


def _probability_facts(predictions: Mapping[str, NDArray[Any]] | None) -> dict[str, float | None]:
    if predictions is None or not len(predictions["labels"]):
        return {"mean_confidence": None, "calibration_error": None, "top5": None}
    labels, probabilities = predictions["labels"], predictions["probabilities"]
    confidence = probabilities.max(axis=1).astype(np.float64)
    correct = predictions["predicted"] == labels
    return {
        "mean_confidence": float(confidence.mean()),
        "calibration_error": calibration_error(confidence, correct),
        "top5": _top_5(labels, probabilities) if probabilities.shape[1] >= _FEWEST_CLASSES_FOR_TOP_5 else None,
    }


def _top_5(labels: NDArray[np.int64], probabilities: NDArray[np.float32]) -> float:
    """Share of the images whose true class is among the 5 most probable ones."""
    from sklearn import metrics  # slow to import, and many datasets have few classes

    return float(metrics.top_k_accuracy_score(labels, probabilities, k=5, labels=range(probabilities.shape[1])))
