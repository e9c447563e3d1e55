"""How strong the operations of each edge are, in one picture: a row for each edge."""

from typing import TYPE_CHECKING

from dartboard.reports.analyses import DiscretisationFacts, StrengthFacts
from dartboard.reports.operations import operation_colour
from dartboard.reports.svg import INK, MUTED, figure_to_svg, style

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["draw_strengths"]

_WIDTH, _ROW_HEIGHT = 10.4, 0.34
_MARKS = (("largest gate", "o", 130), ("missed most (perturbation)", "s", 190))
"""How the choices of the cheap measures are drawn around an operation: name, form, area in square points."""


def draw_strengths(facts: DiscretisationFacts) -> str:
    """Draw the accuracy reached with every operation of every edge, as SVG; frames mark what cheap measures prefer."""
    from matplotlib.figure import Figure

    with style():
        figure = Figure(figsize=(_WIDTH, _ROW_HEIGHT * len(facts.edges) + 1.5), layout="constrained")
        axes = figure.add_subplot()
        for row, edge in enumerate(facts.edges):
            _draw_edge(axes, row, edge)
        axes.axvline(100 * facts.supernet, color=MUTED, linewidth=1.0, linestyle=(0, (4, 3)), zorder=1)
        axes.set_yticks(range(len(facts.edges)), [edge.label for edge in facts.edges])
        axes.set_ylim(len(facts.edges) - 0.4, -0.6)
        axes.margins(x=0.06)
        axes.set_xlabel("validation accuracy reached (%); dashed: the supernet as the search left it")
        names = list(dict.fromkeys(each.name for edge in facts.edges for each in edge.operations))
        for name in names:
            axes.scatter([], [], s=42, color=operation_colour(name), label=name)
        for name, form, area in _MARKS:
            axes.scatter([], [], s=area / 2, marker=form, facecolors="none", edgecolors=INK, linewidths=1.2, label=name)
        figure.legend(loc="outside right center")
        return figure_to_svg(figure, "strengths", "Accuracy reached with each operation of each edge")


def _draw_edge(axes: "Axes", row: int, edge: StrengthFacts) -> None:
    reached = {each.name: 100 * each.accuracy for each in edge.operations}
    axes.plot([min(reached.values()), max(reached.values())], [row, row], color=MUTED, linewidth=0.8, zorder=1)
    for name, accuracy in reached.items():
        axes.scatter(accuracy, row, s=42, color=operation_colour(name), zorder=2)
    for preferred, (_, form, area) in zip(edge.preferred[1:], _MARKS, strict=True):
        axes.scatter(
            reached[preferred], row, s=area, marker=form, facecolors="none", edgecolors=INK, linewidths=1.2, zorder=3
        )
