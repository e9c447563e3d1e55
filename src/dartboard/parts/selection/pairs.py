"""The strongest pairs of predecessor and operation."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from dartboard.parts.selection.protocol import make_genotype
from dartboard.parts.selection.strongest import weighted_gates
from dartboard.space import Choice, Genotype, SearchSpace

__all__ = ["StrongestPairs"]


@dataclass(frozen=True)
class StrongestPairs:
    """Per node the largest gates of all its edges, as many as the space keeps edges; two may share a predecessor.

    `none` is never taken; ties go to the lower predecessor, then to the lower operation. Makes sense where the gates of
    a node's edges can be compared (`NodeSoftmax`). Source: I-DARTS (Jiang et al. 2019), whose paper does not say how
    many pairs a node of an image cell keeps.
    """

    def __call__(self, space: SearchSpace, gates: Mapping[str, Tensor], generator: torch.Generator) -> Genotype:  # noqa: ARG002
        """See the class."""
        return make_genotype(
            space, {kind: self._cell(space, kind, weighted_gates(gates, kind)) for kind in space.cell_kinds}
        )

    def refuse(self, space: SearchSpace) -> str:
        """The space must drop edges."""
        if space.cell.edges_per_node is not None:
            return ""
        return "StrongestPairs drops the weaker edges of a node, and this space keeps every edge"

    def _cell(self, space: SearchSpace, kind: str, gates: Tensor) -> list[Choice]:
        choices = []
        for node in space.cell.nodes:
            pairs = [(row, column) for row in space.cell.incoming(node) for column in space.selectable_on(kind, row)]
            ranked = sorted(pairs, key=lambda pair: -float(gates[pair]))
            for row, column in sorted(ranked[: space.cell.edges_per_node]):
                choices.append(Choice(node, space.cell.edges[row].source, space.ops[column]))
        return choices
