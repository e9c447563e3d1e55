"""What the test says of the networks of a run."""

from typing import ClassVar

from dartboard.runs import Document, Record

__all__ = ["NetworkScores", "Scores"]


class NetworkScores(Record):
    """One trained network."""

    run: int = 0
    """Its number, from 0 on."""

    seed: int
    """Root of its random streams."""

    validation_accuracy: float | None
    """Share of the validation images that it classifies rightly, as a fraction."""

    seconds: float
    """Of its training."""

    test_accuracy: float
    """Share of the test images that it classifies rightly, as a fraction."""

    test_loss: float
    """Mean cross-entropy per test image in nats."""


class Scores(Document):
    """Accuracies of every network on the test images, and the confusion of the first."""

    file: ClassVar[str] = "scores.json"
    written_by: ClassVar[str] = "evaluation"

    runs: tuple[NetworkScores, ...]
    """One for each network."""

    test_accuracy_mean: float
    """Mean over the networks, as a fraction."""

    test_accuracy_std: float
    """Standard deviation over the networks."""

    ddof: int = 0
    """What the deviation subtracts from the number of networks before it divides."""

    test_images: int
    """Images of the test."""

    balanced_accuracy: float
    """Mean recall of the classes, as a fraction; of the first network."""

    recall: tuple[float, ...]
    """Share of each class that the first network classifies rightly; 0 for a class without test images."""

    confusion: tuple[tuple[int, ...], ...]
    """Counts of the first network, rows the true classes, columns the predicted ones."""
