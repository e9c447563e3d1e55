"""How one of several architectures was chosen: among the searches of several seeds, or among the finalists of one."""

from typing import ClassVar

from dartboard.records.dataset import GenotypeForms
from dartboard.runs import Document, Objective, Record

__all__ = ["Candidate", "Finalist", "Finalists", "SeedChoiceRecord"]


class Candidate(Record):
    """One of several searches; accuracies are fractions, and null where they were not measured."""

    seed: int
    """Of the search."""

    folder: str
    """Its run directory, inside the run directory."""

    genotype: GenotypeForms
    """What it found."""

    supernet_accuracy: float | None
    """Highest accuracy of its supernet on the validation images, over the epochs."""

    short_train_accuracy: float | None
    """Accuracy of its network on the validation images after a short training from scratch."""

    rejected: str | None
    """Why the rule does not take it; null where it may be taken."""

    chosen: bool
    """Whether it was chosen."""


class SeedChoiceRecord(Document):
    """Which of the searches of several seeds was chosen, and why."""

    file: ClassVar[str] = "choice.json"
    written_by: ClassVar[str] = "search, with `--seeds`"

    rule: str
    """Rule of choice."""

    objective: Objective = "accuracy"
    """What the accuracies here are of: images, or classes as the balanced one is."""

    rule_violated: bool
    """Whether the rule rejected every search, so that the best of all was taken."""

    accuracy_mean: float | None
    """Mean, over the searches, of the accuracy that decides."""

    accuracy_std: float | None
    """Its standard deviation (ddof 0)."""

    candidates: tuple[Candidate, ...]
    """The searches, in the order of the seeds."""

    @property
    def chosen(self) -> Candidate:
        """The search that was chosen."""
        return next(candidate for candidate in self.candidates if candidate.chosen)


class Finalist(Record):
    """One of several architectures that a search proposed."""

    number: int
    """In the order of the proposals, from 1 on; the first is what the search itself found."""

    folder: str
    """Its run directory, inside the run directory."""

    genotype: GenotypeForms
    """The architecture."""

    validation_accuracy: float
    """Of its network after the short training, as a fraction; by the objective of the finalists."""

    chosen: bool
    """Whether it was taken."""


class Finalists(Document):
    """Which of several architectures that the search proposed was taken, after a short training of each.

    The chosen one is then in genotype.json. The file is not there where the search is so sure that it proposes one
    architecture alone.
    """

    file: ClassVar[str] = "finalists.json"
    formerly: ClassVar[str | None] = "finals.json"
    written_by: ClassVar[str] = "finalists, with `--finalists`"

    epochs: int
    """Of the short training from scratch that each had."""

    objective: Objective = "accuracy"
    """What the accuracies here are of: images, or classes as the balanced one is."""

    finalists: tuple[Finalist, ...]
    """All of them, in the order of the proposals."""

    @property
    def chosen(self) -> Finalist:
        """The one that was taken."""
        return next(finalist for finalist in self.finalists if finalist.chosen)
