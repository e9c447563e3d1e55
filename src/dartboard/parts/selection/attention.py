"""Selections of architectures with attention: behind operations, at the end of cells, or among the candidates."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from typing_extensions import override

from dartboard.parts.demands import Choosy
from dartboard.parts.selection.protocol import Barring, Selection
from dartboard.space import CellGenotype, Choice, Genotype, SearchSpace
from dartboard.space.topology import stage_lengths
from dartboard.wording import listing

__all__ = ["AmongCandidates", "WithAttention"]


@dataclass(frozen=True)
class WithAttention(Selection):
    """The choice of another selection, with the attention that has the largest gate (Att-DARTS).

    Every kept edge gets one behind its operation, and every cell one at its end, if the supernet mixes some there. The
    gates of attention do not influence which edges and operations are kept. `none` is never taken; ties go to the
    first. Source: arXiv:2006.12874, section 3, and the authors' code.

    Attributes:
        inner: the other selection, which chooses edges and operations.
        attention: the attention operations behind operations, in the order of their gates (`Mixing.attention`).
        end: those at the end of a cell, in the order of their gates (`Mixing.end`).
    """

    inner: Selection
    attention: tuple[str, ...]
    end: tuple[str, ...] = ()

    @override
    def __call__(self, space: SearchSpace, gates: Mapping[str, Tensor], generator: torch.Generator) -> Genotype:
        genotype = self.inner(space, gates, generator)
        cells = ((kind, self._attended(space, kind, cell, gates)) for kind, cell in genotype.cells)
        return replace(genotype, cells=tuple(cells))

    def admitted(self, space: SearchSpace, gates: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Cell kind -> which operations the other selection may keep, (edges, operations), bool."""
        return _admitted(self.inner, space, gates)

    def refuse(self, space: SearchSpace) -> str:
        """Refuse spaces that the inner selection refuses, and attention at the end of blocks."""
        if self.end and stage_lengths(space.cell_kinds):
            return f"attention at the end of cells is searched, and the blocks of '{space.name}' are single operations"
        return self.inner.refuse(space) if isinstance(self.inner, Choosy) else ""

    def _attended(self, space: SearchSpace, kind: str, cell: CellGenotype, gates: Mapping[str, Tensor]) -> CellGenotype:
        if self.attention:
            best = [_largest(self.attention, row) for row in gates[f"{kind}.attention"].tolist()]
            rows = [space.cell.row(choice.target, choice.source) for choice in cell.choices]
            choices: tuple[Choice, ...] = tuple(
                replace(choice, attention=best[row]) for choice, row in zip(cell.choices, rows, strict=True)
            )
            cell = replace(cell, choices=choices)
        return replace(cell, attention=_largest(self.end, gates[f"{kind}.end"].tolist())) if self.end else cell


def _admitted(inner: Selection, space: SearchSpace, gates: Mapping[str, Tensor]) -> dict[str, Tensor]:
    if isinstance(inner, Barring):
        return inner.admitted(space, gates)
    return {kind: torch.ones_like(gates[kind], dtype=torch.bool) for kind in space.cell_kinds}


def _largest(names: tuple[str, ...], gates: list[float]) -> str:
    """The name with the largest gate, among equals the first; never `none`."""
    allowed = [place for place, name in enumerate(names) if name != "none"]
    return names[max(allowed, key=lambda place: gates[place])]


@dataclass(frozen=True)
class AmongCandidates(Selection):
    """The choice of another selection, in a space whose candidates include these attention modules.

    Attributes:
        inner: the other selection.
        modules: the attention modules.
    """

    inner: Selection
    modules: tuple[str, ...]

    @override
    def __call__(self, space: SearchSpace, gates: Mapping[str, Tensor], generator: torch.Generator) -> Genotype:
        return self.inner(space, gates, generator)

    def admitted(self, space: SearchSpace, gates: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Cell kind -> which operations the other selection may keep, (edges, operations), bool."""
        return _admitted(self.inner, space, gates)

    def refuse(self, space: SearchSpace) -> str:
        """Refuse spaces without these candidates, and those that the inner selection refuses."""
        if missing := [name for name in self.modules if name not in space.ops]:
            return (
                f"attention modules compete with the operations, and '{space.name}' has no {listing(missing, 'or')} "
                "among its candidates, as in darts:attention=candidates"
            )
        return self.inner.refuse(space) if isinstance(self.inner, Choosy) else ""
