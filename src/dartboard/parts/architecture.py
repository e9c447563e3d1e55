"""The relaxed architecture: which parameters it has, and the gates that they give."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from dartboard.errors import RecipeError
from dartboard.parts.gradient.problem import Tensors
from dartboard.parts.relaxation.protocol import Draw, DrawsPaths, Relaxation, RelaxedCell
from dartboard.space import Genotype, OperationCosts, SearchSpace
from dartboard.supernet import Active, Mixing

__all__ = ["Architecture", "Decisions", "Live", "Relaxing", "StepGates", "all_live"]

Decisions = Mapping[str, Mapping[int, str | None]]
"""Cell kind -> row of an edge -> the operation that it has for good; None for an edge that is given up."""

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


class StepGates(NamedTuple):
    """What a supernet is called with.

    Attributes:
        gates: by name.
        active: which operations are run; None: all.
    """

    gates: dict[str, Tensor]
    active: Active | None = None


class Relaxing(Protocol):
    """The slots of a recipe that make gates of alpha."""

    @property
    def relaxation(self) -> Relaxation:
        """How alpha becomes gates."""
        ...

    @property
    def edges(self) -> Relaxation | None:
        """How the weights of edges come about; None: edges have none."""
        ...

    @property
    def mixing(self) -> Mixing:
        """How the gated outputs of an edge's operations join."""
        ...


