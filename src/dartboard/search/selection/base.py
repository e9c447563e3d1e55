"""What a selection is."""

from collections.abc import Mapping
from typing import Protocol

import torch
from torch import Tensor

from dartboard.space import CellGenotype, Choice, Genotype, SearchSpace

__all__ = ["Selection", "make_genotype"]


class Selection(Protocol):
    """Turns the relaxed architecture into a discrete one."""

    def __call__(self, space: SearchSpace, gates: Mapping[str, Tensor], generator: torch.Generator) -> Genotype:
        """Choose an architecture.

        Args:
            space: the search space.
            gates: deterministic gates by name (see `Architecture`), on the CPU; those of operations that an edge does
                not have are 0.
            generator: for selections that draw.
        """
        ...


def make_genotype(space: SearchSpace, cells: Mapping[str, list[Choice]]) -> Genotype:
    """The genotype of a space with these choices in each kind of cell.

    Where cells join their nodes, those that receive something are joined.
    """
    return Genotype(space.name, tuple((kind, _make_cell(space, cells[kind])) for kind in space.cell_kinds))


def _make_cell(space: SearchSpace, choices: list[Choice]) -> CellGenotype:
    nodes = space.cell.nodes
    receiving = tuple(sorted({choice.target for choice in choices}))
    return CellGenotype(tuple(choices), receiving if space.cell.output == "concat" else (nodes[-1],))
