"""Which operations a stage leaves to the next."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from torch import Tensor

from dartboard.search.relaxation import RelaxedCell

__all__ = ["KeepStrongest", "Pruning"]


class Pruning(Protocol):
    """Chooses among the live operations of every edge."""

    def __call__(self, gates: Mapping[str, Tensor], cells: Mapping[str, RelaxedCell]) -> dict[str, list[list[str]]]:
        """Cell kind -> the operations that every edge keeps.

        Args:
            gates: deterministic gates by name (see `Architecture`), on the CPU.
            cells: the cells by kind.
        """
        ...


@dataclass(frozen=True)
class KeepStrongest:
    """The operations with the largest gates, edge by edge; among equals the first (P-DARTS, arXiv:1904.12760).

    Attributes:
        count: how many; an edge that has fewer keeps all.
    """

    count: int

    def __call__(self, gates: Mapping[str, Tensor], cells: Mapping[str, RelaxedCell]) -> dict[str, list[list[str]]]:
        """See the class."""
        return {
            kind: [self._kept(row, cell, gates[kind]) for row in range(len(cell.live))] for kind, cell in cells.items()
        }

    def _kept(self, row: int, cell: RelaxedCell, gates: Tensor) -> list[str]:
        live = [column for column in range(len(cell.ops)) if cell.live[row, column]]
        strongest = sorted(live, key=lambda column: -float(gates[row, column]))[: self.count]
        return [cell.ops[column] for column in sorted(strongest)]
