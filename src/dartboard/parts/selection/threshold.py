"""Selections that keep a varying number of operations: by a threshold, or by the largest gate of every edge."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

import torch
from torch import Tensor
from typing_extensions import override

from dartboard.parts.selection.protocol import Selection, make_genotype
from dartboard.parts.selection.strongest import StrongestEdges, weighted_gates
from dartboard.space import Choice, Genotype, SearchSpace
from dartboard.space.topology import stage_lengths

__all__ = ["EveryEdge", "Threshold"]

_OPS_PER_EDGE = 2


@dataclass(frozen=True)
class Threshold(Selection):
    """The operations with gates that reach a threshold; nodes that keep no operation are removed (Fair DARTS).

    "sparse" looks at the strongest edges of a node, as many as the space keeps, and takes the best operation of each
    edge if its gate reaches the threshold: 0 to 2 operations per node in DARTS. "edge" looks at all edges, and takes
    those of the two best operations of each edge that reach the threshold. `none` is never taken. The edges that leave
    a removed node are dropped too, and then further nodes may have to be removed. A cell that would lose all nodes
    keeps the best operation of the best edge from its inputs. The output joins the nodes that are left.

    In spaces that keep every edge nothing can be dropped. There every edge takes the operation with its largest gate,
    as in `StrongestEdges`; only in layer-wise spaces, a block in which no gate reaches the threshold is left out where
    it can be, by `skip_connect`. Operations that the method leaves out have gates of 0 and are not taken.

    Paper: arXiv:1911.12126, with the two forms of the authors' code. That code fails where this selection removes nodes
    repeatedly.

    Attributes:
        least: the threshold; 0.85 in the paper.
        form: which operations are looked at, "sparse" or "edge".
    """

    least: float = 0.85
    form: Literal["sparse", "edge"] = "sparse"

    @override
    def __call__(self, space: SearchSpace, gates: Mapping[str, Tensor], generator: torch.Generator) -> Genotype:
        if space.cell.edges_per_node is None:
            strongest = StrongestEdges()(space, gates, generator)
            return self._without_weak_blocks(space, gates, strongest) if stage_lengths(space.cell_kinds) else strongest
        return make_genotype(
            space, {kind: self._cell(space, kind, weighted_gates(gates, kind)) for kind in space.cell_kinds}
        )

    def admitted(self, space: SearchSpace, gates: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Cell kind -> which operations reach the threshold, (edges, operations), bool; all where edges must stay."""
        drops = space.cell.edges_per_node is not None or bool(stage_lengths(space.cell_kinds))
        bar = self.least if drops else 0.0
        return {kind: weighted_gates(gates, kind) >= bar for kind in space.cell_kinds}

    def _without_weak_blocks(self, space: SearchSpace, gates: Mapping[str, Tensor], found: Genotype) -> Genotype:
        """The architecture, without the blocks in which no gate reaches the threshold and that can be left out."""
        choices = {}
        for kind, cell in found.cells:
            (choice,) = cell.choices
            gate, _ = _ranked(space, kind, weighted_gates(gates, kind), 0)[0]
            skips = "skip_connect" in space.ops_on(kind, 0) and gates[kind][0, space.ops.index("skip_connect")] > 0
            is_weak = gate < self.least and skips
            choices[kind] = [replace(choice, op="skip_connect") if is_weak else choice]
        return make_genotype(space, choices)

    def _cell(self, space: SearchSpace, kind: str, gates: Tensor) -> list[Choice]:
        edges = [_ranked(space, kind, gates, row) for row in range(len(space.cell.edges))]
        kept = []
        for node in space.cell.nodes:
            rows = space.cell.incoming(node)
            if self.form == "sparse":
                strongest = sorted(rows, key=lambda row: (-edges[row][0][0], row))[: space.cell.edges_per_node]
                candidates = [edges[row][0] for row in sorted(strongest)]
            else:
                candidates = [found for row in rows for found in edges[row][:_OPS_PER_EDGE]]
            kept += [choice for gate, choice in candidates if gate >= self.least]
        from_inputs = [edges[row][0] for row, edge in enumerate(space.cell.edges) if edge.source in _inputs(space)]
        return _rooted(space, kept) or [max(from_inputs, key=lambda found: found[0])[1]]


def _ranked(space: SearchSpace, kind: str, gates: Tensor, row: int) -> list[tuple[float, Choice]]:
    """Gates and choices of an edge, the strongest first; among equals the first operation."""
    edge = space.cell.edges[row]
    found = [
        (float(gates[row, column]), Choice(edge.target, edge.source, space.ops[column]))
        for column in space.selectable_on(kind, row)
    ]
    return sorted(found, key=lambda pair: -pair[0])


def _rooted(space: SearchSpace, choices: list[Choice]) -> list[Choice]:
    """The choices that start at an input, or at a node that itself receives a kept choice.

    The choices must be ordered by their target nodes.
    """
    present, rooted = set(_inputs(space)), []
    for choice in choices:
        if choice.source in present:
            present.add(choice.target)
            rooted.append(choice)
    return rooted


def _inputs(space: SearchSpace) -> range:
    return range(space.cell.num_inputs)


@dataclass(frozen=True)
class EveryEdge(Selection):
    """On every edge the operation with the largest gate; edges that take `none` are dropped (SNAS).

    A node may keep any number of edges; nodes that keep no edge are removed. `StrongestEdges` chooses a cell that would
    lose all nodes. It also chooses all cells of a space that keeps every edge, where `none` is an operation like the
    others.

    Paper: arXiv:1812.09926, section 2.1.
    """

    @override
    def __call__(self, space: SearchSpace, gates: Mapping[str, Tensor], generator: torch.Generator) -> Genotype:
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
        return _rooted(space, taken)
