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
"""Number of architectures that mean gates average over; the standard error of a gate is then at most 0.016."""


class DrawnCells(NamedTuple):
    """Several architectures, drawn together.

    Attributes:
        gates: cell kind -> 1 for the operations that an architecture has, else 0, (architectures, edges, operations).
        log_likelihood: log likelihood of each architecture, the sum over its tokens, (architectures,); differentiable.
        entropy: entropy of the distributions that its tokens were drawn from, in nats, summed over the tokens,
            (architectures,); differentiable.
    """

    gates: dict[str, Tensor]
    log_likelihood: Tensor
    entropy: Tensor

    def each(self) -> list[dict[str, Draw]]:
        """For every architecture the draws that run only its operations, by kind of cells."""
        kinds = {kind: (gates, gates.tolist()) for kind, gates in self.gates.items()}
        return [
            {kind: Draw(gates[place], _ones(entries[place])) for kind, (gates, entries) in kinds.items()}
            for place in range(len(self.entropy))
        ]


@dataclass(frozen=True)
class Controller(Relaxation):
    """An LSTM of two layers draws one architecture per step, and only this one runs (ENAS, arXiv:1802.03268, sec. 2.4).

    The LSTM emits tokens. In spaces that keep all edges, it emits one operation per edge. In other spaces it emits for
    every node first its predecessors, by attention over the earlier nodes, and then an operation for each predecessor.
    A node takes a predecessor at most once. The kinds of cells follow one another, and the LSTM keeps its state from
    one to the next. The input of the LSTM is the embedding of the last token if this was an operation, and the output
    that the LSTM had for the node if it was a predecessor. At the start of a cell and of a node, the input is a learned
    vector. One output layer and one table of embeddings serve all edges. All choices have the logits
    squash * tanh(logit / temperature).

    The weights of the LSTM are the alphas, named `controller.NAME`; they start uniformly within +-0.1. The gates of a
    draw have no gradient, but the likelihood of the draw has one (`ReinforceController`). The mean gate of an operation
    is the share of 1000 architectures that have it on the edge, always drawn with the same random numbers. There is no
    closed form, as the controller's distribution is not a product over edges.

    Attributes:
        temperature: divides the outputs of the layers; 5 in AutoDL-Projects.
        squash: largest absolute logit; 2.5 in AutoDL-Projects.
        units: units of each layer; 32 in AutoDL-Projects.
    """

    temperature: float = 5.0
    squash: float = 2.5
    units: int = 32
    sums_to_one = False
    draws = True
    draws_whole = True
    has_slopes = False

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
        """Refuse parts that need one alpha for every operation, or the gradient of the gates."""
        others = {
            "the slot edges": recipe.edges,
            "attention in the mixing": recipe.mixing.attention,
            "a hypernetwork": recipe.hypernetwork,
            "a gradient of gates": recipe.gradient,
            "a penalty on alpha": recipe.penalties,
        }
        for what, part in others.items():
            if part:
                return f"the alphas of Controller are the weights of an LSTM, and {what} cannot be used with these"
        return ""


def _ones(gates: list[list[float]]) -> tuple[tuple[int, ...], ...]:
    """For every edge the columns with the gate 1."""
    return tuple(tuple(column for column, gate in enumerate(row) if gate) for row in gates)


def _say_every_edge(walk: TokenWalk, cell: RelaxedCell) -> Tensor:
    """Emit an operation for each edge; the gates, (architectures, edges, operations)."""
    said, spoken = [], walk.start
    for columns, allowed in zip(cell.selectable_columns, cell.selectable_mask, strict=True):
        if not columns:
            said.append(walk.start.new_zeros(walk.count, len(cell.ops)))
            continue
        chosen, spoken = walk.say_operation(spoken, allowed)
        said.append(chosen)
    return torch.stack(said, dim=1)


def _say_nodes(walk: TokenWalk, cell: RelaxedCell) -> Tensor:
    """Emit for each node its predecessors, then their operations; the gates, (architectures, edges, operations)."""
    gates = walk.start.new_zeros(walk.count, *cell.live.shape)
    heard = [walk.advance(walk.start) for _ in range(cell.topology.num_inputs)]
    keys = [walk.key(output) for output in heard]
    takeable = cell.selectable_mask.any(dim=1)
    for node in cell.topology.nodes:
        rows = cell.topology.incoming(node)  # consecutive rows, in the order of the source nodes
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
