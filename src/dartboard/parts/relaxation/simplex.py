"""Alphas that are shares themselves: no function between them and the gates."""

from dataclasses import dataclass

import torch
from torch import Tensor

from dartboard.parts.relaxation.protocol import Deterministic, RelaxedCell

__all__ = ["EdgeSimplex", "Simplex"]


@dataclass(frozen=True)
class Simplex(Deterministic):
    """The gates of an edge are its alphas, a distribution over its operations (GAEA, arXiv:2004.07802).

    Only an update that keeps them a distribution fits: `ExponentiatedUpdate`.
    """

    sums_to_one = True
    on_simplex = True

    def initial_alpha(self, cell: RelaxedCell, generator: torch.Generator) -> Tensor:  # noqa: ARG002 - no draw
        """Equal shares for the operations of an edge."""
        live = cell.live.cpu().float()
        return live / live.sum(dim=1, keepdim=True).clamp(min=1)

    def mean_gates(self, alpha: Tensor, cell: RelaxedCell) -> Tensor:
        """Alpha, 0 for operations that an edge does not have."""
        return alpha * cell.live


@dataclass(frozen=True)
class EdgeSimplex(Deterministic):
    """For the slot `edges`: the weights of the edges into a node are their alphas (GAEA, arXiv:2004.07802)."""

    sums_to_one = True
    on_simplex = True

    def initial_alpha(self, cell: RelaxedCell, generator: torch.Generator) -> Tensor:  # noqa: ARG002 - no draw
        """Equal shares for the edges into a node, (edges,)."""
        return torch.cat([torch.full((len(rows),), 1 / len(rows)) for rows in cell.incoming])

    def mean_gates(self, alpha: Tensor, cell: RelaxedCell) -> Tensor:  # noqa: ARG002 - every edge has a weight
        """Alpha, (edges,)."""
        return alpha.clone()
