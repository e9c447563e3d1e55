"""The architectures that a search without a supernet has evaluated."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from typing_extensions import override

from dartboard.parts.discrete import Member
from dartboard.records.reader import RunRecords
from dartboard.reports.charts.curves import BLUE, ORANGE, VIOLET
from dartboard.reports.charts.svg import figure_to_svg, style
from dartboard.reports.section import Section, section
from dartboard.wording import count, percent

__all__ = ["PoolFacts", "PoolSection"]

_SHOWN = 20
"""So many of the best are listed; pool.json has all."""

_COLOURS = (BLUE, VIOLET, ORANGE)


@dataclass(frozen=True)
class PoolFacts:
    """The facts about a search that evaluates architectures one by one.

    Attributes:
        epochs: after which trainings paused, level by level.
        evaluated_by: "training", or the table that was looked up.
        best: of all at the highest level.
        ranked: the members at the highest levels, the best of a level first.
        reached: how many members have passed each level.
        epochs_spent: epochs of all trainings.
        epochs_of_full_training: epochs if each had been trained to the end.
        correlations: Kendall's rank correlation of the predictor at every update; None where it has none to tell.
        members: all of them.
    """

    epochs: tuple[int, ...]
    evaluated_by: str
    best: Member
    ranked: tuple[Member, ...]
    reached: tuple[int, ...]
    epochs_spent: int
    epochs_of_full_training: int
    correlations: tuple[float | None, ...]
    members: tuple[Member, ...] = field(metadata={"plain": False})

    @property
    def size(self) -> int:
        """Number of architectures."""
        return len(self.members)

    @property
    def looked_up(self) -> bool:
        """Whether accuracies come from a table."""
        return self.evaluated_by != "training"


@section("pool")
class PoolSection(Section[PoolFacts]):
    """The architectures that a search without a supernet has evaluated, and how far each was trained."""

    order = 601
    title = "Search by evaluations"

    @override
    def read(self, run: RunRecords) -> PoolFacts | None:
        pool = run.pool
        if pool is None or pool.best is None:
            return None
        members = [member for member in pool.members if member.level]
        return PoolFacts(
            pool.epochs,
            pool.evaluated_by,
            pool.best,
            tuple(sorted(members, key=lambda it: (-it.level, -it.accuracies[-1]))[:_SHOWN]),
            tuple(len(pool.reached(level)) for level in range(1, pool.levels + 1)),
            pool.epochs_spent,
            pool.epochs_of_full_training,
            tuple(pool.rank_correlation(update) for update in range(1, pool.updates + 1)),
            pool.members,
        )

    @override
    def drawn(self, told: PoolFacts) -> Mapping[str, Any]:
        return {"accuracies": _draw(told)}

    @override
    def lines(self, told: PoolFacts) -> dict[str, str]:
        levels = ", ".join(
            f"{number} after {count(epochs, 'epoch')}" for number, epochs in zip(told.reached, told.epochs, strict=True)
        )
        what = f"looked up ({told.evaluated_by})" if told.looked_up else f"trained: {levels}"
        return {
            "evaluated": f"{count(told.size, 'architecture')} {what}; "
            f"best {percent(told.best.accuracies[-1])} on validation images"
        }


def _draw(told: PoolFacts) -> str:
    """Accuracy of every architecture after the last level that it has passed, as SVG."""
    from matplotlib.figure import Figure

    with style():
        figure = Figure(figsize=(10.4, 2.9), layout="constrained")
        axes = figure.add_subplot()
        for level, epochs in enumerate(told.epochs, start=1):
            there = [member for member in told.members if member.level == level]
            if there:
                axes.plot(
                    [member.number + 1 for member in there],
                    [100 * member.accuracies[-1] for member in there],
                    "o",
                    markersize=4,
                    color=_COLOURS[(level - 1) % len(_COLOURS)],
                    label="looked up" if told.looked_up else f"paused after {count(epochs, 'epoch')}",
                )
        axes.set_xlabel("architecture, in the order of proposals")
        axes.set_ylabel("validation accuracy in %")
        figure.legend(loc="outside right center")
        return figure_to_svg(figure, "pool", "Accuracy of every architecture after the last level that it has passed")
