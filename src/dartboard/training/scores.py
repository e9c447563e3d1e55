"""Results of the test as files: scores, predictions and example images for the report."""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional

from dartboard.data import Batches, ImageView
from dartboard.errors import NonFiniteLossError
from dartboard.runs import RunDirectory, write_atomically
from dartboard.space import Network
from dartboard.training.resizing import resized
from dartboard.wording import count

__all__ = ["EXAMPLES_PER_KIND", "Predictions", "class_probabilities", "predict", "score_figures", "write_predictions"]


@dataclass(frozen=True)
class Predictions:
    """The predictions of a network for some labelled images.

    Attributes:
        labels: true classes, int64, shape (images,).
        probabilities: float32, shape (images, classes).
    """

    labels: npt.NDArray[np.int64]
    probabilities: npt.NDArray[np.float32]

    @property
    def predicted(self) -> npt.NDArray[np.int64]:
        """The most probable class of each image, shape (images,)."""
        return np.asarray(self.probabilities.argmax(axis=1), dtype=np.int64)

    @property
    def accuracy(self) -> float:
        """Share of the images for which the most probable class is the true class, as a fraction."""
        return float((self.predicted == self.labels).mean())

    @property
    def loss(self) -> float:
        """Mean cross-entropy per image in nats."""
        chosen = self.probabilities[np.arange(len(self.labels)), self.labels]
        return float(-np.log(np.maximum(chosen.astype(np.float64), 1e-12)).mean())


def predict(network: Network, batches: Batches, side: float = 1.0) -> Predictions:
    """Run the network on every image once, without augmentation; raises DataError if there are no labels.

    Args:
        network: the network.
        batches: the images.
        side: share of its side to which an image is made smaller.
    """
    return Predictions(batches.view.labels, class_probabilities(network, batches, side))


@torch.no_grad()
def class_probabilities(network: Network, batches: Batches, side: float = 1.0) -> npt.NDArray[np.float32]:
    """The probability of each class for each image, in order, float32, shape (images, classes).

    Args:
        network: the network.
        batches: the images; their labels are not needed.
        side: share of its side to which an image is made smaller.

    Raises:
        NonFiniteLossError: the network gives no numbers, so its training has failed.
    """
    network.eval()
    logits = [network(resized(images, side)).float() for images in batches.images_in_order()]
    found = np.concatenate([functional.softmax(each, dim=1).cpu().numpy() for each in logits])
    if not np.isfinite(found).all():
        raise NonFiniteLossError(
            f"for {count(int((~np.isfinite(found).all(axis=1)).sum()), 'image')} of {len(found)} the trained network "
            "gives no finite numbers, although the losses of its training were finite; train it again with a lower "
            "train.lr, or set train.grad_clip."
        )
    return found


EXAMPLES_PER_KIND = 24
"""Largest number of example images per kind: correctly and wrongly classified."""


MOST_IN_MATRIX = 1000
"""Number of classes up to which a confusion matrix is recorded: that of 5,000 classes takes 225 MB as JSON."""


def confusion_counts(
    labels: npt.NDArray[np.int64], predicted: npt.NDArray[np.int64], classes: int
) -> npt.NDArray[np.int64]:
    """Numbers of images, shape (classes, classes): rows the true classes, columns the predicted ones."""
    counts = np.bincount(labels.astype(np.int64) * classes + predicted, minlength=classes**2)
    return counts.reshape(classes, classes)


def score_figures(predictions: Sequence[Predictions]) -> dict[str, Any]:
    """The test results of all networks of a run, for `scores.json`.

    Args:
        predictions: the test predictions of each network; balanced accuracy, recall and confusion are those of the
            first.

    Returns:
        Figures by name; the standard deviation divides by the number of networks (ddof 0).
    """
    from sklearn import metrics  # slow to import, and only a test needs it

    first = predictions[0]
    accuracies = [each.accuracy for each in predictions]
    answers, classes = (first.labels, first.predicted), range(first.probabilities.shape[1])
    recall = metrics.recall_score(*answers, labels=classes, average=None, zero_division=0.0)
    # Mean over the classes with images. scikit-learn's balanced accuracy is the same, but warns about other classes.
    balanced = metrics.recall_score(*answers, labels=np.unique(first.labels), average="macro")
    return {
        "test_accuracy_mean": float(np.mean(accuracies)),
        "test_accuracy_std": float(np.std(accuracies)),
        "ddof": 0,
        "test_images": len(first.labels),
        "balanced_accuracy": float(balanced),
        "recall": recall.tolist(),
        "confusion": confusion_counts(*answers, len(classes)).tolist() if len(classes) <= MOST_IN_MATRIX else [],
    }


def write_predictions(run: RunDirectory, predictions: Predictions, test: ImageView) -> None:
    """Write `predictions.npz` and `examples.npz`.

    Args:
        run: where the files go.
        predictions: predictions of the first network for the test images.
        test: the test images, in the order of the predictions.
    """
    _write_arrays(
        run,
        "predictions.npz",
        labels=predictions.labels,
        predicted=predictions.predicted,
        probabilities=predictions.probabilities,
    )
    _write_examples(run, predictions, test)


def _write_examples(run: RunDirectory, predictions: Predictions, test: ImageView) -> None:
    """Take evenly spaced correct images, and the most confident wrong ones, as they are the most instructive."""
    predicted = predictions.predicted
    confidence = predictions.probabilities.max(axis=1)
    right = np.flatnonzero(predicted == predictions.labels)
    wrong = np.flatnonzero(predicted != predictions.labels)
    spread = np.linspace(0, len(right) - 1, min(EXAMPLES_PER_KIND, len(right))).round().astype(np.int64)
    boldest = wrong[np.argsort(-confidence[wrong], kind="stable")][:EXAMPLES_PER_KIND]
    chosen = np.concatenate([right[spread], boldest])
    _write_arrays(
        run,
        "examples.npz",
        images=np.asarray(test.image_set.images[test.indices[chosen]]),
        labels=predictions.labels[chosen],
        predicted=predicted[chosen],
        confidence=confidence[chosen],
    )


def _write_arrays(run: RunDirectory, name: str, **arrays: npt.NDArray[Any]) -> None:
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)  # type: ignore[arg-type]
    write_atomically(run.path / name, lambda stream: stream.write(buffer.getvalue()))
