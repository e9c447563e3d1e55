"""Deterministic relaxations: softmaxes, sigmoids, and alphas that are shares themselves."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Literal

import torch
from torch import Tensor
from typing_extensions import override

from dartboard.parts.demands import Slots
from dartboard.parts.relaxation.protocol import Deterministic, RelaxedCell, SmallStart
from dartboard.parts.relaxation.shares import grown_shares
from dartboard.space import CellGenotype, SearchSpace, has_weights

__all__ = [
    "GroupSoftmax",
    "NodeSoftmax",
    "Sigmoid",
    "Simplex",
    "Softmax",
    "UniformShares",
    "live_softmax",
    "operation_groups",
]


def live_softmax(alpha: Tensor, cell: RelaxedCell, members: Tensor | None = None) -> Tensor:
    """softmax(alpha / temperature) over the live operations of each edge, (edges, operations); all other gates are 0.

    Args:
        alpha: (edges, operations).
        cell: knows the live operations and the temperature.
        members: which operations take part, (operations,) or (edges, operations), bool; None: all.
    """
    if cell.is_whole and members is None:
        return _cooled(alpha, cell).softmax(dim=-1)
    live = cell.live if members is None else cell.live & members
    return _masked(_cooled(alpha, cell), live).softmax(dim=-1) * live


def _cooled(alpha: Tensor, cell: RelaxedCell) -> Tensor:
    return alpha if cell.temperature == 1.0 else alpha / cell.temperature


def _masked(logits: Tensor, live: Tensor) -> Tensor:
    # The lowest finite number instead of -inf: where nothing is live, a softmax must not become NaN.
    return logits.masked_fill(~live, torch.finfo(logits.dtype).min)


@dataclass(frozen=True)
class Softmax(SmallStart, Deterministic):
    """A softmax over the operations of each edge (DARTS, arXiv:1806.09055, eq. 2).

    Attributes:
        coldness: multiplies alpha; the temperature divides it too.
    """

    coldness: float = 1.0
    sums_to_one = True

    @override
    def mean_gates(self, alpha: Tensor, cell: RelaxedCell) -> Tensor:
        """softmax(coldness * alpha / temperature) over the live operations of each edge, (edges, operations)."""
        return live_softmax(alpha if self.coldness == 1.0 else self.coldness * alpha, cell)

    @override
    def lean(self, alpha: Tensor, cell: RelaxedCell, discrete: CellGenotype, lead: float) -> Tensor:
        return super().lean(alpha, cell, discrete, lead / self.coldness)


@dataclass(frozen=True)
class NodeSoftmax(SmallStart, Deterministic):
    """One softmax over all operations of all edges into a node, so that the edges compete too (I-DARTS).

    Paper: Jiang, Hu, Xiao, Zhang and Zhu, "Improved Differentiable Architecture Search for Language Modeling and Named
    Entity Recognition", 2019.
    """

    sums_to_one = False

    @override
    def mean_gates(self, alpha: Tensor, cell: RelaxedCell) -> Tensor:
        """One softmax for every node, (edges, operations)."""
        logits = _cooled(alpha, cell)
        if not cell.is_whole:
            logits = _masked(logits, cell.live)
        parts = torch.split(logits, [len(rows) for rows in cell.incoming])
        gates = torch.cat([part.flatten().softmax(dim=0).view_as(part) for part in parts])
        return gates if cell.is_whole else gates * cell.live


@dataclass(frozen=True)
class Sigmoid(Deterministic):
    """An independent sigmoid for every operation (Fair DARTS, arXiv:1911.12126; Single-DARTS, arXiv:2108.08128).

    Attributes:
        start: "half" starts every gate at 1/2, with alpha 0 (Fair DARTS). "share" starts every gate at 1/n on an edge
            of n operations, with alpha -ln(n - 1), so that the gates of an edge sum to one at the start (Single-DARTS
            names -ln 7 for its eight operations). The only operation of an edge starts at 1/2 in both forms, as no
            finite alpha gives 1. "ln7" starts every gate at 1/8, with alpha -ln 7, however many there are.
    """

    start: Literal["half", "share", "ln7"] = "half"
    sums_to_one = False

    @override
    def initial_alpha(self, cell: RelaxedCell, generator: torch.Generator) -> Tensor:
        """The same number for all operations of an edge."""
        alpha = torch.zeros(cell.live.shape)
        if self.start == "half":
            return alpha
        if self.start == "ln7":
            return alpha - math.log(7)
        others = cell.live.sum(dim=1, keepdim=True).cpu() - 1
        return alpha - others.clamp(min=1).log()

    @override
    def mean_gates(self, alpha: Tensor, cell: RelaxedCell) -> Tensor:
        """sigmoid(alpha), (edges, operations); 0 for operations that an edge lacks."""
        return alpha.sigmoid() * cell.live


@dataclass(frozen=True)
class Simplex(Deterministic):
    """The gates of an edge are its alphas, a distribution over its operations (GAEA, arXiv:2004.07802).

    The recipe needs an update that keeps alpha a distribution: `ExponentiatedUpdate`.
    """

    sums_to_one = True
    on_simplex = True

    @override
    def initial_alpha(self, cell: RelaxedCell, generator: torch.Generator) -> Tensor:
        """Equal shares for the operations of an edge."""
        live = cell.live.cpu().float()
        return live / live.sum(dim=1, keepdim=True).clamp(min=1)

    @override
    def lean(self, alpha: Tensor, cell: RelaxedCell, discrete: CellGenotype, lead: float) -> Tensor:
        return grown_shares(alpha, lead * cell.marked(cell.columns_of(discrete)).cpu())

    @override
    def mean_gates(self, alpha: Tensor, cell: RelaxedCell) -> Tensor:
        """Alpha, (edges, operations); 0 for operations that an edge lacks."""
        return alpha * cell.live


@dataclass(frozen=True)
class UniformShares(Deterministic):
    """Equal gates for all operations of an edge, whatever alpha is (IS-DARTS, arXiv:2312.12648).

    The gate of an operation is one over the number that the edge has had from the start, so that it stays the same when
    others leave the search.
    """

    sums_to_one = True

    @override
    def initial_alpha(self, cell: RelaxedCell, generator: torch.Generator) -> Tensor:
        """Zeros; they mean nothing."""
        return torch.zeros(cell.live.shape)

    @override
    def mean_gates(self, alpha: Tensor, cell: RelaxedCell) -> Tensor:
        """One share for each operation of an edge, (edges, operations)."""
        live = cell.live.to(alpha.dtype)
        return live / live.sum(dim=1, keepdim=True).clamp(min=1)

    def refuse_recipe(self, recipe: Slots) -> str:
        """Refuse a gradient, as no alpha is there to learn."""
        if recipe.gradient is None:
            return ""
        return "UniformShares has the same gates at every alpha, so that there is nothing for a gradient to move"


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

    If an edge has operations of both groups, its gates sum to 2. If it has none of a group, all gates of that group are
    0. Source: DOTS (arXiv:2010.00969).
    """

    sums_to_one = False

    @override
    def initial_alpha(self, cell: RelaxedCell, generator: torch.Generator) -> Tensor:
        """Zeros, as in the authors' code."""
        return torch.zeros(cell.live.shape)

    @override
    def mean_gates(self, alpha: Tensor, cell: RelaxedCell) -> Tensor:
        """One softmax for each group, (edges, operations)."""
        free, weighted = (live_softmax(alpha, cell, members) for members in _members(cell.ops, cell.live.device))
        return free + weighted

    def refuse(self, space: SearchSpace) -> str:
        """Refuse spaces that have only operations with weights, or only operations without."""
        if all(operation_groups(space.ops)):
            return ""
        return (
            "operations with weights and operations without weights are searched in two separate groups, and "
            f"'{space.name}' has operations of one group only"
        )


@cache
def _members(ops: Sequence[str], device: torch.device) -> tuple[Tensor, ...]:
    """For every group which columns belong to it, (operations,), bool; cached, so that no step waits for a copy."""
    return tuple(
        torch.tensor([column in columns for column in range(len(ops))], device=device)
        for columns in operation_groups(ops)
    )
