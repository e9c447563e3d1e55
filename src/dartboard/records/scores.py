"""The test results of the networks of a run."""

from typing import Annotated, ClassVar

from pydantic import Field, field_validator

from dartboard.runs import Document, Fraction, Record

__all__ = ["NetworkScores", "Scores"]


class NetworkScores(Record):
    """The test result of one trained network."""

    run: int = 0
    """Number of the network, from 0 on."""

    seed: int
    """Root of its random streams."""

    validation_accuracy: Fraction | None
    """Share of the validation images that it classifies correctly, as a fraction."""

    seconds: float
    """Seconds of its training."""

    test_accuracy: Fraction
    """Share of the test images that it classifies correctly, as a fraction."""

    test_loss: float
    """Mean cross-entropy per test image, in nats."""


class Scores(Document):
    """Accuracies of all networks on the test images, and the confusion matrix of the first network."""

    file: ClassVar[str] = "scores.json"
    written_by: ClassVar[str] = "evaluation"

    runs: tuple[NetworkScores, ...]
    """The test result of each network."""

    test_accuracy_mean: Fraction
    """Mean test accuracy over the networks, as a fraction."""

    test_accuracy_std: float
    """Standard deviation of the test accuracy over the networks, as a fraction."""

    ddof: int = 0
    """Number that the standard deviation subtracts from the number of networks in its divisor."""

    test_images: Annotated[int, Field(ge=1)]
    """Number of test images."""

    balanced_accuracy: Fraction
    """Mean recall of the classes, as a fraction; of the first network."""

    recall: tuple[float, ...]
    """Share of each class that the first network classifies correctly; 0 for a class without test images."""

    confusion: tuple[tuple[int, ...], ...]
    """Confusion matrix of the first network: counts of images, rows the true classes, columns the predicted ones. Empty
    with more than 1,000 classes, for which `predictions.npz` tells as much."""

    @field_validator("confusion")
    @classmethod
    def _is_square(cls, value: tuple[tuple[int, ...], ...]) -> tuple[tuple[int, ...], ...]:
        if any(len(row) != len(value) for row in value):
            raise ValueError("a confusion matrix has as many columns as rows")
        return value
