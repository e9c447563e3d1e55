"""What is told of a test from its predictions alone, against figures counted by hand."""

from pathlib import Path

import numpy as np
import pytest
from dartboard.reports.facts import DatasetFacts, TestFacts
from dartboard.reports.outcome import read_test

NAMES = tuple("abcdefghijkl")


def read(path: Path, labels: np.ndarray, probabilities: np.ndarray) -> TestFacts:
    """Facts of a test whose scores hold no more than its accuracy."""
    predicted = probabilities.argmax(axis=1)
    np.savez(path / "predictions.npz", labels=labels, predicted=predicted, probabilities=probabilities)
    scores = {"runs": [{"seed": 0, "test_accuracy": 0.5}], "test_accuracy_mean": 0.5, "test_accuracy_std": 0.0}
    names = NAMES[: probabilities.shape[1]]
    return read_test(path, scores, DatasetFacts("made up", None, None, len(labels), names, (1, 8, 8), ()))


@pytest.mark.parametrize("classes", [3, 10, 12])
def test_the_confusion_has_a_row_for_every_true_class_and_the_top_5_are_told_of_many(
    tmp_path: Path, classes: int
) -> None:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, classes - 1, 200)  # the last class has no images
    probabilities = rng.dirichlet(np.ones(classes), 200).astype(np.float32)
    facts = read(tmp_path, labels, probabilities)
    confusion = np.zeros((classes, classes), dtype=int)
    np.add.at(confusion, (labels, probabilities.argmax(axis=1)), 1)
    assert np.array_equal(facts.confusion, confusion)
    better = (probabilities > probabilities[np.arange(200), labels][:, None]).sum(axis=1)
    assert facts.top5 == (pytest.approx((better < 5).mean()) if classes > 10 else None)


def test_no_test_images_are_no_figures(tmp_path: Path) -> None:
    facts = read(tmp_path, np.zeros(0, dtype=np.int64), np.zeros((0, 12), dtype=np.float32))
    assert (facts.images, facts.interval, facts.top5, facts.mean_confidence) == (0, None, None, None)
    assert facts.confusion == ((0,) * 12,) * 12
