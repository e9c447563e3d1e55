"""The critical-difference diagram: mean ranks on a line, and bars over methods that cannot be told apart."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from dartboard.records import RankStatistics
from dartboard.reports.charts.column import COLUMN
from dartboard.wording import shortened

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["draw_ranks"]

_ROW = 0.17
"""Inches for each name, and for each bar."""


def draw_ranks(ranks: RankStatistics) -> "Figure":
    """The diagram of Demsar (2006, figure 1), in the style that is set; the best method is on the left."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    names, places = list(ranks.ranks), list(ranks.ranks.values())
    rows, bars = (len(names) + 1) // 2, len(ranks.groups)
    height = _ROW * (rows + bars + 4)
    figure = Figure(figsize=(COLUMN, height))
    axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
    axes.set_axis_off()
    axes.set_xlim(-0.32 * (len(names) - 1) + 1, len(names) + 0.32 * (len(names) - 1))
    axes.set_ylim(-(rows + bars + 1.2), 2.8)
    ink = mpl.rcParams["text.color"]
    _axis(axes, len(names), ranks.critical_difference, ink)
    for row, group in enumerate(ranks.groups):
        ends = [ranks.ranks[name] for name in group]
        bar = [min(ends) - 0.03, max(ends) + 0.03]
        axes.plot(bar, [-0.55 - row, -0.55 - row], color=ink, linewidth=2.6, solid_capstyle="butt")
    _names(axes, names, places, bars, ink)
    return figure


def _axis(axes: "Axes", methods: int, difference: float, ink: str) -> None:
    axes.plot([1, methods], [0, 0], color=ink, linewidth=0.8)
    for rank in range(1, methods + 1):
        axes.plot([rank, rank], [0, 0.25], color=ink, linewidth=0.8)
        axes.text(rank, 0.4, str(rank), ha="center", va="bottom")
    end = min(1 + difference, methods + 0.3 * (methods - 1))
    axes.plot([1, end], [1.8, 1.8], color=ink, linewidth=0.8)
    for place in (1, 1 + difference):
        if place <= end:
            axes.plot([place, place], [1.65, 1.95], color=ink, linewidth=0.8)
    axes.text((1 + end) / 2, 1.95, f"critical difference {difference:.2f}", ha="center", va="bottom")


def _names(axes: "Axes", names: Sequence[str], places: Sequence[float], bars: int, ink: str) -> None:
    """The better half on the left, the best one above; the others on the right."""
    half = (len(names) + 1) // 2
    left, right = 1 - 0.03 * (len(names) - 1), len(names) + 0.03 * (len(names) - 1)
    for number, (name, place) in enumerate(zip(names, places, strict=True)):
        better = number < half
        row = -(bars + 1 + (number if better else len(names) - 1 - number))
        end = left if better else right
        axes.plot([place, place, end], [0, row, row], color=ink, linewidth=0.6)
        axes.text(end, row, f" {shortened(name, 22)} ", ha="right" if better else "left", va="center")
