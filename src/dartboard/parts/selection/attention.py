"""A selection that adds an attention operation to every operation that another selection keeps."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from typing_extensions import override

from dartboard.parts.selection.protocol import Barring, Selection
from dartboard.space import CellGenotype, Choice, Genotype, SearchSpace

__all__ = ["WithAttention"]


@dataclass(frozen=True)
class WithAttention(Selection):
    """The choice of another selection; every kept edge also gets the attention with its largest gate (Att-DARTS).

    The gates of attention do not influence which edges and operations are kept. Ties go to the first. Source:
    arXiv:2006.12874, section 3.

    Attributes:
        inner: the other selection, which chooses edges and operations.
        attention: the attention operations, in the order of their gates (`Mixing.attention`).
    """

    inner: Selection
    attention: tuple[str, ...]

    @override
    def __call__(self, space: SearchSpace, gates: Mapping[str, Tensor], generator: torch.Generator) -> Genotype:
        genotype = self.inner(space, gates, generator)
        cells = tuple(
            (kind, replace(cell, choices=self._attended(space, cell, gates[f"{kind}.attention"])))
            for kind, cell in genotype.cells
        )
        return replace(genotype, cells=cells)

    def admitted(self, space: SearchSpace, gates: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Cell kind -> which operations the other selection may keep, (edges, operations), bool."""
        if isinstance(self.inner, Barring):
            return self.inner.admitted(space, gates)
        return {kind: torch.ones_like(gates[kind], dtype=torch.bool) for kind in space.cell_kinds}

    def _attended(self, space: SearchSpace, cell: CellGenotype, gates: Tensor) -> tuple[Choice, ...]:
        best = [row.index(max(row)) for row in gates.tolist()]
        return tuple(
            replace(choice, attention=self.attention[best[space.cell.row(choice.target, choice.source)]])
            for choice in cell.choices
        )
