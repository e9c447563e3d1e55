"""What rules that decide edges have in common: when decisions are due, and which edges a node still has."""

from fractions import Fraction
from math import ceil
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dartboard.engine.state import SearchState

__all__ = ["due_epoch", "kept_rows", "surplus"]


def due_epoch(number: int, count: int, first: Fraction | int, last: Fraction | int) -> int:
    """When the decision `number` of `count` is due, the first and the last being given and the others spread evenly.

    >>> [due_epoch(number, 6, 0, 24) for number in range(6)]
    [0, 5, 10, 15, 20, 24]
    """
    return ceil(first + (last - first) * Fraction(number, max(1, count - 1)))


def kept_rows(state: "SearchState", kind: str, node: int) -> list[int]:
    """Rows of the edges into a node that are not given up."""
    given_up = {row for row, op in state.decisions.get(kind, {}).items() if op is None}
    return [row for row in state.architecture.cells[kind].topology.incoming(node) if row not in given_up]


def surplus(state: "SearchState", kind: str, node: int) -> int:
    """How many edges into a node are more than the space keeps."""
    kept = state.architecture.cells[kind].topology.edges_per_node
    return 0 if kept is None else max(0, len(kept_rows(state, kind, node)) - kept)
