"""The strongest pair of edges into every node."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from dartboard.parts.relaxation import edge_sets
from dartboard.parts.selection.protocol import make_genotype
from dartboard.parts.selection.strongest import strongest_ops
from dartboard.space import Choice, Genotype, SearchSpace

__all__ = ["StrongestEdgePairs"]


@dataclass(frozen=True)
class StrongestEdgePairs:
    """Into every node the pair of edges with the largest share; on each the operation with the largest gate, not none.

    Needs a relaxation of edges that has shares of sets (`PairSoftmax`). Ties go to the first. Source: DOTS
    (arXiv:2010.00969).
    """

    def __call__(self, space: SearchSpace, gates: Mapping[str, Tensor], generator: torch.Generator) -> Genotype:  # noqa: ARG002
        """See the class."""
        return make_genotype(
            space, {kind: self._cell(space, kind, gates[kind], gates[f"{kind}.sets"]) for kind in space.cell_kinds}
        )

    def _cell(self, space: SearchSpace, kind: str, gates: Tensor, shares: Tensor) -> list[Choice]:
        best = strongest_ops(space, kind, gates)
        sets = edge_sets(space.cell)
        choices = []
        for of_node, own in zip(sets, torch.split(shares, [len(of_node) for of_node in sets]), strict=True):
            for row in of_node[own.tolist().index(max(own.tolist()))]:
                edge = space.cell.edges[row]
                choices.append(Choice(edge.target, edge.source, space.ops[best[row]]))
        return choices
