"""Operations that compete with their like: one softmax for every group."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor

from dartboard.parts.relaxation.protocol import Deterministic, RelaxedCell
from dartboard.parts.relaxation.softmax import live_softmax
from dartboard.space import SearchSpace, has_weights

__all__ = ["GroupSoftmax", "operation_groups"]


@cache
def operation_groups(ops: Sequence[str]) -> tuple[tuple[int, ...], ...]:
    """The columns of the operations without weights, and those of the operations with weights.

    >>> operation_groups(("none", "nor_conv_3x3", "skip_connect"))
    ((0, 2), (1,))
    """
    return tuple(
        tuple(column for column, name in enumerate(ops) if has_weights(name) == weighted) for weighted in (False, True)
    )


@dataclass(frozen=True)
class GroupSoftmax(Deterministic):
    """Two softmaxes on each edge: over its operations without weights, and over those with weights.

    An edge that has operations of both kinds has gates that sum to 2; of a kind that it does not have, no gate is above
    0. Source: DOTS (arXiv:2010.00969).
    """

    sums_to_one = False
    on_simplex = False

    def initial_alpha(self, cell: RelaxedCell, generator: torch.Generator) -> Tensor:  # noqa: ARG002 - no draw
        """Zeros, as in the authors' code."""
        return torch.zeros(cell.live.shape)

    def mean_gates(self, alpha: Tensor, cell: RelaxedCell) -> Tensor:
        """One softmax for each group, (edges, operations)."""
        free, weighted = (live_softmax(alpha, cell, members) for members in _members(cell.ops, cell.live.device))
        return free + weighted

    def refuse(self, space: SearchSpace) -> str:
        """Spaces whose operations are all of one kind."""
        if all(operation_groups(space.ops)):
            return ""
        return (
            "operations with weights and operations without are searched in groups of their own, and "
            f"'{space.name}' has only one of these kinds"
        )


@cache
def _members(ops: Sequence[str], device: torch.device) -> tuple[Tensor, ...]:
    """For every group which columns belong to it, (operations,), bool; kept, so that no step waits for a copy."""
    return tuple(
        torch.tensor([column in columns for column in range(len(ops))], device=device)
        for columns in operation_groups(ops)
    )
