"""The selection that looks at nothing."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from dartboard.search.selection.base import make_genotype
from dartboard.space import Choice, Genotype, SearchSpace

__all__ = ["UniformlyRandom"]


@dataclass(frozen=True)
class UniformlyRandom:
    """An architecture drawn uniformly: predecessors without replacement, then an operation for each."""

    def __call__(self, space: SearchSpace, gates: Mapping[str, Tensor], generator: torch.Generator) -> Genotype:  # noqa: ARG002
        """See the class."""
        return make_genotype(space, {kind: self._cell(space, kind, generator) for kind in space.cell_kinds})

    def _cell(self, space: SearchSpace, kind: str, generator: torch.Generator) -> list[Choice]:
        choices = []
        for node in space.cell.nodes:
            order = torch.randperm(node, generator=generator).tolist()
            for source in sorted(order[: space.cell.edges_per_node]):
                columns = space.selectable_on(kind, space.cell.row(node, source))
                draw = int(torch.randint(len(columns), (), generator=generator))
                choices.append(Choice(node, source, space.ops[columns[draw]]))
        return choices
