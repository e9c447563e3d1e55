"""The choice of one architecture: among the searches of several seeds, or among the finalists of one search."""

from typing import ClassVar

from dartboard.records.dataset import GenotypeForms
from dartboard.runs import Document, Fraction, Objective, Record

__all__ = ["Candidate", "Finalist", "Finalists", "SeedChoiceRecord"]


class Candidate(Record):
    """One of several searches; accuracies are fractions, and null where they were not measured."""

    seed: int
    """Seed of the search."""

    folder: str
    """Its run directory, relative to the outer run directory."""

    genotype: GenotypeForms
    """The architecture that it found."""

    supernet_accuracy: Fraction | None
    """Highest accuracy of its supernet on the validation images in any epoch; of a search in stages, in an epoch of the
    last one, and of a search that decides edges, in an epoch after its last decision."""

    short_train_accuracy: Fraction | None
    """Accuracy of its network on the validation images after a short training from scratch."""

    rejected: str | None
    """Reason why the rule rejects the search; null if it does not."""

    chosen: bool
    """Whether the search was chosen."""


class SeedChoiceRecord(Document):
    """The choice of one search among those of several seeds."""

    file: ClassVar[str] = "choice.json"
    written_by: ClassVar[str] = "search, with `--seeds`"

    rule: str
    """Name of the choice rule."""

    objective: Objective = "accuracy"
    """Which accuracies these are: "accuracy" over images, or "balanced-accuracy", the mean over classes."""

    rule_violated: bool
    """Whether the rule rejected all searches; the best of all was then chosen."""

    accuracy_mean: Fraction | None
    """Mean, over the searches, of the accuracy that decides the choice."""

    accuracy_std: float | None
    """Standard deviation of that accuracy (ddof 0)."""

    candidates: tuple[Candidate, ...]
    """The searches, in the order of the seeds."""

    failed: tuple[str, ...] = ()
    """A sentence about each search that failed, which is none of the candidates."""

    @property
    def chosen(self) -> Candidate:
        """The search that was chosen."""
        return next(candidate for candidate in self.candidates if candidate.chosen)


class Finalist(Record):
    """One of several architectures that a search proposed."""

    number: int
    """Number in the order of the proposals, from 1 on; number 1 is the architecture that the search itself found."""

    folder: str
    """Its run directory, relative to the outer run directory."""

    genotype: GenotypeForms
    """The architecture."""

    validation_accuracy: Fraction
    """Validation accuracy of its network after the short training, as a fraction, by the objective."""

    chosen: bool
    """Whether the architecture was chosen."""


class Finalists(Document):
    """The choice of one architecture among several proposals of the search, after a short training of each.

    The chosen architecture is also in genotype.json. There is no such file if the search proposes only one
    architecture.
    """

    file: ClassVar[str] = "finalists.json"
    formerly: ClassVar[str | None] = "finals.json"
    written_by: ClassVar[str] = "finalists, with `--finalists`"

    epochs: int
    """Number of epochs of each short training from scratch."""

    objective: Objective = "accuracy"
    """Which accuracies these are: "accuracy" over images, or "balanced-accuracy", the mean over classes."""

    finalists: tuple[Finalist, ...]
    """All finalists, in the order of the proposals."""

    failed: tuple[str, ...] = ()
    """A sentence about each proposal whose training failed, which is none of the finalists."""

    @property
    def chosen(self) -> Finalist:
        """The finalist that was chosen."""
        return next(finalist for finalist in self.finalists if finalist.chosen)
