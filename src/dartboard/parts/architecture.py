"""The relaxed architecture: its parameters, the alphas, and the gates that they give."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from dartboard.errors import RecipeError
from dartboard.parts.gradient.problem import Tensors
from dartboard.parts.leaving import Left
from dartboard.parts.relaxation.protocol import Draw, DrawsPaths, PerCell, Relaxation, RelaxedCell
from dartboard.space import CellGenotype, Genotype, OperationCosts, SearchSpace
from dartboard.supernet import Active, Mixing

__all__ = ["Architecture", "Decisions", "Live", "Relaxing", "StepGates", "all_live"]

Decisions = Mapping[str, Mapping[int, str | None]]
"""Cell kind -> row of a decided edge -> the operation that the edge keeps; None for an edge that is given up."""

Live = Mapping[str, Sequence[Sequence[str]]]
"""Cell kind -> the names of the live operations of every edge."""


def all_live(space: SearchSpace, without: Sequence[str] = ()) -> dict[str, list[list[str]]]:
    """For every edge all operations that the space has there, except those in `without`."""
    return {
        kind: [
            [name for name in space.ops_on(kind, row) if name not in without] for row in range(len(space.cell.edges))
        ]
        for kind in space.cell_kinds
    }


class StepGates(NamedTuple):
    """The arguments of a supernet beside the images.

    Attributes:
        gates: by name (see `Architecture`).
        active: which operations are run; None: all.
    """

    gates: dict[str, Tensor]
    active: Active | None = None


class Relaxing(Protocol):
    """The slots of a recipe that turn alpha into gates."""

    @property
    def relaxation(self) -> Relaxation:
        """How alpha becomes gates."""
        ...

    @property
    def edges(self) -> Relaxation | None:
        """How alpha becomes weights of edges; None: edges have no weights."""
        ...

    @property
    def mixing(self) -> Mixing:
        """How the gated outputs of an edge's operations join."""
        ...


