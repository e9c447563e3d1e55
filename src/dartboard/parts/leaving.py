"""Candidate operations that leave a search in the middle of a stage."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor

from dartboard.parts.relaxation.protocol import RelaxedCell

__all__ = ["Left"]


@dataclass(frozen=True)
class Left:
    """The candidate operations that have left a search.

    The gate of such an operation is exactly 0, it is not run, and its weights rest as those of undrawn operations do.
    An edge that has lost all its operations brings nothing to its node. An operation that has left does not come back.
    This is not what `EpochPlan.decided` does, which leaves one operation with the gate 1.

    Attributes:
        operations: cell kind -> row of an edge -> names of the operations that have left it.
        rescales: whether the gates of the other operations of an edge are divided by their sum (ASAP,
            arXiv:1904.04123), or keep their values (IS-DARTS, arXiv:2312.12648).
    """

    operations: Mapping[str, Mapping[int, tuple[str, ...]]] = field(default_factory=dict)
    rescales: bool = False

    def and_also(self, kind: str, row: int, op: str) -> "Left":
        """The same with one more operation."""
        rows = self.operations.get(kind, {})
        more = {**rows, row: (*rows.get(row, ()), op)}
        return replace(self, operations={**self.operations, kind: more})

    def staying(self, cell: RelaxedCell) -> tuple[tuple[int, ...], ...]:
        """For every edge of a kind of cells the columns of the operations that it still has."""
        rows = self.operations.get(cell.kind, {})
        return tuple(
            tuple(column for column in columns if cell.ops[column] not in rows.get(row, ()))
            for row, columns in enumerate(cell.live_columns)
        )

    def thin(self, gates: Tensor, stays: Tensor) -> Tensor:
        """The gates without the operations that have left.

        Args:
            gates: (edges, operations).
            stays: which operations stay, (edges, operations), bool.
        """
        kept = torch.where(stays, gates, 0.0)
        if not self.rescales:
            return kept
        return kept / kept.sum(dim=-1, keepdim=True).clamp_min(torch.finfo(gates.dtype).tiny)

    def to_json(self) -> dict[str, Any]:
        """As plain data, for a checkpoint."""
        rows = {kind: {row: list(names) for row, names in own.items()} for kind, own in self.operations.items()}
        return {"operations": rows, "rescales": self.rescales}

    @classmethod
    def of_json(cls, saved: Mapping[str, Any]) -> "Left":
        """What `to_json` gave."""
        rows = {
            kind: {int(row): tuple(names) for row, names in own.items()} for kind, own in saved["operations"].items()
        }
        return cls(rows, saved["rescales"])
