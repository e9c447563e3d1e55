"""Which genotype comes out."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from dartboard.space import CellGenotype, Choice, Genotype, SearchSpace

__all__ = ["Selection", "StrongestEdges", "UniformlyRandom"]


class Selection(Protocol):
    """Turns the relaxed architecture into a discrete one."""

    def __call__(self, space: SearchSpace, gates: Mapping[str, Tensor], generator: torch.Generator) -> Genotype:
        """Choose an architecture.

        Args:
            space: the search space.
            gates: cell kind -> deterministic gates, shape (edges, operations), on the CPU.
            generator: for selections that draw.
        """
        ...


@dataclass(frozen=True)
class StrongestEdges:
    """On every edge the operation with the largest gate; per node the strongest edges that the space lets it keep.

    Spaces that keep two edges per node never take `none` and rank an edge by its best other operation; spaces that
    keep all edges take the largest gate, `none` included. Ties go to the lower index. Source: DARTS
    (arXiv:1806.09055, section 2.4), NAS-Bench-201 (arXiv:2001.00326).
    """

    def __call__(self, space: SearchSpace, gates: Mapping[str, Tensor], generator: torch.Generator) -> Genotype:  # noqa: ARG002
        """See the class."""
        return _genotype(space, {kind: self._cell(space, gates[kind]) for kind in space.cell_kinds})

    def _cell(self, space: SearchSpace, gates: Tensor) -> list[Choice]:
        columns = list(space.selectable_ops)
        strength = gates[:, columns].double()
        best = [row.index(max(row)) for row in strength.tolist()]
        choices = []
        for node in space.cell.nodes:
            rows = space.cell.incoming(node)
            ranked = sorted(rows, key=lambda row: (-float(strength[row, best[row]]), row))
            for row in sorted(ranked[: space.cell.edges_per_node]):
                choices.append(Choice(node, space.cell.edges[row].source, space.ops[columns[best[row]]]))
        return choices


@dataclass(frozen=True)
class UniformlyRandom:
    """An architecture drawn uniformly: predecessors without replacement, then an operation for each."""

    def __call__(self, space: SearchSpace, gates: Mapping[str, Tensor], generator: torch.Generator) -> Genotype:  # noqa: ARG002
        """See the class."""
        return _genotype(space, {kind: self._cell(space, generator) for kind in space.cell_kinds})

    def _cell(self, space: SearchSpace, generator: torch.Generator) -> list[Choice]:
        choices = []
        for node in space.cell.nodes:
            order = torch.randperm(node, generator=generator).tolist()
            for source in sorted(order[: space.cell.edges_per_node]):
                draw = int(torch.randint(len(space.selectable_ops), (), generator=generator))
                choices.append(Choice(node, source, space.ops[space.selectable_ops[draw]]))
        return choices


def _genotype(space: SearchSpace, cells: Mapping[str, list[Choice]]) -> Genotype:
    nodes = tuple(space.cell.nodes)
    outputs = nodes if space.cell.output == "concat" else nodes[-1:]
    return Genotype(space.name, tuple((kind, CellGenotype(tuple(cells[kind]), outputs)) for kind in space.cell_kinds))
