"""The figures of a comparison, for its page and as files for a paper."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from dartboard.records import Comparison
from dartboard.reports.charts.column import write_figure
from dartboard.reports.charts.cost_chart import CostPoint, draw_cost
from dartboard.reports.charts.rank_chart import draw_ranks
from dartboard.reports.charts.svg import figure_to_svg, style
from dartboard.reports.charts.table_chart import draw_table_curves, read_table_curves
from dartboard.reports.table_notes import what_counts

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["FIGURES_FOLDER", "PaperFigure", "comparison_figures", "write_figures"]

FIGURES_FOLDER = "figures"


@dataclass(frozen=True)
class PaperFigure:
    """One figure, one column wide.

    Attributes:
        name: name of its files.
        caption: what it shows, in a sentence.
        draw: draws it in the style that is set.
    """

    name: str
    caption: str
    draw: Callable[[], "Figure"]

    def svg(self) -> str:
        """The figure in the colours of a page."""
        with style():
            return figure_to_svg(self.draw(), self.name, self.caption)


def comparison_figures(comparison: Comparison, place: Path) -> Iterator[PaperFigure]:
    """Accuracy against cost, accuracy by the table over epochs, and critical differences, as far as they are known.

    Args:
        comparison: the comparison.
        place: its directory.
    """
    key, measure = what_counts(comparison)
    searched = [
        (each.method, each.search_seconds.mean, worth)
        for each in comparison.methods
        if (worth := getattr(each, key)) and each.search_seconds
    ]
    if searched:
        unit, seconds = _unit(max(cost for _, cost, _ in searched))
        points = [CostPoint(name, cost / seconds, worth.mean, worth.std) for name, cost, worth in searched]
        yield PaperFigure(
            "accuracy-against-cost",
            f"The {measure} of every method against the time of its search; bars are standard deviations over seeds.",
            partial(draw_cost, points, cost=f"time of a search ({unit})", accuracy=measure),
        )
    if curves := read_table_curves(comparison, place):
        yield PaperFigure(
            "accuracy-over-epochs",
            f"Accuracy on CIFAR-10's test images, by the table of NAS-Bench-201 after {curves.epochs} epochs, of the "
            "cell that would be chosen after each epoch; the mean over seeds, and a band from the worst to the best.",
            partial(draw_table_curves, curves),
        )
    if comparison.statistics and (ranks := comparison.statistics.ranks):
        yield PaperFigure(
            "critical-differences",
            "Mean ranks of the methods; a bar joins those that Nemenyi's test does not tell apart (level 0.05).",
            partial(draw_ranks, ranks),
        )


def _unit(seconds: float) -> tuple[str, float]:
    """The unit in which a time is a number of few digits, and its seconds."""
    return ("s", 1) if seconds < 120 else ("min", 60) if seconds < 7200 else ("h", 3600)


def write_figures(comparison: Comparison, place: Path) -> tuple[Path, ...]:
    """Write every figure as SVG and PDF into the folder `figures` of a comparison.

    Returns:
        Paths of the figures, without their endings.

    Raises:
        RunDirectoryError: a file cannot be written.
    """
    found = []
    for figure in comparison_figures(comparison, place):
        (place / FIGURES_FOLDER).mkdir(exist_ok=True)
        write_figure(figure.draw, place / FIGURES_FOLDER / figure.name)
        found.append(place / FIGURES_FOLDER / figure.name)
    return tuple(found)