@dataclass(frozen=True)
class Architecture:
    """What the relaxing parts of a recipe make of the cells of a space.

    Its parameters, the alphas, go by name: `KIND` for the operations, `KIND.edges` where the recipe weighs edges,
    `KIND.attention` where it mixes attention operations; a relaxation that draws all kinds of cells together has names
    of its own instead of `KIND`. The gates go by `KIND`, `KIND.edges` and `KIND.attention` too (those that
    `ReferenceSupernet.forward` takes), and also hold `KIND.auxiliary` where the supernet has auxiliary skip
    connections; that gate is no parameter. For selections, deterministic gates further hold what the relaxation of
    edges adds, such as `KIND.sets`, the shares of sets of edges.

    Attributes:
        relaxation: how alpha becomes gates.
        edges: how the weights of edges come about; None: edges have none.
        mixing: how the gated outputs of an edge's operations join.
        cells: by kind.
        auxiliary_gate: of the auxiliary skip connections; rules set it.
        decisions: edges that search no longer: their operation has the gate 1 and is the only one that is run, and
            alpha gets no gradient there; edges given up run nothing.
        costs: of operations in a network of the supernet's size; None where nobody has told.
    """

    relaxation: Relaxation
    edges: Relaxation | None
    mixing: Mixing
    cells: Mapping[str, RelaxedCell]
    auxiliary_gate: float = 1.0
    decisions: Decisions = field(default_factory=dict)
    costs: OperationCosts | None = None

    @classmethod
    def of(
        cls,
        recipe: Relaxing,
        space: SearchSpace,
        live: Live,
        device: torch.device,
        costs: OperationCosts | None = None,
    ) -> "Architecture":
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
        return cls(recipe.relaxation, recipe.edges, recipe.mixing, cells, costs=costs)

    def at(self, temperature: float, auxiliary_gate: float, decisions: Decisions) -> "Architecture":
        """The same architecture with new values of what changes from epoch to epoch."""
        now = next(iter(self.cells.values())).temperature, self.auxiliary_gate, self.decisions
        if now == (temperature, auxiliary_gate, decisions):
            return self
        cells = {kind: replace(cell, temperature=temperature) for kind, cell in self.cells.items()}
        kept = {kind: dict(rows) for kind, rows in decisions.items()}
        return replace(self, cells=cells, auxiliary_gate=auxiliary_gate, decisions=kept)

    def initial_alphas(self, generator: torch.Generator) -> dict[str, Tensor]:
        """Start values of all parameters, drawn on the CPU."""
        alphas = self.relaxation.initial_alphas(self.cells, generator)
        if self.edges:
            alphas |= self._named_edges(self.edges.initial_alphas(self.cells, generator))
        if self.mixing.attention:
            for kind, cell in self.cells.items():
                shape = (len(cell.topology.edges), len(self.mixing.attention))
                alphas[f"{kind}.attention"] = 1e-3 * torch.randn(shape, generator=generator)
        return alphas

    def draw(self, alphas: Tensors, generator: torch.Generator, *, of_alpha: bool) -> StepGates:
        """What one step runs; may be random.

        Args:
            alphas: by name.
            generator: on the CPU.
            of_alpha: whether the loss that follows is alpha's; otherwise it is that of the weights.
        """
        gates, active = self.of_draws(self.relaxation.draw_cells(alphas, self.cells, generator, of_alpha=of_alpha))
        if self.edges:
            drawn = self.edges.draw_cells(self._of_edges(alphas), self.cells, generator, of_alpha=of_alpha)
            gates |= self._named_edges({kind: each.gates for kind, each in drawn.items()})
        return StepGates(gates | self._attention(alphas), active)

    def of_draws(self, draws: Mapping[str, Draw]) -> StepGates:
        """The gates and operations that run these draws, by kind of cells; decided edges keep their operation."""
        gates: dict[str, Tensor] = {}
        for kind, drawn in draws.items():
            gates[kind] = drawn.gates
            if drawn.offset is not None:
                gates[f"{kind}.offset"] = drawn.offset
        active = {kind: drawn.active for kind, drawn in draws.items() if drawn.active is not None}
        return StepGates(self.decided(gates | self._auxiliary(gates)), self._decided_active(active))

    def decided(self, gates: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Gates with those of decided edges put in place."""
        put = dict(gates)
        for kind, (still_open, fixed) in self._fixed.items():
            put[kind] = torch.where(still_open[:, None], gates[kind], fixed)
            if (offset := gates.get(f"{kind}.offset")) is not None:
                put[f"{kind}.offset"] = offset * still_open
        return put

    def resting(self, alphas: Tensors) -> dict[str, Tensor]:
        """Cell kind -> mask of the entries of alpha that belong to decided edges, (edges, 1), where there are any."""
        return {kind: ~still_open[:, None] for kind, (still_open, _) in self._fixed.items() if kind in alphas}

    def of_genotype(self, genotype: Genotype) -> StepGates:
        """What runs just one architecture: gates 1 for its operations, which alone are active, on the cells' device."""
        gates, active = {}, {}
        for kind, cell in self.cells.items():
            chosen: list[list[int]] = [[] for _ in cell.topology.edges]
            for choice in genotype[kind].choices:
                chosen[cell.topology.row(choice.target, choice.source)].append(cell.ops.index(choice.op))
            active[kind] = [sorted(columns) for columns in chosen]
            gates[kind] = torch.tensor(
                [[float(column in columns) for column in range(len(cell.ops))] for columns in chosen],
                device=cell.live.device,
            )
        return StepGates(gates, active)

    @cached_property
    def _fixed(self) -> dict[str, tuple[Tensor, Tensor]]:
        """Cell kind -> which edges still search, (edges,), and the gates of the others, (edges, operations)."""
        fixed = {}
        for kind, rows in self.decisions.items():
            cell, device = self.cells[kind], self.cells[kind].live.device
            gates = [[float(rows.get(row) == name) for name in cell.ops] for row in range(len(cell.topology.edges))]
            still_open = [row not in rows for row in range(len(cell.topology.edges))]
            fixed[kind] = torch.tensor(still_open, device=device), torch.tensor(gates, device=device)
        return fixed

    @cached_property
    def active(self) -> Active | None:
        """The operations that mean gates need: all of them (None), or all that decisions leave."""
        return self._decided_active({})

    def _decided_active(self, drawn: Mapping[str, tuple[tuple[int, ...], ...]]) -> Active | None:
        """The operations that are run; None: all of them."""
        if not drawn and not any(self.decisions.values()):
            return None
        active = {}
        for kind, cell in self.cells.items():
            rows = list(drawn.get(kind, cell.live_columns))
            for row, name in self.decisions.get(kind, {}).items():
                rows[row] = () if name is None else (cell.ops.index(name),)
            active[kind] = rows
        return active

    def mean_gates(self, alphas: Tensors) -> dict[str, Tensor]:
        """Deterministic gates for validation, selection and reports."""
        gates = self.relaxation.mean_cells(alphas, self.cells)
        if self.edges:
            gates |= self._named_edges(self.edges.mean_cells(self._of_edges(alphas), self.cells))
        return self.decided(gates | self._auxiliary(gates) | self._attention(alphas))

    def settling(self, alphas: Tensors, active: Active | None) -> AbstractContextManager[None]:
        """A context around an update of alpha, in which the relaxation can correct the result.

        Args:
            alphas: by name, moved in place.
            active: the operations that the step of alpha ran; None: all.
        """
        return self.relaxation.settling(alphas, self.cells, active)

    def log_probability(self, alphas: Tensors, path: Active) -> Tensor:
        """Log of the chance that a step draws this path, a scalar; decided edges are not drawn."""
        relaxation, terms = self.relaxation, []
        assert isinstance(relaxation, DrawsPaths)
        for kind, cell in self.cells.items():
            decided = self.decisions.get(kind, {})
            rows = [() if row in decided else columns for row, columns in enumerate(path[kind])]
            terms.append(relaxation.log_probability(alphas[kind], cell, rows))
        return torch.stack(terms).sum()

    def cost(self, gates: Tensors) -> Tensor:
        """Expected multiply-adds for one image, a scalar: the fixed ones, plus those of every operation times its gate.

        Raises:
            RecipeError: nobody has told what operations cost.
        """
        return (
            self._told_costs.fixed + torch.stack([(gates[kind] * own).sum() for kind, own in self._costs.items()]).sum()
        )

    def log_resources(self, gates: Tensors) -> Tensor:
        """Sum of gates times the logarithms of what operations take (1 + `OperationCosts.resources`), a scalar.

        Raises:
            RecipeError: nobody has told what operations cost.
        """
        return torch.stack([(gates[kind] * own.log1p()).sum() for kind, own in self._resources.items()]).sum()

    @cached_property
    def _costs(self) -> dict[str, Tensor]:
        """Multiply-adds of operations, (edges, operations) by kind of cells."""
        return self._on_device(self._told_costs.operations)

    @cached_property
    def _resources(self) -> dict[str, Tensor]:
        """Parameters, multiply-adds and memory of operations together, (edges, operations) by kind of cells."""
        return self._on_device(self._told_costs.resources)

    @property
    def _told_costs(self) -> OperationCosts:
        if self.costs is None:
            raise RecipeError("the search is not told what operations cost; give its SearchProblem `costs`.")
        return self.costs

    def _on_device(self, costs: Mapping[str, Sequence[Sequence[int]]]) -> dict[str, Tensor]:
        return {
            kind: torch.tensor(costs[kind], dtype=torch.float32, device=cell.live.device)
            for kind, cell in self.cells.items()
        }

    def _of_edges(self, alphas: Tensors) -> dict[str, Tensor]:
        """The alphas of the slot `edges`, by kind of cells."""
        return {kind: alphas[f"{kind}.edges"] for kind in self.cells}

    def _named_edges(self, found: Tensors) -> dict[str, Tensor]:
        """What the slot `edges` gives, by kind of cells or by names of its own, as it goes beside other gates."""
        return {f"{name}.edges" if name in self.cells else name: tensor for name, tensor in found.items()}

    def _attention(self, alphas: Tensors) -> dict[str, Tensor]:
        """The gates of attention, the same in a step and on average."""
        if not self.mixing.attention:
            return {}
        return {f"{kind}.attention": alphas[f"{kind}.attention"].softmax(dim=-1) for kind in self.cells}

    def _auxiliary(self, gates: Tensors) -> dict[str, Tensor]:
        """The gates of auxiliary skip connections beside those of operations."""
        if not self.mixing.auxiliary_skip:
            return {}
        return {
            f"{kind}.auxiliary": gates[kind].new_full((len(gates[kind]),), self.auxiliary_gate) for kind in self.cells
        }
