"""Architectures by cost and accuracy, and those that no other one beats in both."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

from pydantic import Field

from dartboard.records.dataset import GenotypeForms
from dartboard.runs import Document, Record

__all__ = ["ParetoFront", "ParetoPoint", "on_front"]

CostName = Literal["params", "macs", "latency"]


def on_front(pairs: Sequence[tuple[float, float]]) -> list[bool]:
    """For (cost, accuracy) of every architecture whether no other one is at least as good in both and better in one.

    >>> on_front([(1.0, 0.5), (2.0, 0.4), (3.0, 0.9), (3.0, 0.8)])
    [True, False, True, False]
    """
    found = [False] * len(pairs)
    best, best_cost = float("-inf"), float("nan")
    for place in sorted(range(len(pairs)), key=lambda place: (pairs[place][0], -pairs[place][1])):
        cost, accuracy = pairs[place]
        if accuracy > best:
            best, best_cost, found[place] = accuracy, cost, True
        elif accuracy == best and cost == best_cost:
            found[place] = True  # equal in both
    return found


class ParetoPoint(Record):
    """One architecture."""

    name: str
    """What made it, such as the limit of its search or the number of its trial."""

    genotype: GenotypeForms
    """The architecture."""

    cost: float
    """Its cost, as the front counts it; seconds for the latency."""

    accuracy: float
    """Its accuracy, as a fraction, by which the front is drawn."""

    front: bool
    """Whether no other architecture is at least as good in both and better in one."""

    figures: dict[str, float] = Field(default_factory=dict)
    """Further figures by name, such as its test accuracy."""

    report: str | None = None
    """Path of the report of its run, relative to the folder of this file; null without one."""


class ParetoFront(Document):
    """Architectures by cost and accuracy, and those that no other one beats in both."""

    file: ClassVar[str] = "pareto.json"
    written_by: ClassVar[str] = "pareto"

    dataset: str
    """Name of the dataset."""

    cost: CostName
    """What the cost is."""

    accuracy: str
    """What the accuracy is, in words, such as "validation accuracy"."""

    points: tuple[ParetoPoint, ...]
    """All architectures, the cheapest first."""

    failed: dict[str, str] = Field(default_factory=dict)
    """What made an architecture -> why there is none."""

    command: str
    """The command that was typed."""

    directory: str
    """The folder of this file."""

    @property
    def path(self) -> Path:
        """The folder of this file."""
        return Path(self.directory)

    @classmethod
    def of(cls, points: Sequence[ParetoPoint], **further: Any) -> Self:
        """The front of these architectures; their own `front` is set here.

        Args:
            points: in any order, from a sweep of limits or from the trials of a search such as NSGA-II.
            further: the other fields.
        """
        marks = on_front([(each.cost, each.accuracy) for each in points])
        marked = [each.model_copy(update={"front": mark}) for each, mark in zip(points, marks, strict=True)]
        return cls(points=tuple(sorted(marked, key=lambda each: (each.cost, -each.accuracy))), **further)
