"""Places the parts of a cell on a plane: columns from left to right, every label in a slot of its own.

This is a layered graph drawing. Nodes are in columns by their depth, and each operation is a box in the column before
the node that it feeds. An edge that skips columns reserves a slot in each of them. The boxes of a column do not
overlap, so no label can touch another label, a node, or a passing edge.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise
from math import inf
from typing import Literal

from dartboard.space.genotype import CellGenotype, Choice

__all__ = ["Box", "CellLayout", "Route", "place_cell"]

_HEIGHTS = {"input": 34.0, "node": 38.0, "operation": 26.0, "pass": 10.0, "output": 38.0}
_WIDTHS = {"input": 58.0, "node": 38.0, "operation": 0.0, "pass": 0.0, "output": 62.0}
_CHARACTER_WIDTH, _LABEL_PADDING, _DETAIL_HEIGHT = 6.9, 20.0, 12.0
_GAP_ABOVE, _MARGIN = 10.0, 14.0
_WIDTH, _NARROWEST_GAP, _WIDEST_GAP = 960.0, 34.0, 96.0
_SWEEPS = 12


@dataclass
class Box:
    """A slot of a column; coordinates are those of its centre, in user units of the drawing.

    Attributes:
        kind: content of the slot; an edge passes through a "pass".
        label: number of the node, or name of the operation.
        column: number of the column from the left, starting at 0.
        detail: second line under the label, with the name of the attention after the operation.
    """

    kind: Literal["input", "node", "operation", "pass", "output"]
    label: str
    column: int
    x: float = 0.0
    y: float = 0.0
    width: float = 0.0
    detail: str = ""

    @property
    def height(self) -> float:
        """Height of the slot."""
        return _HEIGHTS[self.kind] + (_DETAIL_HEIGHT if self.detail else 0.0)


@dataclass(frozen=True)
class Route:
    """An edge as a sequence of boxes, one in each column; `operation` is None for edges into the output."""

    operation: str | None
    boxes: tuple[Box, ...]


@dataclass(frozen=True)
class CellLayout:
    """A placed cell.

    Attributes:
        width: width of the drawing.
        height: height of the drawing.
        columns: the boxes from left to right, each column from top to bottom.
        routes: the edges.
    """

    width: float
    height: float
    columns: tuple[tuple[Box, ...], ...]
    routes: tuple[Route, ...]

    @property
    def boxes(self) -> Iterator[Box]:
        """All boxes."""
        return (box for column in self.columns for box in column)


def place_cell(cell: CellGenotype, num_inputs: int | None = None) -> CellLayout:
    """Lay out a cell; the same cell always gives the same drawing.

    Args:
        cell: the cell. A computed node without incoming edges that is no output is not drawn.
        num_inputs: number of its input nodes; None takes all nodes before the first one that has an incoming edge or is
            an output.
    """
    boxes, routes = _boxes_and_routes(cell, num_inputs)
    columns: list[list[Box]] = [[] for _ in range(max(box.column for box in boxes) + 1)]
    for box in boxes:
        columns[box.column].append(box)
    links = [link for route in routes for link in pairwise(route.boxes)]
    _order(columns, links)
    width = _place_columns(columns)
    height = _place_rows(columns, links, routes)
    return CellLayout(width, height, tuple(tuple(column) for column in columns), tuple(routes))


def _boxes_and_routes(cell: CellGenotype, num_inputs: int | None) -> tuple[list[Box], list[Route]]:
    computed = {*(choice.target for choice in cell.choices), *cell.outputs}
    if num_inputs is None:
        num_inputs = min(computed, default=1)
    depths = _depths(cell.choices, num_inputs, max([num_inputs - 1, *computed]) + 1)
    inputs = [Box("input", str(n), 0) for n in range(num_inputs)]
    nodes = dict(enumerate(inputs)) | {n: Box("node", str(n), 2 * depths[n]) for n in sorted(computed)}
    output = Box("output", "output", 2 * max(depths) + 1)
    boxes, routes = [*nodes.values(), output], []
    for choice in cell.choices:
        start, end = nodes[choice.source], nodes[choice.target]
        chip = Box("operation", choice.op, end.column - 1, detail=choice.attention)
        passes = [Box("pass", "", column) for column in range(start.column + 1, chip.column)]
        routes.append(Route(choice.op, (start, *passes, chip, end)))
        boxes += [*passes, chip]
    for number in cell.outputs:
        start = nodes[number]
        passes = [Box("pass", "", column) for column in range(start.column + 1, output.column)]
        routes.append(Route(None, (start, *passes, output)))
        boxes += passes
    return boxes, routes


def _depths(choices: Sequence[Choice], num_inputs: int, num_nodes: int) -> list[int]:
    depths = [0] * num_inputs
    for number in range(num_inputs, num_nodes):
        depths.append(1 + max((depths[choice.source] for choice in choices if choice.target == number), default=0))
    return depths


Link = tuple[Box, Box]


def _order(columns: list[list[Box]], links: Sequence[Link]) -> None:
    """Order each column so that few edges cross, by barycentre sweeps and by helpful swaps of neighbours."""
    best, best_crossings = [list(column) for column in columns], _crossings(columns, links)
    for sweep in range(_SWEEPS):
        forward = sweep % 2 == 0
        for index in range(len(columns)) if forward else reversed(range(len(columns))):
            _sort_by_barycentre(columns, index, links, forward)
        _swap_neighbours(columns, links)
        crossings = _crossings(columns, links)
        if crossings < best_crossings:
            best, best_crossings = [list(column) for column in columns], crossings
    columns[:] = best


def _sort_by_barycentre(columns: list[list[Box]], index: int, links: Sequence[Link], forward: bool) -> None:
    ranks = {id(box): rank for column in columns for rank, box in enumerate(column)}
    means = {}
    for box in columns[index]:
        beside = [ranks[id(start if forward else end)] for start, end in links if (end if forward else start) is box]
        means[id(box)] = sum(beside) / len(beside) if beside else float(ranks[id(box)])
    columns[index].sort(key=lambda box: means[id(box)])


def _swap_neighbours(columns: list[list[Box]], links: Sequence[Link]) -> None:
    for column in columns:
        for upper in range(len(column) - 1):
            before = _crossings(columns, links)
            column[upper], column[upper + 1] = column[upper + 1], column[upper]
            if _crossings(columns, links) >= before:
                column[upper], column[upper + 1] = column[upper + 1], column[upper]


def _crossings(columns: Sequence[Sequence[Box]], links: Sequence[Link]) -> int:
    ranks = {id(box): rank for column in columns for rank, box in enumerate(column)}
    by_column: dict[int, list[tuple[int, int]]] = {}
    for start, end in links:
        by_column.setdefault(start.column, []).append((ranks[id(start)], ranks[id(end)]))
    return sum((a - c) * (b - d) < 0 for group in by_column.values() for (a, b), (c, d) in combinations(group, 2))


def _place_columns(columns: Sequence[Sequence[Box]]) -> float:
    """Set x and width of every box, and return the width of the drawing."""
    widths = [max((_natural_width(box) for box in column), default=0.0) for column in columns]
    free = _WIDTH - 2 * _MARGIN - sum(widths)
    gap = min(max(free / (len(columns) - 1), _NARROWEST_GAP), _WIDEST_GAP)
    left = _MARGIN
    for column, width in zip(columns, widths, strict=True):
        for box in column:
            box.x = left + width / 2
            box.width = width if box.kind in ("operation", "pass") else _natural_width(box)
        left += width + gap
    return left - gap + _MARGIN


def _natural_width(box: Box) -> float:
    if box.kind != "operation":
        return _WIDTHS[box.kind]
    return max(len(box.label), len(box.detail)) * _CHARACTER_WIDTH + _LABEL_PADDING


def _place_rows(columns: Sequence[Sequence[Box]], links: Sequence[Link], routes: Sequence[Route]) -> float:
    """Set y of every box close to the boxes that it is linked with, and return the height of the drawing."""
    for column in columns:
        _stack(column, [0.0] * len(column))
    for sweep in range(8 * _SWEEPS):
        for column in columns if sweep % 2 else reversed(columns):
            _stack(column, [_pull(box, links) for box in column])
    _straighten(columns, routes)
    boxes = [box for column in columns for box in column]
    top = min(box.y - box.height / 2 for box in boxes) - _MARGIN
    for box in boxes:
        box.y = round(box.y - top, 1)
    return max(box.y + box.height / 2 for box in boxes) + _MARGIN


def _straighten(columns: Sequence[Sequence[Box]], routes: Sequence[Route]) -> None:
    """Give the slots of a passing edge and the box of its operation the same height, if there is room."""
    for _ in range(3):
        for route in routes:
            run = route.boxes[1:-1]
            if len(run) < 2:
                continue
            lowest = max(_room(columns[box.column], box)[0] for box in run)
            highest = min(_room(columns[box.column], box)[1] for box in run)
            if lowest <= highest:
                wanted = sum(box.y for box in run) / len(run)
                for box in run:
                    box.y = min(max(wanted, lowest), highest)


def _room(column: Sequence[Box], box: Box) -> tuple[float, float]:
    """Lowest and highest y that a box can have in its column without coming too close to its neighbours."""
    place = next(index for index, other in enumerate(column) if other is box)
    above, below = column[place - 1] if place else None, column[place + 1] if place + 1 < len(column) else None
    lowest = above.y + (above.height + box.height) / 2 + _GAP_ABOVE if above else -inf
    highest = below.y - (below.height + box.height) / 2 - _GAP_ABOVE if below else inf
    return lowest, highest


def _pull(box: Box, links: Sequence[Link]) -> float:
    """Weighted mean height of the linked boxes; passing edges have the largest weight, which keeps them straight."""
    total, weights = 0.0, 0.0
    for start, end in links:
        if start is box or end is box:
            other = end if start is box else start
            weight = (1.0 + 3.0 * (start.kind == "pass")) * (1.0 + 3.0 * (end.kind == "pass"))
            total, weights = total + weight * other.y, weights + weight
    return total / weights if weights else box.y


def _stack(column: Sequence[Box], wanted: Sequence[float]) -> None:
    """Give the boxes the heights closest to `wanted` (least squares) that keep their order and the gaps."""
    offsets = [0.0]
    for upper, lower in pairwise(column):
        offsets.append(offsets[-1] + (upper.height + lower.height) / 2 + _GAP_ABOVE)
    blocks: list[tuple[float, int]] = []
    for height, offset in zip(wanted, offsets, strict=False):
        total, count = height - offset, 1
        while blocks and blocks[-1][0] / blocks[-1][1] >= total / count:
            total, count = total + blocks[-1][0], count + blocks[-1][1]
            blocks.pop()
        blocks.append((total, count))
    levels = [total / count for total, count in blocks for _ in range(count)]
    for box, level, offset in zip(column, levels, offsets, strict=False):
        box.y = level + offset
