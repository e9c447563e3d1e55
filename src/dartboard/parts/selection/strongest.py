"""Selections of the strongest operations on the strongest edges; methods differ in how they compare edges."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor
from typing_extensions import override

from dartboard.parts.demands import Slots
from dartboard.parts.relaxation import Dirichlet, PairSoftmax, edge_sets
from dartboard.parts.selection.protocol import Selection, make_genotype
from dartboard.space import Choice, Genotype, SearchSpace

__all__ = [
    "SkipCap",
    "StrongestEdgePairs",
    "StrongestEdges",
    "StrongestPairs",
    "StrongestRemaining",
    "StrongestSoftmax",
    "strongest_choices",
    "weighted_gates",
]

_SKIP = "skip_connect"


@dataclass(frozen=True)
class StrongestEdges(Selection):
    """On every edge the operation with the largest gate; per node as many of the strongest edges as the space keeps.

    In spaces that drop edges, `none` is never taken, and the strength of an edge is the gate of its best other
    operation. In spaces that keep all edges, the largest gate wins, `none` included. Ties go to the lower index. If
    edges have weights, these multiply the gates. Source: DARTS (arXiv:1806.09055, section 2.4), NAS-Bench-201
    (arXiv:2001.00326), PC-DARTS (arXiv:1907.05737, section 3.2).
    """

    @override
    def __call__(self, space: SearchSpace, gates: Mapping[str, Tensor], generator: torch.Generator) -> Genotype:
        return make_genotype(
            space, {kind: strongest_choices(space, kind, weighted_gates(gates, kind)) for kind in space.cell_kinds}
        )


@dataclass(frozen=True)
class StrongestSoftmax(Selection):
    """`StrongestEdges` by softmax(alpha) in place of the mean gates (DrNAS, arXiv:2006.10355, the authors' code).

    Both order the operations of an edge alike, but edges may rank differently. The recipe needs `Dirichlet`, whose mean
    gates are not softmax(alpha).
    """

    def refuse_recipe(self, recipe: Slots) -> str:
        """Refuse relaxations other than `Dirichlet`."""
        if isinstance(recipe.relaxation, Dirichlet):
            return ""
        return "StrongestSoftmax reads the softmax beside the gates of Dirichlet, and the recipe has no such gates"

    @override
    def __call__(self, space: SearchSpace, gates: Mapping[str, Tensor], generator: torch.Generator) -> Genotype:
        softmaxes = {kind: gates[f"{kind}.softmax"] for kind in space.cell_kinds}
        return StrongestEdges()(space, {**gates, **softmaxes}, generator)


def strongest_choices(space: SearchSpace, kind: str, gates: Tensor) -> list[Choice]:
    """The choices of `StrongestEdges` for a kind of cells; gates are (edges, operations), on the CPU."""
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
    """The gates of a kind of cells, times the weights of the edges if there are any, (edges, operations)."""
    weights = gates.get(f"{kind}.edges")
    return gates[kind] if weights is None else weights[:, None] * gates[kind]


@dataclass(frozen=True)
class SkipCap(Selection):
    """`StrongestEdges`, with at most `most` skip connections in every cell but reduction cells.

    If a cell has more, its weakest skip connection is excluded and the cell is chosen again. Another edge may then be
    kept with a skip connection of its own, so this repeats until the cell has few enough. Source: P-DARTS
    (arXiv:1904.12760, section 3.3) and the authors' code, which has normal and reduction cells only. In a space with
    one kind of cells, that kind is capped.

    Attributes:
        most: largest number of skip connections in a cell; 2 in the paper.
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
            if gates[weakest, column] < 0:  # excluded already, so these edges have no other operation
                return choices
            gates[weakest, column] = -1.0


@dataclass(frozen=True)
class StrongestPairs(Selection):
    """Per node the pairs of edge and operation with the largest gates, as many as the space keeps edges.

    Two pairs may have the same predecessor. `none` is never taken. Ties go to the lower predecessor, then to the lower
    operation. The selection suits a relaxation that makes the gates of different edges comparable (`NodeSoftmax`).
    Source: I-DARTS (Jiang et al. 2019); the paper does not say how many pairs a node of an image cell keeps.
    """

    @override
    def __call__(self, space: SearchSpace, gates: Mapping[str, Tensor], generator: torch.Generator) -> Genotype:
        return make_genotype(
            space, {kind: self._cell(space, kind, weighted_gates(gates, kind)) for kind in space.cell_kinds}
        )

    def refuse(self, space: SearchSpace) -> str:
        """Refuse spaces that keep every edge."""
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
class StrongestRemaining(Selection):
    """What rules have left of the supernet: `StrongestPairs` in spaces that drop edges, else `StrongestEdges`.

    Before operations have left, their gates are equal, and the first are taken. Source: IS-DARTS (arXiv:2312.12648).
    """

    @override
    def __call__(self, space: SearchSpace, gates: Mapping[str, Tensor], generator: torch.Generator) -> Genotype:
        selection = StrongestEdges() if space.cell.edges_per_node is None else StrongestPairs()
        return selection(space, gates, generator)


@dataclass(frozen=True)
class StrongestEdgePairs(Selection):
    """Into every node the pair of edges with the largest share; on each edge the operation with the largest gate.

    `none` is never taken. Ties go to the first. The recipe must have `PairSoftmax` in the slot `edges`, which gives
    sets of edges their shares. Source: DOTS (arXiv:2010.00969).
    """

    def refuse_recipe(self, recipe: Slots) -> str:
        """Refuse recipes without `PairSoftmax` in the slot `edges`."""
        if isinstance(recipe.edges, PairSoftmax):
            return ""
        return (
            "StrongestEdgePairs reads the shares of sets of edges, and the recipe has no such shares; put PairSoftmax "
            "into the slot edges, or take another selection"
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
