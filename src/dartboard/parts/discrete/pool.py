"""The architectures that a search without a supernet has evaluated, as the document `pool.json`."""

from functools import cached_property
from typing import Any, ClassVar

from pydantic import Field

from dartboard.runs import Document, Record
from dartboard.space import Genotype

__all__ = ["Member", "Pool"]


class Member(Record):
    """An architecture of the pool; nothing that is learned of one is ever discarded."""

    number: int
    """Its number, from 0 on, in the order of proposals."""

    genotype: dict[str, Any]
    """The architecture, in the format of genotype.json."""

    accuracies: tuple[float, ...] = ()
    """Accuracy on the validation images after each level that it has passed, as a fraction; so many levels are done."""

    epochs: int = 0
    """Epochs that it has been trained for."""

    seconds: float = 0.0
    """Seconds that its evaluations took."""

    scores: dict[str, float] = Field(default_factory=dict)
    """Zero-cost proxy -> its score before any training."""

    update: int = 0
    """Number of the update that proposed it; 0 for the start."""

    predicted: float | None = None
    """What a predictor said of it when it proposed it, higher for better; comparable within an update."""

    failure: str | None = None
    """Why its training failed, if it did; it is then worse than all others, and not trained further."""

    @property
    def level(self) -> int:
        """Number of levels that it has passed."""
        return len(self.accuracies)

    @cached_property
    def architecture(self) -> Genotype:
        """The architecture."""
        return Genotype.from_json(self.genotype)


class Pool(Document):
    """All architectures that a search without a supernet has evaluated, with their accuracies at every level."""

    file: ClassVar[str] = "pool.json"
    written_by: ClassVar[str] = "search, by a method that evaluates architectures one by one"

    epochs: tuple[int, ...]
    """Epochs after which a training pauses, level by level."""

    evaluated_by: str
    """"training", or the table of NAS-Bench-201 that was looked up."""

    members: tuple[Member, ...] = ()
    """All architectures in the order of proposals."""

    @property
    def levels(self) -> int:
        """Number of levels."""
        return len(self.epochs)

    @property
    def epochs_spent(self) -> int:
        """Epochs that all trainings took together."""
        return sum(member.epochs for member in self.members)

    @property
    def epochs_of_full_training(self) -> int:
        """Epochs that they would have taken if each had been trained to the end."""
        return len(self.members) * self.epochs[-1]

    def reached(self, level: int) -> list[Member]:
        """Members that have passed a level, the best by its accuracy first; of equals the earlier."""
        there = [member for member in self.members if member.level >= level]
        return sorted(there, key=lambda member: -member.accuracies[level - 1]) if level else there

    def residents(self, level: int) -> list[Member]:
        """Members whose last level this is, the best first."""
        return [member for member in self.reached(level) if member.level == level]

    @property
    def best(self) -> Member | None:
        """The best at the highest level that any member has passed; None before the first evaluation."""
        top = max((member.level for member in self.members), default=0)
        return self.reached(top)[0] if top else None

    @property
    def texts(self) -> frozenset[str]:
        """The architectures as text, so that none is proposed twice."""
        return frozenset(member.architecture.to_text() for member in self.members)

    @property
    def updates(self) -> int:
        """Number of the last update."""
        return max((member.update for member in self.members), default=0)

    def rank_correlation(self, update: int) -> float | None:
        """Kendall's rank correlation between what was predicted at an update and the accuracies after the first level.

        It is None without a predictor, and where fewer than two architectures or only equals can be compared.
        """
        from scipy.stats import kendalltau  # slow to import, and most verbs rank nothing

        there = [each for each in self.members if each.update == update and each.predicted is not None and each.level]
        predicted, measured = [each.predicted for each in there], [each.accuracies[0] for each in there]
        if len(set(predicted)) < 2 or len(set(measured)) < 2:
            return None
        return float(kendalltau(predicted, measured).statistic)

    def joined(self, *members: Member) -> "Pool":
        """The pool with further members."""
        return self.model_copy(update={"members": (*self.members, *members)})

    def with_member(self, member: Member) -> "Pool":
        """The pool with a member in place of the one of the same number."""
        members = tuple(member if each.number == member.number else each for each in self.members)
        return self.model_copy(update={"members": members})
