from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dartboard.data import ImageSet, ImageView
from dartboard.runs import RunDirectory
from dartboard.training import Predictions, score_figures, write_predictions
from dartboard.training.scores import EXAMPLES_PER_KIND, MOST_IN_MATRIX, confusion_counts

HYPER_DARTS_2 = [97.48, 97.47, 97.64, 97.40, 97.44, 97.38, 97.34, 97.44, 97.63, 97.41]
"""Test accuracies in percent of ten networks, which the thesis gives as 97.46 +- 0.09."""


def of_accuracy(percent: float) -> Predictions:
    """10,000 images, of which exactly that share is right."""
    right = np.arange(10_000) < round(percent * 100)
    return Predictions(np.zeros(10_000, dtype=np.int64), np.stack([right, ~right], axis=1).astype(np.float32))


def view(count: int) -> ImageView:
    """Image i is all i % 256; the view is in reverse order of the set."""
    images = (np.arange(count) % 256).astype(np.uint8)[:, None, None, None].repeat(2, axis=1).repeat(2, axis=2)
    return ImageView(ImageSet(images, np.zeros(count, dtype=np.int64)), np.arange(count)[::-1].copy())


def write(folder: Path, predictions: list[Predictions]) -> dict[str, Any]:
    """Write the files of the first network; the figures of all."""
    with RunDirectory(folder) as run:
        write_predictions(run, predictions[0], view(10_000))
    return score_figures(predictions)


def test_mean_and_deviation_over_networks_divide_by_their_number(tmp_path: Path) -> None:
    scores = write(tmp_path, [of_accuracy(percent) for percent in HYPER_DARTS_2])
    assert 100 * scores["test_accuracy_mean"] == pytest.approx(97.463)
    assert round(100 * scores["test_accuracy_std"], 3) == 0.095
    assert scores["ddof"] == 0


def test_a_single_network_has_a_deviation_of_zero(tmp_path: Path) -> None:
    scores = write(tmp_path, [of_accuracy(90)])
    assert scores["test_accuracy_mean"] == pytest.approx(0.9)
    assert scores["test_accuracy_std"] == 0.0
    assert scores["test_images"] == 10_000


def random_predictions(images: int = 300, classes: int = 4) -> Predictions:
    rng = np.random.default_rng(1)
    labels = rng.integers(0, classes - 1, images)
    return Predictions(labels, rng.dirichlet(np.ones(classes), images).astype(np.float32))


def test_recall_balanced_accuracy_and_confusion_are_those_counted_by_hand(tmp_path: Path) -> None:
    made = random_predictions()
    scores = write(tmp_path, [made])
    confusion = np.zeros((4, 4), dtype=np.int64)
    for label, predicted in zip(made.labels, made.predicted, strict=True):
        confusion[label, predicted] += 1
    recall = [float((made.predicted[made.labels == number] == number).mean()) for number in range(3)]
    assert scores["confusion"] == confusion.tolist()
    assert confusion[:, 3].any(), "a class without images is named for some of another"
    assert scores["recall"] == pytest.approx([*recall, 0.0], abs=1e-15)
    assert scores["balanced_accuracy"] == pytest.approx(sum(recall) / 3, abs=1e-15)


def test_the_predictions_of_the_first_network_are_kept(tmp_path: Path) -> None:
    first = random_predictions()
    write(tmp_path, [first, of_accuracy(50)])
    with np.load(tmp_path / "predictions.npz", allow_pickle=False) as kept:
        assert sorted(kept) == ["labels", "predicted", "probabilities"]
        assert np.array_equal(kept["labels"], first.labels)
        assert np.array_equal(kept["predicted"], first.predicted)
        assert np.array_equal(kept["probabilities"], first.probabilities)


def test_the_examples_are_spread_over_the_right_ones_and_hold_the_most_confident_mistakes(tmp_path: Path) -> None:
    made = random_predictions()
    with RunDirectory(tmp_path) as run:
        write_predictions(run, made, view(300))
    with np.load(tmp_path / "examples.npz", allow_pickle=False) as kept:
        right = kept["labels"] == kept["predicted"]
        assert right.sum() == (~right).sum() == EXAMPLES_PER_KIND
        wrong = made.predicted != made.labels
        boldest = np.sort(made.probabilities.max(axis=1)[wrong])[::-1][:EXAMPLES_PER_KIND]
        np.testing.assert_array_equal(kept["confidence"][~right], boldest)
        # Image i of the view is all (299 - i) % 256, so the pictures name their place.
        places = [np.flatnonzero(made.probabilities.max(axis=1) == confidence)[0] for confidence in kept["confidence"]]
        assert kept["images"][:, 0, 0, 0].tolist() == [(299 - place) % 256 for place in places]


def test_a_network_without_mistakes_leaves_right_examples_only(tmp_path: Path) -> None:
    write(tmp_path, [of_accuracy(100)])
    with np.load(tmp_path / "examples.npz", allow_pickle=False) as kept:
        assert len(kept["labels"]) == EXAMPLES_PER_KIND
        assert np.array_equal(kept["labels"], kept["predicted"])


def test_a_lopsided_test_set_shows_in_the_balanced_accuracy_and_not_in_the_accuracy(tmp_path: Path) -> None:
    """Of 100 images ten are of the rare class, and all are called by the common one's name."""
    labels = (np.arange(100) >= 90).astype(np.int64)
    scores = write(tmp_path, [Predictions(labels, np.tile(np.array([[0.9, 0.1]], dtype=np.float32), (100, 1)))])
    assert scores["test_accuracy_mean"] == 0.9
    assert scores["balanced_accuracy"] == 0.5
    assert scores["recall"] == [1.0, 0.0]


def test_a_confusion_matrix_of_very_many_classes_is_counted_but_not_recorded() -> None:
    classes = MOST_IN_MATRIX + 1
    labels, predicted = np.array([0, 0, classes - 1]), np.array([1, 0, 2])
    probabilities = np.eye(classes, dtype=np.float32)[predicted]
    figures = score_figures([Predictions(labels, probabilities)])
    assert (figures["confusion"], len(figures["recall"])) == ([], classes)
    counts = confusion_counts(labels, predicted, classes)
    assert np.argwhere(counts).tolist() == [[0, 0], [0, 1], [classes - 1, 2]]
