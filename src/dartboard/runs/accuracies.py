"""The accuracies that events and documents tell, in one place: one word more about all of them is said here."""

from dartboard.runs.document import Record
from dartboard.runs.meter import TEST_KEYS, VALIDATION_KEYS, Objective

__all__ = ["TestAccuracies", "ValidationAccuracies"]


class ValidationAccuracies(Record):
    """How a network, or after a search alone the supernet, does on the validation images; null without such images."""

    validation_accuracy: float | None
    """Share of the validation images that are classified rightly, as a fraction."""

    validation_balanced_accuracy: float | None = None
    """Mean of this share over the classes, as a fraction."""

    def validation(self, objective: Objective) -> float | None:
        """The accuracy that counts."""
        accuracy: float | None = getattr(self, VALIDATION_KEYS[objective])
        return accuracy


class TestAccuracies(Record):
    """How a network does on the test images; null where it was not tested."""

    __test__ = False

    test_accuracy: float | None = None
    """Share of the test images that are classified rightly, as a fraction; the mean over the networks of a run."""

    balanced_accuracy: float | None = None
    """Mean of this share over the classes, as a fraction; of the first network."""

    objective: Objective = "accuracy"
    """Which of the two counts, as in the settings."""

    @property
    def tested(self) -> float | None:
        """The accuracy that counts."""
        accuracy: float | None = getattr(self, TEST_KEYS[self.objective])
        return accuracy
