"""The strength of the operations of each edge in one picture, with a row for each edge."""

from typing import TYPE_CHECKING

from dartboard.engine.finished.analyses.strengths import CHEAP, EdgeStrengths, Strengths
from dartboard.reports.charts.svg import INK, MUTED, figure_to_svg, style
from dartboard.reports.colours import operation_colour

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["draw_strengths", "edge_label"]

_WIDTH, _ROW_HEIGHT = 10.4, 0.34
_MARKS = (("largest gate", "o", 130), ("missed most (perturbation)", "s", 190))
"""Marks for the operations that the cheap measures choose: name, form, area in square points."""


def draw_strengths(found: Strengths) -> str:
    """Draw the accuracy with every operation of every edge, as SVG; marks show the choices of the cheap measures."""
    from matplotlib.figure import Figure

    with style():
        figure = Figure(figsize=(_WIDTH, _ROW_HEIGHT * len(found.edges) + 1.5), layout="constrained")
        axes = figure.add_subplot()
        for row, edge in enumerate(found.edges):
            _draw_edge(axes, row, edge)
        axes.axvline(100 * found.supernet_accuracy, color=MUTED, linewidth=1.0, linestyle=(0, (4, 3)), zorder=1)
        axes.set_yticks(range(len(found.edges)), list(map(edge_label, found.edges)))
        axes.set_ylim(len(found.edges) - 0.4, -0.6)
        axes.margins(x=0.06)
        axes.set_xlabel("validation accuracy reached (%); dashed: the supernet at the end of the search")
        names = list(dict.fromkeys(each.operation for edge in found.edges for each in edge.operations))
        for name in names:
            axes.scatter([], [], s=42, color=operation_colour(name), label=name)
        for name, form, area in _MARKS:
            axes.scatter([], [], s=area / 2, marker=form, facecolors="none", edgecolors=INK, linewidths=1.2, label=name)
        figure.legend(loc="outside right center")
        return figure_to_svg(figure, "strengths", "Accuracy reached with each operation of each edge")


def edge_label(edge: EdgeStrengths) -> str:
    """The name of an edge, as in "normal 0 → 2"."""
    return f"{'' if edge.kind == 'cell' else edge.kind + ' '}{edge.source} → {edge.target}"


def _draw_edge(axes: "Axes", row: int, edge: EdgeStrengths) -> None:
    reached = {each.operation: 100 * each.accuracy for each in edge.operations}
    axes.plot([min(reached.values()), max(reached.values())], [row, row], color=MUTED, linewidth=0.8, zorder=1)
    for name, accuracy in reached.items():
        axes.scatter(accuracy, row, s=42, color=operation_colour(name), zorder=2)
    for measure, (_, form, area) in zip(CHEAP, _MARKS, strict=True):
        axes.scatter(
            reached[edge.preferred[measure]],
            row,
            s=area,
            marker=form,
            facecolors="none",
            edgecolors=INK,
            linewidths=1.2,
            zorder=3,
        )
