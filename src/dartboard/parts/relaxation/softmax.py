"""Operations that share one: softmax relaxations."""

from dataclasses import dataclass

import torch
from torch import Tensor

from dartboard.parts.relaxation.protocol import Deterministic, RelaxedCell, SmallStart

__all__ = ["EdgeSoftmax", "NodeSoftmax", "Softmax", "live_softmax"]


def live_softmax(alpha: Tensor, cell: RelaxedCell, members: Tensor | None = None) -> Tensor:
    """softmax(alpha / temperature) over the live operations of each edge; 0 elsewhere, and on edges without any.

    Args:
        alpha: (edges, operations).
        cell: which of them are live, and the temperature.
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
        coldness: multiplies alpha, on top of what the temperature does.
    """

    coldness: float = 1.0
    sums_to_one = True
    on_simplex = False

    def mean_gates(self, alpha: Tensor, cell: RelaxedCell) -> Tensor:
        """softmax(alpha) along each row."""
        return live_softmax(alpha if self.coldness == 1.0 else self.coldness * alpha, cell)


@dataclass(frozen=True)
class NodeSoftmax(SmallStart, Deterministic):
    """One softmax over all operations of all edges into a node, so that edges compete too (I-DARTS).

    Paper: Jiang, Hu, Xiao, Zhang and Zhu, "Improved Differentiable Architecture Search for Language Modeling and Named
    Entity Recognition", 2019.
    """

    sums_to_one = False
    on_simplex = False

    def mean_gates(self, alpha: Tensor, cell: RelaxedCell) -> Tensor:
        """One softmax for every node."""
        logits = _cooled(alpha, cell)
        if not cell.is_whole:
            logits = _masked(logits, cell.live)
        parts = torch.split(logits, [len(rows) for rows in cell.incoming])
        gates = torch.cat([part.flatten().softmax(dim=0).view_as(part) for part in parts])
        return gates if cell.is_whole else gates * cell.live


@dataclass(frozen=True)
class EdgeSoftmax(Deterministic):
    """For the slot `edges`: a softmax over the edges into each node (PC-DARTS, arXiv:1907.05737, eq. 4).

    Attributes:
        initial_scale: standard deviation of the start values; 1e-3 in the authors' code.
    """

    initial_scale: float = 1e-3
    sums_to_one = True
    on_simplex = False

    def initial_alpha(self, cell: RelaxedCell, generator: torch.Generator) -> Tensor:
        """Small normal numbers, (edges,)."""
        return self.initial_scale * torch.randn(len(cell.topology.edges), generator=generator)

    def mean_gates(self, alpha: Tensor, cell: RelaxedCell) -> Tensor:
        """One softmax for every node, (edges,)."""
        # Edges are ordered by target node, so the nodes' parts follow one another.
        parts = torch.split(alpha, [len(rows) for rows in cell.incoming])
        return torch.cat([part.softmax(dim=0) for part in parts])
