"""Every edge by itself."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from dartboard.parts.selection.protocol import make_genotype
from dartboard.parts.selection.strongest import StrongestEdges, weighted_gates
from dartboard.parts.selection.threshold import rooted
from dartboard.space import Choice, Genotype, SearchSpace

__all__ = ["EveryEdge"]


@dataclass(frozen=True)
class EveryEdge:
    """Every edge takes its largest gate, and those that take `none` are dropped, however many a node keeps (SNAS).

    Nodes that keep nothing leave the cell. A cell that would lose all nodes is chosen by `StrongestEdges`, as are those
    of spaces that keep every edge, where `none` is a choice like any other.

    Paper: arXiv:1812.09926, section 2.1.
    """

    def __call__(self, space: SearchSpace, gates: Mapping[str, Tensor], generator: torch.Generator) -> Genotype:
        """See the class."""
        strongest = StrongestEdges()(space, gates, generator)
        if space.cell.edges_per_node is None:
            return strongest
        found = {kind: self._cell(space, kind, weighted_gates(gates, kind)) for kind in space.cell_kinds}
        kept = {kind: choices or list(strongest[kind].choices) for kind, choices in found.items()}
        return make_genotype(space, kept)

    def _cell(self, space: SearchSpace, kind: str, gates: Tensor) -> list[Choice]:
        own = [[name in space.ops_on(kind, row) for name in space.ops] for row in range(len(space.cell.edges))]
        shown = gates.masked_fill(~torch.tensor(own), -1.0)
        chosen = [row.index(max(row)) for row in shown.tolist()]
        taken = [
            Choice(edge.target, edge.source, space.ops[column])
            for edge, column in zip(space.cell.edges, chosen, strict=True)
            if space.ops[column] != "none"
        ]
        return rooted(space, taken)
