"""The strongest edges with few skip connections among them."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from dartboard.parts.selection.protocol import make_genotype
from dartboard.parts.selection.strongest import strongest_choices, weighted_gates
from dartboard.space import Choice, Genotype, SearchSpace

__all__ = ["SkipCap"]

_SKIP = "skip_connect"


@dataclass(frozen=True)
class SkipCap:
    """`StrongestEdges`, with at most so many skip connections in every cell but reduction cells.

    While there are more, the weakest of them is taken out of the competition and the cell is chosen anew; taking one
    out may let another edge in with a skip connection of its own, so all are counted again. Source: P-DARTS
    (arXiv:1904.12760, section 3.3) as in the authors' code, which knows normal and reduction cells alone; in spaces of
    one kind of cells that kind is capped.

    Attributes:
        most: skip connections that a cell may have; 2 in the paper.
    """

    most: int = 2

    def __call__(self, space: SearchSpace, gates: Mapping[str, Tensor], generator: torch.Generator) -> Genotype:  # noqa: ARG002
        """See the class."""
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
