"""Prunings choose the operations that a stage leaves to the next stage."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from torch import Tensor
from typing_extensions import override

from dartboard.parts.relaxation import RelaxedCell, operation_groups

__all__ = ["KeepStrongest", "KeepStrongestOfGroups", "Pruning"]


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
class KeepStrongest(Pruning):
    """Every edge keeps the operations with the largest gates; ties go to the first (P-DARTS, arXiv:1904.12760).

    Attributes:
        count: number of operations that an edge keeps; an edge that has fewer keeps all.
    """

    count: int

    @override
    def __call__(self, gates: Mapping[str, Tensor], cells: Mapping[str, RelaxedCell]) -> dict[str, list[list[str]]]:
        return {
            kind: _strongest(cell, gates[kind], (range(len(cell.ops)),), self.count) for kind, cell in cells.items()
        }


@dataclass(frozen=True)
class KeepStrongestOfGroups(Pruning):
    """Every edge keeps two operations: the strongest one without weights, and the strongest one with weights.

    The strongest operation has the largest gate; ties go to the first. An edge that has only one group keeps one
    operation. Source: DOTS (arXiv:2010.00969).
    """

    @override
    def __call__(self, gates: Mapping[str, Tensor], cells: Mapping[str, RelaxedCell]) -> dict[str, list[list[str]]]:
        return {kind: _strongest(cell, gates[kind], operation_groups(cell.ops), 1) for kind, cell in cells.items()}


def _strongest(cell: RelaxedCell, gates: Tensor, groups: Sequence[Sequence[int]], count: int) -> list[list[str]]:
    """For every edge and every group of columns the `count` live operations with the largest gates."""
    kept = []
    for live, row in zip(cell.live.tolist(), gates.tolist(), strict=True):
        columns: list[int] = []
        for group in groups:
            ranked = sorted((column for column in group if live[column]), key=lambda column: -row[column])
            columns += ranked[:count]
        kept.append([cell.ops[column] for column in sorted(columns)])
    return kept
