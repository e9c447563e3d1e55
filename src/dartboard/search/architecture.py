"""The relaxed architecture: which parameters it has, and the gates that they give."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from dartboard.search.gradient import Tensors
from dartboard.search.recipe import Recipe
from dartboard.search.relaxation import RelaxedCell, SharesSets
from dartboard.space import SearchSpace

__all__ = ["Architecture", "Live", "all_live"]

Live = Mapping[str, Sequence[Sequence[str]]]
"""Cell kind -> the operations of every edge."""


def all_live(space: SearchSpace, without: Sequence[str] = ()) -> dict[str, list[list[str]]]:
    """Every operation that the space has on an edge, those of `without` left out."""
    return {
        kind: [
            [name for name in space.ops_on(kind, row) if name not in without] for row in range(len(space.cell.edges))
        ]
        for kind in space.cell_kinds
    }


@dataclass(frozen=True)
class Architecture:
    """What the parts of a recipe make of the cells of a space.

    Its parameters, the alphas, go by name: `KIND` for the operations, `KIND.edges` where the recipe weighs edges,
    `KIND.attention` where it mixes attention operations. So do the gates (see `ReferenceSupernet.forward`), which also
    hold `KIND.auxiliary` where the supernet has auxiliary skip connections; that gate is no parameter.
    For selections, deterministic gates further hold `KIND.sets` where the recipe weighs sets of edges: their shares.

    Attributes:
        recipe: whose relaxations.
        cells: by kind.
        auxiliary_gate: of the auxiliary skip connections; rules set it.
    """

    recipe: Recipe
    cells: Mapping[str, RelaxedCell]
    auxiliary_gate: float = 1.0

    @classmethod
    def of(cls, recipe: Recipe, space: SearchSpace, live: Live, device: torch.device) -> "Architecture":
        """The architecture of a supernet that has the operations `live`."""
        cells = {
            kind: RelaxedCell(
                kind,
                space.cell,
                space.ops,
                torch.tensor([[name in edge for name in space.ops] for edge in live[kind]], device=device),
            )
            for kind in space.cell_kinds
        }
        return cls(recipe, cells)

    def at(self, temperature: float, auxiliary_gate: float) -> "Architecture":
        """The same with other values of what changes from epoch to epoch."""
        if (temperature, auxiliary_gate) == (next(iter(self.cells.values())).temperature, self.auxiliary_gate):
            return self
        cells = {kind: replace(cell, temperature=temperature) for kind, cell in self.cells.items()}
        return replace(self, cells=cells, auxiliary_gate=auxiliary_gate)

    def initial_alphas(self, generator: torch.Generator) -> dict[str, Tensor]:
        """Start values of all parameters, drawn on the CPU."""
        recipe = self.recipe
        alphas = {kind: recipe.relaxation.initial_alpha(cell, generator) for kind, cell in self.cells.items()}
        if recipe.edges:
            for kind, cell in self.cells.items():
                alphas[f"{kind}.edges"] = recipe.edges.initial_alpha(cell, generator)
        if recipe.mixing.attention:
            for kind, cell in self.cells.items():
                shape = (len(cell.topology.edges), len(recipe.mixing.attention))
                alphas[f"{kind}.attention"] = 1e-3 * torch.randn(shape, generator=generator)
        return alphas

    def gates(self, alphas: Tensors, generator: torch.Generator) -> dict[str, Tensor]:
        """Gates for one step; may be random."""
        recipe = self.recipe
        gates = {kind: recipe.relaxation.gates(alphas[kind], cell, generator) for kind, cell in self.cells.items()}
        if recipe.edges:
            for kind, cell in self.cells.items():
                gates[f"{kind}.edges"] = recipe.edges.gates(alphas[f"{kind}.edges"], cell, generator)
        return gates | self._common(alphas)

    def mean_gates(self, alphas: Tensors) -> dict[str, Tensor]:
        """Deterministic gates for validation, selection and reports."""
        recipe = self.recipe
        gates = {kind: recipe.relaxation.mean_gates(alphas[kind], cell) for kind, cell in self.cells.items()}
        if recipe.edges:
            for kind, cell in self.cells.items():
                gates[f"{kind}.edges"] = recipe.edges.mean_gates(alphas[f"{kind}.edges"], cell)
        if isinstance(recipe.edges, SharesSets):
            for kind, cell in self.cells.items():
                gates[f"{kind}.sets"] = recipe.edges.set_shares(alphas[f"{kind}.edges"], cell)
        return gates | self._common(alphas)

    def _common(self, alphas: Tensors) -> dict[str, Tensor]:
        """Gates that are the same in a step and on average."""
        gates: dict[str, Tensor] = {}
        for kind, cell in self.cells.items():
            if self.recipe.mixing.attention:
                gates[f"{kind}.attention"] = alphas[f"{kind}.attention"].softmax(dim=-1)
            if self.recipe.mixing.auxiliary_skip:
                gates[f"{kind}.auxiliary"] = alphas[kind].new_full((len(cell.topology.edges),), self.auxiliary_gate)
        return gates
