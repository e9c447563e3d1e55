"""Curves over epochs: losses, accuracies and other figures of an epoch."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dartboard.reports.charts.svg import figure_to_svg, style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["BLUE", "ORANGE", "VIOLET", "Line", "Series", "draw_lines", "mark_epochs"]

BLUE, ORANGE, VIOLET = "#3b82c4", "#d9772b", "#8b5cc7"
"""Colours for training images, for validation images, and for alpha."""

Series = Sequence[float | None]
"""One figure for each epoch; None where there is none."""

_SIZE = (5.2, 2.9)
_FEW_EPOCHS = 12


@dataclass(frozen=True)
class Line:
    """One curve. A curve without a name is not in the legend, and None in `values` leaves a gap.

    `spread` is half the height of a band around the curve; None draws none.
    """

    name: str | None
    colour: str
    epochs: Sequence[int]
    values: Series
    opacity: float = 1.0
    spread: Series | None = None


def draw_lines(name: str, title: str, lines: Sequence[Line], *, label: str, percent: bool = False) -> str:
    """A chart of curves over epochs.

    Args:
        name: name of the chart, unique on the page.
        title: title for screen readers.
        lines: the curves; those without any value are left out.
        label: label of the vertical axis.
        percent: whether to show fractions as percentages.

    Returns:
        SVG, or an empty string where no curve has a value.
    """
    from matplotlib.figure import Figure

    drawn = [line for line in lines if any(value is not None for value in line.values)]
    if not drawn:
        return ""
    with style():
        figure = Figure(figsize=_SIZE, layout="constrained")
        axes = figure.add_subplot()
        for line in reversed(drawn):
            values = np.array([np.nan if value is None else value for value in line.values]) * (100 if percent else 1)
            if line.spread is not None:
                half = np.array([0.0 if each is None else each for each in line.spread]) * (100 if percent else 1)
                axes.fill_between(line.epochs, values - half, values + half, color=line.colour, alpha=0.15, linewidth=0)
            marker = "o" if len(line.epochs) <= _FEW_EPOCHS else ""
            axes.plot(
                line.epochs,
                values,
                color=line.colour,
                alpha=line.opacity,
                label=line.name,
                marker=marker,
                markersize=3.5,
            )
        axes.set_ylabel(label)
        mark_epochs(axes)
        shown = {epoch for line in drawn for epoch in line.epochs}
        if len(shown) == 1:
            (only,) = shown
            axes.set_xlim(only - 1, only + 1)
        _legend(figure, axes)
        return figure_to_svg(figure, name, title)


def mark_epochs(axes: "Axes") -> None:
    """Label the horizontal axis with whole numbers of epochs."""
    from matplotlib.ticker import MaxNLocator

    axes.set_xlabel("epoch")
    axes.grid(visible=False, axis="x")
    axes.xaxis.set_major_locator(MaxNLocator(nbins=8, steps=[1, 2, 5, 10], integer=True, min_n_ticks=1))


def _legend(figure: "Figure", axes: "Axes") -> None:
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(handles[::-1], labels[::-1], loc="outside upper left", ncols=min(len(labels), 3), handlelength=1.4)
