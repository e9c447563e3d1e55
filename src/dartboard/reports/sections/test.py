"""The test of the trained network on the test images."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dartboard.records import Scores
from dartboard.records.reader import RunRecords
from dartboard.reports.measures import calibration_error
from dartboard.reports.section import Section, section

__all__ = ["TestFacts", "TestSection"]

_FEWEST_CLASSES_FOR_TOP_5 = 11


@dataclass(frozen=True)
class TestFacts:
    """The test of the trained network. Accuracies are fractions, the loss is in nats per image.

    Attributes:
        scores: the recorded scores.
        loss: mean loss over the networks.
        mean_confidence: mean probability of the predicted class.
        calibration_error: expected calibration error over 15 bins.
        top5: share of images with the true class among the five most probable ones; None for fewer than 11 classes.
        mirrored: whether every image is classified together with its mirror image.
    """

    __test__ = False

    scores: Scores
    loss: float
    mean_confidence: float | None = None
    calibration_error: float | None = None
    top5: float | None = None
    mirrored: bool = False


@section("test")
class TestSection(Section[TestFacts]):
    """The test of the trained network on the test images."""

    __test__ = False

    order = 800
    title = "Test"
    needs = "No test scores were recorded in this run directory: scores.json is missing."

    def read(self, run: RunRecords) -> TestFacts | None:
        """The scores, and the measures that are computed from the probabilities."""
        scores = run.scores
        if scores is None:
            return None
        loss = sum(network.test_loss for network in scores.runs) / len(scores.runs)
        predictions, card = run.predictions, run.model_card
        mirrored = card is not None and card.views == "mirrored"
        if predictions is None or not len(predictions["labels"]):
            return TestFacts(scores, loss, mirrored=mirrored)
        labels, probabilities = predictions["labels"], predictions["probabilities"]
        confidence = probabilities.max(axis=1).astype(np.float64)
        many = probabilities.shape[1] >= _FEWEST_CLASSES_FOR_TOP_5
        return TestFacts(
            scores,
            loss,
            mean_confidence=float(confidence.mean()),
            calibration_error=calibration_error(confidence, predictions["predicted"] == labels),
            top5=_top_5(labels, probabilities) if many else None,
            mirrored=mirrored,
        )

    def missing(self, run: RunRecords) -> str:
        """The reason why there are no scores; none for an analysis."""
        if run.analysis or (run.result and not run.train_epochs):
            return ""
        if (run.path / "predictions.npy").exists():
            return (
                "The test images have no labels, so no test accuracy can be given; predictions.csv and "
                "predictions.npy hold the predictions of the network."
            )
        if run.result and run.result.dataset.test == 0:
            return "No images were set aside for a test (data.test_fraction=0), so no test accuracy can be given."
        return self.needs


def _top_5(labels: NDArray[np.int64], probabilities: NDArray[np.float32]) -> float:
    """Share of the images with the true class among the 5 most probable ones."""
    from sklearn import metrics  # slow to import, and many datasets have few classes

    return float(metrics.top_k_accuracy_score(labels, probabilities, k=5, labels=range(probabilities.shape[1])))
