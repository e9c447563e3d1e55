"""The accuracies in events and documents, defined in one place for all of them."""

from typing import Annotated

from pydantic import Field

from dartboard.runs.document import Record
from dartboard.runs.meter import TEST_KEYS, VALIDATION_KEYS, Objective

__all__ = ["Fraction", "TestAccuracies", "ValidationAccuracies"]

Fraction = Annotated[float, Field(ge=0.0, le=1.0)]
"""An accuracy as a fraction."""


class ValidationAccuracies(Record):
    """Validation accuracies of a network, or after a search alone of the supernet; null without validation images."""

    validation_accuracy: Fraction | None
    """Share of the validation images that are classified correctly, as a fraction."""

    validation_balanced_accuracy: Fraction | None = None
    """Mean over the classes of the accuracy on each class, as a fraction."""

    def validation(self, objective: Objective) -> float | None:
        """The accuracy that counts."""
        accuracy: float | None = getattr(self, VALIDATION_KEYS[objective])
        return accuracy


class TestAccuracies(Record):
    """Accuracies of a network on the test images; null if it was not tested."""

    __test__ = False

    test_accuracy: Fraction | None = None
    """Share of the test images that are classified correctly, as a fraction; mean over the networks of a run."""

    balanced_accuracy: Fraction | None = None
    """Mean over the classes of the accuracy on each class, as a fraction; that of the first network."""

    objective: Objective = "accuracy"
    """Which of the two accuracies is the objective, as in the settings."""

    @property
    def tested(self) -> float | None:
        """The accuracy that counts."""
        accuracy: float | None = getattr(self, TEST_KEYS[self.objective])
        return accuracy
