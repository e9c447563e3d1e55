"""The strongest operations on the strongest edges, with the rules by which methods differ."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor
from typing_extensions import override

from dartboard.parts.demands import Slots
from dartboard.parts.relaxation import PairSoftmax, edge_sets
from dartboard.parts.selection.protocol import Selection, make_genotype
from dartboard.space import Choice, Genotype, SearchSpace

__all__ = [
    "SkipCap",
    "StrongestEdgePairs",
    "StrongestEdges",
    "StrongestPairs",
    "strongest_choices",
    "weighted_gates",
]

_SKIP = "skip_connect"


@dataclass(frozen=True)
class StrongestEdges(Selection):
    """On every edge the operation with the largest gate; per node the strongest edges that the space lets it keep.

    Spaces that keep two edges per node never take `none` and rank an edge by its best other operation; spaces that
    keep all edges take the largest gate, `none` included. Ties go to the lower index. Where edges have weights, they
    multiply the gates. Source: DARTS (arXiv:1806.09055, section 2.4), NAS-Bench-201 (arXiv:2001.00326), PC-DARTS
    (arXiv:1907.05737, section 3.2).
    """

    @override
    def __call__(self, space: SearchSpace, gates: Mapping[str, Tensor], generator: torch.Generator) -> Genotype:
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


@dataclass(frozen=True)
class SkipCap(Selection):
    """`StrongestEdges`, with at most so many skip connections in every cell but reduction cells.

    While there are more, the weakest of them is taken out of the competition and the cell is chosen anew; taking one
    out may let another edge in with a skip connection of its own, so all are counted again. Source: P-DARTS
    (arXiv:1904.12760, section 3.3) as in the authors' code, which knows normal and reduction cells alone; in spaces of
    one kind of cells that kind is capped.

    Attributes:
        most: skip connections that a cell may have; 2 in the paper.
    """

    most: int = 2

    @override
    def __call__(self, space: SearchSpace, gates: Mapping[str, Tensor], generator: torch.Generator) -> Genotype:
        cells = {}
        for kind in space.cell_kinds:
            own = weighted_gates(gates, kind)
            cells[kind] = strongest_choices(space, kind, own) if kind == "reduce" else self._capped(space, kind, own)
        return make_genotype(space, cells)

    def _capped(self, space: SearchSpace, kind: str, gates: Tensor) -> list[Choice]:
        gates = gates.clone()
        while True:
            choices = strongest_choices(space, kind, gates)
            skips = [space.cell.row(choice.target, choice.source) for choice in choices if choice.op == _SKIP]
            if len(skips) <= self.most:
                return choices
            column = space.ops.index(_SKIP)
            weakest = min(skips, key=lambda row: float(gates[row, column]))
            if gates[weakest, column] < 0:  # out of the competition already: the edges have nothing else
                return choices
            gates[weakest, column] = -1.0


@dataclass(frozen=True)
class StrongestPairs(Selection):
    """Per node the largest gates of all its edges, as many as the space keeps edges; two may share a predecessor.

    `none` is never taken; ties go to the lower predecessor, then to the lower operation. Makes sense where the gates of
    a node's edges can be compared (`NodeSoftmax`). Source: I-DARTS (Jiang et al. 2019), whose paper does not say how
    many pairs a node of an image cell keeps.
    """

    @override
    def __call__(self, space: SearchSpace, gates: Mapping[str, Tensor], generator: torch.Generator) -> Genotype:
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


@dataclass(frozen=True)
class StrongestEdgePairs(Selection):
    """Into every node the pair of edges with the largest share; on each the operation with the largest gate, not none.

    Needs a relaxation of edges that has shares of sets (`PairSoftmax`). Ties go to the first. Source: DOTS
    (arXiv:2010.00969).
    """

    def refuse_recipe(self, recipe: Slots) -> str:
        """Something must weigh sets of edges."""
        if isinstance(recipe.edges, PairSoftmax):
            return ""
        return (
            "StrongestEdgePairs looks at the shares of sets of edges, and nothing weighs sets; put PairSoftmax into "
            "the slot edges, or take another selection"
        )

    @override
    def __call__(self, space: SearchSpace, gates: Mapping[str, Tensor], generator: torch.Generator) -> Genotype:
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
