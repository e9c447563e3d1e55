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
        return make_genotype(space, {kind: self._cell(space, generator) for kind in space.cell_kinds})

    def _cell(self, space: SearchSpace, generator: torch.Generator) -> list[Choice]:
        choices = []
        for node in space.cell.nodes:
            order = torch.randperm(node, generator=generator).tolist()
            for source in sorted(order[: space.cell.edges_per_node]):
                draw = int(torch.randint(len(space.selectable_ops), (), generator=generator))
                choices.append(Choice(node, source, space.ops[space.selectable_ops[draw]]))
        return choices
