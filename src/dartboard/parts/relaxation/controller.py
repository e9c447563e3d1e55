"""A recurrent controller that draws whole architectures, token by token."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Generator, Tensor
from typing_extensions import override

from dartboard.parts.demands import Slots
from dartboard.parts.relaxation.protocol import Cells, Draw, Relaxation, RelaxedCell
from dartboard.parts.relaxation.tokens import TokenWalk
from dartboard.runs import make_generator

__all__ = ["Controller", "DrawnCells"]

_LAYERS = 2
_START_BOUND = 0.1
_MEAN_OF = 1000
"""Architectures of which mean gates are the mean: their standard error is at most 0.016."""


class DrawnCells(NamedTuple):
    """Architectures drawn at once.

    Attributes:
        gates: cell kind -> 1 for what an architecture has, else 0, (architectures, edges, operations).
        log_likelihood: of each, the sum over its tokens, (architectures,); differentiable.
        entropy: of the distributions that its tokens were drawn from, in nats, summed, (architectures,);
            differentiable.
    """

    gates: dict[str, Tensor]
    log_likelihood: Tensor
    entropy: Tensor

    def each(self) -> list[dict[str, Draw]]:
        """For every architecture what runs just its operations, by the kind of cells."""
        kinds = {kind: (gates, gates.tolist()) for kind, gates in self.gates.items()}
        return [
            {kind: Draw(gates[place], _ones(entries[place])) for kind, (gates, entries) in kinds.items()}
            for place in range(len(self.entropy))
        ]


@dataclass(frozen=True)
class Controller(Relaxation):
    """An LSTM of two layers draws one architecture a step, which alone is run (ENAS, arXiv:1802.03268, section 2.4).

    In spaces that keep all edges it says one operation an edge. Otherwise it says for every node its predecessors,
    by attention over the nodes before, then an operation for each; a predecessor is taken once at most. It says the
    kinds of cells one after the other, each from the state in which the one before has left it. The input is the
    embedding of the last token, of a predecessor what the LSTM put out for it, and at the start of a cell and of a node
    a learned vector. One layer and one table of
    embeddings serve all operations. What is chosen among has the logits squash * tanh(logit / temperature).

    Its weights are the alphas, `controller.NAME`, and start uniformly within +-0.1. A draw has no gradient: the
    likelihood of what is drawn has (`Reinforce`). Mean gates are how often each operation is on each edge among 1000
    architectures, always drawn with the same numbers: the controller's distribution is no product over edges.

    Attributes:
        temperature: divides what the layers give; 5 in AutoDL-Projects.
        squash: largest absolute logit; 2.5 there.
        units: of each layer; 32 there.
    """

    temperature: float = 5.0
    squash: float = 2.5
    units: int = 32
    sums_to_one = False
    draws = True
    draws_whole = True

    @override
    def initial_alphas(self, cells: Cells, generator: Generator) -> dict[str, Tensor]:
        cell, units = next(iter(cells.values())), self.units
        shapes: dict[str, tuple[int, ...]] = {"start": (units,)}
        for layer in range(_LAYERS):
            shapes[f"lstm.{layer}.input"] = shapes[f"lstm.{layer}.state"] = (4 * units, units)
            shapes[f"lstm.{layer}.bias"] = (4 * units,)
        shapes |= {"operations.weight": (len(cell.ops), units), "operations.bias": (len(cell.ops),)}
        shapes["embedding"] = (len(cell.ops), units)
        if cell.topology.edges_per_node is not None:
            shapes |= {"attention.keys": (units, units), "attention.queries": (units, units)}
            shapes["attention.scores"] = (units,)
        return {
            f"controller.{name}": torch.empty(shape).uniform_(-_START_BOUND, _START_BOUND, generator=generator)
            for name, shape in shapes.items()
        }

    def sample(self, alphas: Mapping[str, Tensor], cells: Cells, count: int, generator: Generator) -> DrawnCells:
        """Draw `count` architectures at once; the generator is on the CPU."""
        weights = {
            name.removeprefix("controller."): alpha for name, alpha in alphas.items() if name.startswith("controller.")
        }
        walk = TokenWalk(weights, _LAYERS, count, self.temperature, self.squash, generator)
        gates = {}
        for kind, cell in cells.items():
            keeps_all = cell.topology.edges_per_node is None
            gates[kind] = _say_every_edge(walk, cell) if keeps_all else _say_nodes(walk, cell)
        return DrawnCells(gates, walk.log_likelihood, walk.entropy)

    @override
    @torch.no_grad()
    def draw_cells(
        self, alphas: Mapping[str, Tensor], cells: Cells, generator: Generator, *, of_alpha: bool
    ) -> dict[str, Draw]:
        return self.sample(alphas, cells, 1, generator).each()[0]

    @override
    @torch.no_grad()
    def mean_cells(self, alphas: Mapping[str, Tensor], cells: Cells) -> dict[str, Tensor]:
        drawn = self.sample(alphas, cells, _MEAN_OF, make_generator(0, "controller", "mean-gates"))
        return {kind: gates.mean(dim=0) for kind, gates in drawn.gates.items()}

    def refuse_recipe(self, recipe: Slots) -> str:
        """Parts that want an alpha of every operation, or the gradient of gates."""
        others = {
            "the slot edges": recipe.edges,
            "attention in the mixing": recipe.mixing.attention,
            "a hypernetwork": recipe.hypernetwork,
            "a gradient of gates": recipe.gradient,
            "a penalty on alpha": recipe.penalties,
        }
        for what, part in others.items():
            if part:
                return f"the alphas of Controller are the weights of an LSTM, with which {what} makes no sense"
        return ""


def _ones(gates: list[list[float]]) -> tuple[tuple[int, ...], ...]:
    """For every edge the columns of gate 1."""
    return tuple(tuple(column for column, gate in enumerate(row) if gate) for row in gates)


def _say_every_edge(walk: TokenWalk, cell: RelaxedCell) -> Tensor:
    """An operation for each edge, (architectures, edges, operations)."""
    said, spoken = [], walk.start
    for columns, allowed in zip(cell.selectable_columns, cell.selectable_mask, strict=True):
        if not columns:
            said.append(walk.start.new_zeros(walk.count, len(cell.ops)))
            continue
        chosen, spoken = walk.say_operation(spoken, allowed)
        said.append(chosen)
    return torch.stack(said, dim=1)


def _say_nodes(walk: TokenWalk, cell: RelaxedCell) -> Tensor:
    """For each node its predecessors, then their operations, (architectures, edges, operations)."""
    gates = walk.start.new_zeros(walk.count, *cell.live.shape)
    heard = [walk.advance(walk.start) for _ in range(cell.topology.num_inputs)]
    keys = [walk.key(output) for output in heard]
    takeable = cell.selectable_mask.any(dim=1)
    for node in cell.topology.nodes:
        rows = cell.topology.incoming(node)  # one after the other, from the nodes before in their order
        free = takeable[rows[0] : rows[-1] + 1].expand(walk.count, -1)
        count = sum(bool(cell.selectable_columns[row]) for row in rows)
        spoken, places = walk.start, []
        for _ in range(min(count, cell.topology.edges_per_node or count)):
            place = walk.say_predecessor(spoken, torch.stack(keys, dim=1), free)
            free = free & ~place.bool()
            spoken = (place[..., None] * torch.stack(heard, dim=1)).sum(dim=1)
            places.append(place)
        for place in places:
            allowed = cell.selectable_mask[rows[0] + place.argmax(dim=1)]
            chosen, spoken = walk.say_operation(spoken, allowed)
            gates[:, rows[0] : rows[-1] + 1] += place[..., None] * chosen[:, None]
        heard.append(walk.advance(spoken))
        keys.append(walk.key(heard[-1]))
    return gates
