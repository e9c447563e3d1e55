"""Accuracy against cost: one point for each method, with its deviation over seeds."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dartboard.reports.charts.column import COLOURS, COLUMN
from dartboard.wording import shortened

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["CostPoint", "draw_cost"]

_HEIGHT = 2.5
_MARKS = "osD^vPX<>"
"""One fewer than the colours, so that both repeat together only after 90 methods."""


@dataclass(frozen=True)
class CostPoint:
    """One method.

    Attributes:
        name: its name.
        cost: mean cost of a search, in the unit of the axis.
        accuracy: mean accuracy as a fraction.
        deviation: standard deviation over seeds; None for one.
    """

    name: str
    cost: float
    accuracy: float
    deviation: float | None


def draw_cost(points: Sequence[CostPoint], *, cost: str, accuracy: str) -> "Figure":
    """The figure, one column wide, in the style that is set; a wide range of costs is on a logarithmic axis.

    Args:
        points: the methods, one or more.
        cost: label of the axis of costs, with its unit.
        accuracy: name of the accuracy.
    """
    from matplotlib.figure import Figure
    from matplotlib.ticker import LogLocator, NullFormatter, ScalarFormatter

    figure = Figure(figsize=(COLUMN, _HEIGHT + 0.11 * (len(points) // 2)), layout="constrained")
    axes = figure.add_subplot()
    for place, point in enumerate(points):
        deviation = None if point.deviation is None else [100 * point.deviation]
        axes.errorbar(
            [point.cost],
            [100 * point.accuracy],
            yerr=deviation,
            fmt=_MARKS[place % len(_MARKS)],
            color=COLOURS[place % len(COLOURS)],
            markersize=4,
            elinewidth=0.8,
            capsize=1.5,
            label=shortened(point.name, 24),
        )
    costs = [point.cost for point in points if point.cost > 0]
    if len(costs) == len(points) and max(costs) > 10 * min(costs):
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 3.0)))
        axes.xaxis.set_major_formatter(ScalarFormatter())
        axes.xaxis.set_minor_formatter(NullFormatter())
    axes.margins(0.1)
    axes.set_xlabel(cost)
    axes.set_ylabel(f"{accuracy} (%)")
    figure.legend(loc="outside lower center", ncols=2)
    return figure
