"""Weights of edges, for the slot `edges`: a softmax over the edges into a node, alphas as shares, or edge pairs."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from itertools import combinations

import torch
from torch import Tensor
from typing_extensions import override

from dartboard.parts.relaxation.protocol import Cells, Deterministic, RelaxedCell
from dartboard.parts.relaxation.shares import grown_shares
from dartboard.space import CellGenotype, CellTopology, SearchSpace

__all__ = ["EdgeSimplex", "EdgeSoftmax", "PairSoftmax", "edge_sets"]


@dataclass(frozen=True)
class EdgeSoftmax(Deterministic):
    """For the slot `edges`: a softmax over the edges into each node (PC-DARTS, arXiv:1907.05737, eq. 4).

    Attributes:
        initial_scale: standard deviation of the start values; 1e-3 in the authors' code.
    """

    initial_scale: float = 1e-3
    sums_to_one = True

    @override
    def initial_alpha(self, cell: RelaxedCell, generator: torch.Generator) -> Tensor:
        """Small normal numbers, (edges,)."""
        return self.initial_scale * torch.randn(len(cell.topology.edges), generator=generator)

    @override
    def lean(self, alpha: Tensor, cell: RelaxedCell, discrete: CellGenotype, lead: float) -> Tensor:
        """The edges of the discrete cell get the lead."""
        return alpha + lead * _kept(cell, discrete)

    @override
    def mean_gates(self, alpha: Tensor, cell: RelaxedCell) -> Tensor:
        """One softmax for every node, (edges,)."""
        # Edges are ordered by target node, so the nodes' parts follow one another.
        parts = torch.split(alpha, [len(rows) for rows in cell.incoming])
        return torch.cat([part.softmax(dim=0) for part in parts])


@dataclass(frozen=True)
class EdgeSimplex(Deterministic):
    """For the slot `edges`: the weights of the edges into a node are their alphas (GAEA, arXiv:2004.07802)."""

    sums_to_one = True
    on_simplex = True

    @override
    def initial_alpha(self, cell: RelaxedCell, generator: torch.Generator) -> Tensor:
        """Equal shares for the edges into a node, (edges,)."""
        return torch.cat([torch.full((len(rows),), 1 / len(rows)) for rows in cell.incoming])

    @override
    def lean(self, alpha: Tensor, cell: RelaxedCell, discrete: CellGenotype, lead: float) -> Tensor:
        """The edges of the discrete cell get the lead."""
        return grown_shares(alpha, lead * _kept(cell, discrete), sizes=[len(rows) for rows in cell.incoming])

    @override
    def mean_gates(self, alpha: Tensor, cell: RelaxedCell) -> Tensor:
        """Alpha, (edges,)."""
        return alpha.clone()


@cache
def edge_sets(topology: CellTopology) -> tuple[tuple[tuple[int, ...], ...], ...]:
    """For every node the sets of edges that it may keep, as rows; the sets are pairs if a node keeps two edges.

    A node with fewer edges keeps them all.

    >>> edge_sets(CellTopology(2, 2, "concat", True, edges_per_node=2))
    (((0, 1),), ((2, 3), (2, 4), (3, 4)))
    """
    sets = []
    for node in topology.nodes:
        rows = topology.incoming(node)
        sets.append(tuple(combinations(rows, min(len(rows), topology.edges_per_node or len(rows)))))
    return tuple(sets)


@dataclass(frozen=True)
class PairSoftmax(Deterministic):
    """For the slot `edges`: a softmax over the pairs of edges into each node; the share of a pair goes to its edges.

    Alpha has one number for each pair, node by node (20 in a cell of DARTS). It is divided by the temperature before
    the softmax. The edges of a pair divide its share equally, and the weight of an edge is the sum of what it gets from
    all its pairs. Selections read the shares of the pairs as `KIND.sets`. Source: DOTS (arXiv:2010.00969).

    Attributes:
        sums_to_one: True: the weights of a node sum to one, as in the paper. False: every edge gets the whole share of
            its pair, and the weights sum to the number of edges kept, as in the authors' code.
    """

    sums_to_one: bool = True

    @override
    def initial_alpha(self, cell: RelaxedCell, generator: torch.Generator) -> Tensor:
        """Zeros, (pairs,), as in the authors' code."""
        return torch.zeros(sum(map(len, edge_sets(cell.topology))))

    @override
    def lean(self, alpha: Tensor, cell: RelaxedCell, discrete: CellGenotype, lead: float) -> Tensor:
        """The pairs of edges of the discrete cell get the lead."""
        kept = _kept(cell, discrete)
        whole = [bool(kept[list(rows)].all()) for sets in edge_sets(cell.topology) for rows in sets]
        return alpha + lead * torch.tensor(whole)

    @override
    def mean_gates(self, alpha: Tensor, cell: RelaxedCell) -> Tensor:
        """The weights of the edges, (edges,)."""
        members = _members(cell.topology, alpha.device).to(alpha.dtype)
        if self.sums_to_one:
            members = members / members.sum(dim=0)
        return members @ self.set_shares(alpha, cell)

    @override
    def mean_cells(self, alphas: Mapping[str, Tensor], cells: Cells) -> dict[str, Tensor]:
        """The weights of the edges by kind, and the shares of the pairs, (pairs,), as `KIND.sets`."""
        shares = {f"{kind}.sets": self.set_shares(alphas[kind], cell) for kind, cell in cells.items()}
        return super().mean_cells(alphas, cells) | shares

    def set_shares(self, alpha: Tensor, cell: RelaxedCell) -> Tensor:
        """The shares of the pairs, (pairs,), one softmax for each node."""
        counts = [len(sets) for sets in edge_sets(cell.topology)]
        return torch.cat([part.softmax(dim=0) for part in torch.split(alpha / cell.temperature, counts)])

    def refuse(self, space: SearchSpace) -> str:
        """Refuse spaces that keep every edge."""
        if space.cell.edges_per_node is not None:
            return ""
        return f"the topology of cells is searched, and in '{space.name}' every cell keeps all its edges"


def _kept(cell: RelaxedCell, discrete: CellGenotype) -> Tensor:
    """Which edges a discrete cell has, (edges,), bool, on the CPU."""
    return torch.tensor([bool(columns) for columns in cell.columns_of(discrete)])


@cache
def _members(topology: CellTopology, device: torch.device) -> Tensor:
    """Which edges belong to which set, (edges, sets), bool; cached, so that no step waits for a copy."""
    columns = [rows for sets in edge_sets(topology) for rows in sets]
    return torch.tensor([[row in rows for rows in columns] for row in range(len(topology.edges))], device=device)
