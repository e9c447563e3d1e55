"""The selection that looks at nothing."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from dartboard.parts.drawing import cell_choices, draw_uniformly
from dartboard.parts.selection.protocol import make_genotype
from dartboard.space import Genotype, SearchSpace

__all__ = ["UniformlyRandom"]


@dataclass(frozen=True)
class UniformlyRandom:
    """An architecture drawn uniformly: predecessors without replacement, then an operation for each."""

    def __call__(self, space: SearchSpace, gates: Mapping[str, Tensor], generator: torch.Generator) -> Genotype:  # noqa: ARG002
        """See the class."""
        drawn = {
            kind: draw_uniformly(space.cell, space.selectable_columns(kind), generator) for kind in space.cell_kinds
        }
        return make_genotype(space, {kind: cell_choices(space, chosen) for kind, chosen in drawn.items()})
