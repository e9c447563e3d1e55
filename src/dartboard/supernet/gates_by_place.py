"""Gates of its own for every cell, to see what each cell would do to the gates that all cells of a kind share."""

from collections.abc import Mapping

from torch import Tensor

from dartboard.supernet.reference import Gates

__all__ = ["by_place"]


def by_place(gates: Gates, counts: Mapping[str, int]) -> dict[str, Tensor]:
    """The same gates by place: every cell has gates of its own, which start from the same numbers.

    The gradient of a loss at these gates tells what each cell would do to the gates that all cells of a kind share; its
    sum over the cells is the gradient at the shared gates.

    Args:
        gates: as for `ReferenceSupernet.forward`, with gates of operations of the shape (edges, operations).
        counts: cell kind -> number of its cells (`SupernetSpec.cell_counts`); the gates of other kinds stay shared.
    """
    return {name: gate.expand(counts[name], *gate.shape) if name in counts else gate for name, gate in gates.items()}