@dataclass(frozen=True)
class Architecture:
    """The relaxed architecture of a space: its parameters, the alphas, and how a recipe's parts turn them into gates.

    The alphas have names. `KIND` is the alpha of the operations in that kind of cells; a relaxation that draws all
    kinds of cells together uses other names instead. `KIND.edges` exists if the recipe weighs edges, `KIND.attention`
    if it mixes attention operations, and `KIND.end` if it mixes some at the end of cells.

    The gates that `ReferenceSupernet.forward` takes are named so too. If the
    supernet has auxiliary skip connections, `KIND.auxiliary` is their gate, which is not a parameter. Deterministic
    gates also hold the tensors that the relaxation of edges adds for selections, such as `KIND.sets`, the shares of
    sets of edges.

    Attributes:
        relaxation: how alpha becomes gates.
        edges: how alpha becomes weights of edges; None: edges have no weights.
        mixing: how the gated outputs of an edge's operations join.
        cells: by kind.
        auxiliary_gate: gate of the auxiliary skip connections; rules set it.
        decisions: the decided edges. The operation of a decided edge has the gate 1 and is the only one that is run;
            its alpha gets no gradient. An edge that is given up has the weight 0 and brings nothing to its node, not
            even the channels that bypass its operations or its auxiliary skip connection.
        costs: costs of the operations in a network of the supernet's size; None if they are not known.
        left: the operations that have left the search. Their gates are 0, and they are not run; their alphas rest.
    """

    relaxation: Relaxation
    edges: Relaxation | None
    mixing: Mixing
    cells: Mapping[str, RelaxedCell]
    auxiliary_gate: float = 1.0
    decisions: Decisions = field(default_factory=dict)
    costs: OperationCosts | None = None
    left: Left = field(default_factory=Left)

    @classmethod
    def of(
        cls,
        recipe: Relaxing,
        space: SearchSpace,
        live: Live,
        device: torch.device,
        costs: OperationCosts | None = None,
    ) -> "Architecture":
        """The architecture of a supernet with the operations `live`.

        Args:
            recipe: its parts turn alpha into gates.
            space: the search space.
            live: cell kind -> the operations of every edge.
            device: where masks and gates live.
            costs: costs of the operations; None if they are not known.
        """
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

    def at(
        self, temperature: float, auxiliary_gate: float, decisions: Decisions, left: Left | None = None
    ) -> "Architecture":
        """The same architecture with the settings of an epoch; the same operations have left it if `left` is None."""
        now = next(iter(self.cells.values())).temperature, self.auxiliary_gate, self.decisions, self.left
        left = self.left if left is None else left
        if now == (temperature, auxiliary_gate, decisions, left):
            return self
        cells = {kind: replace(cell, temperature=temperature) for kind, cell in self.cells.items()}
        kept = {kind: dict(rows) for kind, rows in decisions.items()}
        return replace(self, cells=cells, auxiliary_gate=auxiliary_gate, decisions=kept, left=left)

    def initial_alphas(self, generator: torch.Generator) -> dict[str, Tensor]:
        """Start values of all alphas by name, drawn on the CPU."""
        alphas = self.relaxation.initial_alphas(self.cells, generator)
        if self.edges:
            alphas |= self._named_edges(self.edges.initial_alphas(self.cells, generator))
        if self.mixing.attention:
            for kind, cell in self.cells.items():
                shape = (len(cell.topology.edges), len(self.mixing.attention))
                alphas[f"{kind}.attention"] = 1e-3 * torch.randn(shape, generator=generator)
        if self.mixing.end:
            for kind in self.cells:
                alphas[f"{kind}.end"] = 1e-3 * torch.randn(len(self.mixing.end), generator=generator)
        return alphas

    def lean(self, alphas: Tensors, member: Genotype, lead: float) -> dict[str, Tensor]:
        """Start values that lean towards an architecture of the space: its operations, edges and attention lead.

        Args:
            alphas: start values by name, on the CPU. Those that do not belong to one operation or edge each, such as
                the weights of a controller, stay as they are.
            member: the architecture; `none` on an edge is an operation like others.
            lead: as for `PerCell.lean`.
        """
        led = dict(alphas)
        for kind, cell in self.cells.items():
            for name, part in ((kind, self.relaxation), (f"{kind}.edges", self.edges)):
                if isinstance(part, PerCell):
                    led[name] = part.lean(alphas[name], cell, member[kind], lead)
            if self.mixing.attention:
                leads = torch.tensor(self._attends(cell, member[kind], ""))
                led[f"{kind}.attention"] = alphas[f"{kind}.attention"] + lead * leads
            if self.mixing.end:
                at_end = torch.tensor([member[kind].attention == name for name in self.mixing.end])
                led[f"{kind}.end"] = alphas[f"{kind}.end"] + lead * at_end
        return led

    def draw(self, alphas: Tensors, generator: torch.Generator, *, of_alpha: bool) -> StepGates:
        """The gates and operations of one step; may be random.

        Args:
            alphas: by name.
            generator: on the CPU.
            of_alpha: True for a step of alpha, False for a step of the weights.
        """
        draws = self.relaxation.draw_cells(alphas, self.cells, generator, of_alpha=of_alpha)
        further = self._attention(alphas)
        if self.edges:
            drawn = self.edges.draw_cells(self._of_edges(alphas), self.cells, generator, of_alpha=of_alpha)
            further |= self._named_edges({kind: each.gates for kind, each in drawn.items()})
        return self.of_draws(draws, further)

    def of_draws(self, draws: Mapping[str, Draw], further: Tensors | None = None) -> StepGates:
        """The gates and operations that run these draws, by kind of cells; decided edges keep their operation.

        Args:
            draws: by kind of cells.
            further: gates of edges and of attention, by name.
        """
        gates = dict(further or {})
        for kind, drawn in draws.items():
            gates[kind] = drawn.gates
            if drawn.offset is not None:
                gates[f"{kind}.offset"] = drawn.offset
        active = {kind: drawn.active for kind, drawn in draws.items() if drawn.active is not None}
        return StepGates(self.decided(gates | self._auxiliary(gates)), self._decided_active(active))

    def decided(self, gates: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The gates, with those of decided edges replaced by 0 and 1; edges that are given up get the weight 0.

        Operations that have left the search have the gate 0.
        """
        put = {**gates, **{kind: self.left.thin(gates[kind], stays) for kind, stays in self._staying.items()}}
        for kind, (still_open, fixed) in self._fixed.items():
            put[kind] = torch.where(still_open[:, None], put[kind], fixed)
            if (offset := gates.get(f"{kind}.offset")) is not None:
                put[f"{kind}.offset"] = offset * still_open
            given_up = [row for row, name in self.decisions[kind].items() if name is None]
            if given_up:
                put = self.without_edges(put, kind, given_up)
        return put

    def without_edges(self, gates: Tensors, kind: str, rows: Sequence[int]) -> dict[str, Tensor]:
        """The gates, with the weight 0 for some edges, which then bring nothing to their nodes.

        The weights of the other edges stay as they are. Bypassing channels and auxiliary skip connections belong to an
        edge as its operations do (DARTS-PT, arXiv:2108.04392, section 4: an edge is removed as a whole).
        """
        weights = gates.get(f"{kind}.edges")
        weights = gates[kind].new_ones(len(gates[kind])) if weights is None else weights.clone()
        for row in rows:  # indexing by a list would first copy it to the device
            weights[..., row] = 0.0
        return {**gates, f"{kind}.edges": weights}

    def resting(self, alphas: Tensors) -> dict[str, Tensor]:
        """Cell kind -> mask of what no longer learns: decided edges, and operations that have left the search.

        The masks are (edges, 1) or (edges, operations), for the kinds of cells that have such.
        """
        masks = {kind: ~still_open[:, None] for kind, (still_open, _) in self._fixed.items()}
        for kind, stays in self._staying.items():
            masks[kind] = ~stays | masks[kind] if kind in masks else ~stays
        return {kind: mask for kind, mask in masks.items() if kind in alphas}

    def of_genotype(self, genotype: Genotype) -> StepGates:
        """Gates of 1 for the operations of one architecture, and only these are active; on the cells' device.

        Edges that the architecture lacks have the weight 0, and auxiliary skip connections the gate 0, as a discrete
        network has neither. The attention of an edge, and that at the end of a cell, is the one that the architecture
        names, else the identity.
        """
        active = {kind: cell.columns_of(genotype[kind]) for kind, cell in self.cells.items()}
        gates = {kind: cell.marked(active[kind]).float() for kind, cell in self.cells.items()}
        for kind, cell in self.cells.items():
            if self.mixing.channel_share > 1 or self.mixing.auxiliary_skip or self.mixing.attention:
                gates[f"{kind}.edges"] = gates[kind].amax(dim=1)
            if self.mixing.auxiliary_skip:
                gates[f"{kind}.auxiliary"] = torch.zeros_like(gates[f"{kind}.edges"])
            if self.mixing.attention:
                identity = "identity" if "identity" in self.mixing.attention else "skip_connect"
                gates[f"{kind}.attention"] = cell.live.new_tensor(self._attends(cell, genotype[kind], identity)).float()
            if self.mixing.end:
                at_end = genotype[kind].attention or "identity"
                gates[f"{kind}.end"] = cell.live.new_tensor([at_end == name for name in self.mixing.end]).float()
        return StepGates(gates, active)

    def _attends(self, cell: RelaxedCell, discrete: CellGenotype, otherwise: str) -> list[list[bool]]:
        """Which attention every edge of a discrete cell has, (edges, attention operations); where none, `otherwise`."""
        behind = {cell.topology.row(each.target, each.source): each.attention for each in discrete.choices}
        names = [behind.get(row) or otherwise for row in range(len(cell.live))]
        return [[name == own for name in self.mixing.attention] for own in names]

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
    def _staying(self) -> dict[str, Tensor]:
        """Cell kind -> which operations stay, (edges, operations), bool, for the kinds that have lost some."""
        return {kind: self.cells[kind].marked(self.left.staying(self.cells[kind])) for kind in self.left.operations}

    @cached_property
    def active(self) -> Active | None:
        """The operations that mean gates need: None for all; if edges are decided, those that the decisions leave."""
        return self._decided_active({})

    def _decided_active(self, drawn: Mapping[str, tuple[tuple[int, ...], ...]]) -> Active | None:
        """The operations that are run; None: all of them."""
        if not drawn and not any(self.decisions.values()) and not self.left.operations:
            return None
        active = {}
        for kind, cell in self.cells.items():
            rows = list(drawn.get(kind, cell.live_columns))
            if kind in self.left.operations:
                stay = self.left.staying(cell)
                rows = [tuple(filter(own.__contains__, columns)) for own, columns in zip(stay, rows, strict=True)]
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
        """Log of the probability that a step draws this path, a scalar; decided edges are not drawn."""
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
            RecipeError: the costs of the operations are not known.
        """
        return (
            self._told_costs.fixed + torch.stack([(gates[kind] * own).sum() for kind, own in self._costs.items()]).sum()
        )

    def log_resources(self, gates: Tensors) -> Tensor:
        """Sum over all operations of gate * log(1 + `OperationCosts.resources`), a scalar.

        Raises:
            RecipeError: the costs of the operations are not known.
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
            raise RecipeError("the search does not know the costs of the operations; give its SearchProblem `costs`.")
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
        """The tensors of the slot `edges`, with those named `KIND` renamed to `KIND.edges`."""
        return {f"{name}.edges" if name in self.cells else name: tensor for name, tensor in found.items()}

    def _attention(self, alphas: Tensors) -> dict[str, Tensor]:
        """The gates of attention; the gates of a step and the mean gates are the same."""
        parts = [part for part, names in (("attention", self.mixing.attention), ("end", self.mixing.end)) if names]
        names = [f"{kind}.{part}" for part in parts for kind in self.cells]
        return {name: alphas[name].softmax(dim=-1) for name in names}

    def _auxiliary(self, gates: Tensors) -> dict[str, Tensor]:
        """The gates of auxiliary skip connections, (edges,) by name, on the device of the operations' gates."""
        if not self.mixing.auxiliary_skip:
            return {}
        return {
            f"{kind}.auxiliary": gates[kind].new_full((len(gates[kind]),), self.auxiliary_gate) for kind in self.cells
        }
