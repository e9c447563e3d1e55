"""The gates of a layer-wise network in one picture, with a row for each block."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np

from dartboard.reports.charts.gate_charts import CellGates
from dartboard.reports.charts.svg import INK, SURFACE, figure_to_svg, style
from dartboard.reports.colours import operation_colour

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["draw_layer_gates"]

_WIDTH, _ROW_HEIGHT = 10.4, 0.26


def draw_layer_gates(gates: Sequence[CellGates]) -> str:
    """Draw the gates of all blocks, as SVG: left after the last epoch, right the largest gate after every epoch.

    The colour of a cell is stronger for a larger gate, on one scale for all blocks. A frame marks the operation in the
    genotype.

    Args:
        gates: gates of every block, each with one edge.
    """
    from matplotlib.colors import to_rgb
    from matplotlib.figure import Figure
    from matplotlib.patches import Rectangle

    operations, epochs = gates[0].operations, gates[0].epochs
    values = np.array([block.edges[0].gates for block in gates], dtype=float)  # blocks x operations x epochs
    names = [block.kind.replace("stage-", "").replace("-block-", ".") for block in gates]
    with style():
        figure = Figure(figsize=(_WIDTH, _ROW_HEIGHT * len(gates) + 1.5), layout="constrained")
        last, course = figure.subplots(1, 2, sharey=True)
        last.imshow(_painted(values[:, :, -1], operations, values.max()), interpolation="none", aspect="auto")
        last.set_xticks(range(len(operations)), operations, rotation=35, ha="right")
        last.set_yticks(range(len(names)), names)
        last.set_ylabel("stage.block")
        for row, block in enumerate(gates):
            for name in block.edges[0].kept:
                corner = operations.index(name) - 0.46, row - 0.42
                last.add_patch(Rectangle(corner, 0.92, 0.84, fill=False, edgecolor=INK, linewidth=1.3))
        leading = values.argmax(axis=1)
        colours = np.array([to_rgb(operation_colour(name)) for name in operations])[leading]
        strength = values.max(axis=1, keepdims=True)[:, 0, :, None] / max(values.max(), 1e-12)
        painted = _as_bytes(np.concatenate([colours, strength], axis=2))
        ends = (epochs[0] - 0.5, epochs[-1] + 0.5, len(gates) - 0.5, -0.5)
        course.imshow(painted, interpolation="none", aspect="auto", extent=ends)
        course.locator_params(axis="x", nbins=8, integer=True)
        course.set_xlabel("epoch")
        for axes in (last, course):
            axes.grid(visible=False)
        _part_cells(last, len(operations), len(gates), "both")
        _part_cells(course, len(operations), len(gates), "y")
        return figure_to_svg(figure, "gates-layers", "Gates of every block of the network")


def _part_cells(axes: "Axes", columns: int, rows: int, axis: Literal["both", "y"]) -> None:
    """Draw gaps between the cells, or only between the rows, so that the frames of neighbours do not touch."""
    axes.set_yticks(np.arange(rows - 1) + 0.5, minor=True)
    if axis == "both":
        axes.set_xticks(np.arange(columns - 1) + 0.5, minor=True)
    axes.grid(visible=True, which="minor", axis=axis, color=SURFACE, linewidth=2.0)
    axes.tick_params(which="minor", length=0)


def _painted(gates: np.ndarray, operations: Sequence[str], largest: float) -> np.ndarray:
    """The colour of each operation with its gate as opacity, shape (blocks, operations, 4)."""
    from matplotlib.colors import to_rgb

    colours = np.array([to_rgb(operation_colour(name)) for name in operations])
    strength = gates[..., None] / max(largest, 1e-12)
    return _as_bytes(np.concatenate([np.broadcast_to(colours, (*gates.shape, 3)), strength], axis=2))


def _as_bytes(colours: np.ndarray) -> np.ndarray:
    return np.round(colours.clip(0, 1) * 255).astype(np.uint8)
