"""The strongest operations on the strongest edges."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from dartboard.parts.selection.protocol import make_genotype
from dartboard.space import Choice, Genotype, SearchSpace

__all__ = ["StrongestEdges", "strongest_choices", "strongest_ops", "weighted_gates"]


@dataclass(frozen=True)
class StrongestEdges:
    """On every edge the operation with the largest gate; per node the strongest edges that the space lets it keep.

    Spaces that keep two edges per node never take `none` and rank an edge by its best other operation; spaces that
    keep all edges take the largest gate, `none` included. Ties go to the lower index. Where edges have weights, they
    multiply the gates. Source: DARTS (arXiv:1806.09055, section 2.4), NAS-Bench-201 (arXiv:2001.00326), PC-DARTS
    (arXiv:1907.05737, section 3.2).
    """

    def __call__(self, space: SearchSpace, gates: Mapping[str, Tensor], generator: torch.Generator) -> Genotype:  # noqa: ARG002
        """See the class."""
        return make_genotype(
            space, {kind: strongest_choices(space, kind, weighted_gates(gates, kind)) for kind in space.cell_kinds}
        )


def strongest_choices(space: SearchSpace, kind: str, gates: Tensor) -> list[Choice]:
    """What `StrongestEdges` keeps of a kind of cells; gates are (edges, operations), on the CPU."""
    best = strongest_ops(space, kind, gates)
    choices = []
    for node in space.cell.nodes:
        rows = space.cell.incoming(node)
        ranked = sorted(rows, key=lambda row: (-float(gates[row, best[row]]), row))
        for row in sorted(ranked[: space.cell.edges_per_node]):
            choices.append(Choice(node, space.cell.edges[row].source, space.ops[best[row]]))
    return choices


def strongest_ops(space: SearchSpace, kind: str, gates: Tensor) -> list[int]:
    """For every edge the column of its strongest operation that a discrete cell may take; among equals the first."""
    return [
        max(space.selectable_on(kind, row), key=lambda column: own[column]) for row, own in enumerate(gates.tolist())
    ]


def weighted_gates(gates: Mapping[str, Tensor], kind: str) -> Tensor:
    """The gates of the operations of a kind of cells, times the weights of their edges where there are any."""
    weights = gates.get(f"{kind}.edges")
    return gates[kind] if weights is None else weights[:, None] * gates[kind]
