"""The confusion matrix as a heat map: correct predictions in blue, mistakes in orange."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from dartboard.reports.charts.svg import INK, figure_to_svg, style

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["draw_confusion"]

_RIGHT, _WRONG = (0.231, 0.510, 0.769), (0.851, 0.467, 0.169)
_STRONGEST_RIGHT, _STRONGEST_WRONG = 0.7, 0.6
"""Opacity of a cell that holds the whole class: the counts, in the page's ink, keep a contrast of 4.5:1 on it, both on
the light page and on the dark one."""

_MOST_WITH_COUNTS, _MOST_WITH_NAMES = 20, 50
_LONGEST_NAME = 18


def draw_confusion(confusion: tuple[tuple[int, ...], ...], names: tuple[str, ...]) -> str:
    """Draw a confusion matrix, as SVG.

    The colour of a cell is stronger for a larger share of the true class. Mistakes are on a square-root scale, so that
    rare ones can be seen. Counts are written for up to 20 classes, and names for up to 50; larger matrices have class
    numbers.

    Args:
        confusion: counts, rows true classes, columns predicted ones.
        names: names of the classes.
    """
    from matplotlib.figure import Figure

    counts = np.array(confusion)
    size = len(counts)
    side = float(np.clip(0.42 * size, 3.2, 8.4))
    with style():
        figure = Figure(figsize=(side + 1.6, side + 1.1), layout="constrained")
        axes = figure.add_subplot()
        # Empty cells are transparent, so that the map suits a light and a dark page.
        colours = np.empty((size, size, 4))
        colours[..., :3] = np.where(np.eye(size, dtype=bool)[..., None], _RIGHT, _WRONG)
        colours[..., 3] = _strengths(counts)
        axes.imshow(np.round(colours * 255).astype(np.uint8), interpolation="none")
        axes.grid(visible=False)
        if size <= _MOST_WITH_COUNTS:
            _write_counts(axes, counts)
        if size <= _MOST_WITH_NAMES:
            _write_names(axes, [_short(name) for name in names])
        axes.set_xlabel("predicted class")
        axes.set_ylabel("true class")
        axes.spines[["top", "right"]].set_visible(True)
        return figure_to_svg(figure, "confusion", "Confusion matrix of the test images")


def _strengths(counts: NDArray[np.int64]) -> NDArray[np.float64]:
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    diagonal = np.eye(len(counts), dtype=bool)
    strengths: NDArray[np.float64] = np.where(diagonal, _STRONGEST_RIGHT * shares, _STRONGEST_WRONG * np.sqrt(shares))
    return strengths


def _write_counts(axes: "Axes", counts: NDArray[np.int64]) -> None:
    size = 8.5 if counts.max() < 1000 or len(counts) <= 10 else 7.0
    for (row, column), count in np.ndenumerate(counts):
        if count:
            axes.text(column, row, str(count), ha="center", va="center", fontsize=size, color=INK)


def _write_names(axes: "Axes", names: list[str]) -> None:
    fontsize = 8.0 if len(names) <= _MOST_WITH_COUNTS else 6.5
    upright = max(len(name) for name in names) <= 3
    axes.set_xticks(range(len(names)), names, rotation=0 if upright else 45, ha="center" if upright else "right")
    axes.set_yticks(range(len(names)), names)
    axes.tick_params(labelsize=fontsize, length=0)


def _short(name: str) -> str:
    # A dollar sign would start a formula.
    return (name if len(name) <= _LONGEST_NAME else name[: _LONGEST_NAME - 1] + "…").replace("$", r"\$")
