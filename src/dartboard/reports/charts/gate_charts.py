"""Charts of the gates of a search: one panel for each edge, one line for each operation."""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dartboard.reports.charts.curves import Series
from dartboard.reports.charts.svg import INK, MUTED, figure_to_svg, style
from dartboard.reports.colours import operation_colour
from dartboard.wording import cell_name

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["CellGates", "EdgeGates", "draw_gates"]

_WIDTH, _ROW_HEIGHT = 10.4, 1.45
_COLUMNS_WITHOUT_GRAPH = 5
_MOST_POINTS = 100


@dataclass(frozen=True)
class EdgeGates:
    """One edge of a cell during the search.

    Attributes:
        label: name of the edge, as in "0 → 2"; "edge 3" if the graph of the cell is unknown.
        source: source node, or None.
        target: target node, or None.
        kept: operations that the genotype has on this edge.
        gates: mean gate of each operation at every recorded epoch.
    """

    label: str
    source: int | None
    target: int | None
    kept: tuple[str, ...]
    gates: tuple[Series, ...]


@dataclass(frozen=True)
class CellGates:
    """The gates of one kind of cells during the search; the edges are sorted by target, then source."""

    kind: str
    operations: tuple[str, ...]
    epochs: tuple[int, ...]
    edges: tuple[EdgeGates, ...]


def draw_gates(gates: CellGates) -> str:
    """Draw the gates of one cell kind over the epochs, as SVG.

    If the graph of the cell is known, the panels form a triangle, with one row for each target node and one column for
    each source. Operations in the genotype have thick lines, and their names are above the panels.
    """
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

    places = _places(gates.edges)
    rows, columns = (max(place[axis] for place in places) + 1 for axis in (0, 1))
    bottom, top = _limits(gates)
    with style():
        figure = Figure(figsize=(_WIDTH, _ROW_HEIGHT * rows + 0.65), layout="constrained")
        grid = figure.add_gridspec(rows, columns)
        for edge, (row, column) in zip(gates.edges, places, strict=True):
            axes = figure.add_subplot(grid[row, column])
            _draw_edge(axes, edge, gates)
            axes.set_ylim(bottom, top)
            lowest = (row + 1, column) not in places
            axes.tick_params(labelleft=column == 0, labelbottom=lowest)
            if lowest:
                axes.set_xlabel("epoch", labelpad=1)
        handles = [Line2D([], [], color=operation_colour(name), linewidth=2.4) for name in gates.operations]
        figure.legend(handles, gates.operations, loc="outside lower left", ncols=min(len(handles), 8), handlelength=1.2)
        return figure_to_svg(figure, f"gates-{gates.kind}", f"Gates of every edge of the {cell_name(gates.kind)}")


def _limits(gates: CellGates) -> tuple[float, float]:
    """One scale for all panels: from zero, unless the gates differ so little that nothing would be seen."""
    values = [value for edge in gates.edges for series in edge.gates for value in series if value is not None]
    low, high = min(values, default=0.0), max(values, default=1.0)
    margin = 0.05 * (high - low) or 0.05
    return (0.0 if high - low > 0.25 * high else low - margin), high + margin


def _places(edges: tuple[EdgeGates, ...]) -> list[tuple[int, int]]:
    targets = [edge.target for edge in edges if edge.target is not None]
    if len(targets) < len(edges):
        return [divmod(position, _COLUMNS_WITHOUT_GRAPH) for position in range(len(edges))]
    return [(edge.target - min(targets), edge.source or 0) for edge in edges if edge.target is not None]


def _draw_edge(axes: "Axes", edge: EdgeGates, gates: CellGates) -> None:
    stride = math.ceil(len(gates.epochs) / _MOST_POINTS)
    shown = sorted({*range(0, len(gates.epochs), stride), len(gates.epochs) - 1})
    for name, series in zip(gates.operations, edge.gates, strict=True):
        kept = name in edge.kept
        axes.plot(
            [gates.epochs[index] for index in shown],
            np.array([np.nan if series[index] is None else series[index] for index in shown], dtype=float),
            color=operation_colour(name),
            linewidth=2.3 if kept else 1.0,
            alpha=1.0 if kept or not edge.kept else 0.75,
            zorder=3 if kept else 2,
            linestyle="--" if name == "none" else "-",
            marker="o" if len(shown) == 1 else "",
            markersize=4,
        )
    title = f"{edge.label}  {', '.join(edge.kept)}" if edge.kept else edge.label
    axes.set_title(
        title, fontsize=8, color=INK if edge.kept else MUTED, fontweight="bold" if edge.kept else "normal", pad=3
    )
    axes.locator_params(axis="y", nbins=3)
    axes.locator_params(axis="x", nbins=4, integer=True)
    if len(shown) == 1:
        axes.set_xlim(gates.epochs[0] - 1, gates.epochs[0] + 1)
    axes.grid(visible=False, axis="x")
