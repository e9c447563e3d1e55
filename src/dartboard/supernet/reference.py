"""The supernet by definition: plain loops over every edge and every operation, written for the reader."""

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import ClassVar, NamedTuple

import torch
from torch import Tensor, nn

from dartboard.kernels import plain_kernels
from dartboard.space import CellPlace
from dartboard.space.backbone import Backbone, join_outputs, project_inputs
from dartboard.space.features import Features
from dartboard.space.network import AuxiliaryHead
from dartboard.space.ops import RandomOp, Size, build_op
from dartboard.space.ops.noise import generator_on
from dartboard.space.skeleton import halved
from dartboard.supernet.dropout import SkipDropout, SkipMasks
from dartboard.supernet.mixing import bypass, join_channels, split_channels
from dartboard.supernet.readers import CellReader, OutputReader, Reader
from dartboard.supernet.spec import SupernetSpec

__all__ = ["Active", "Gates", "MixedCell", "ReferenceSupernet", "SupernetCall"]

Gates = Mapping[str, Tensor]
"""Name -> factors of the outputs of operations or edges; `ReferenceSupernet.forward` lists the names."""

Active = Mapping[str, Sequence[Sequence[int]]]
"""Cell kind -> for every edge, the columns of the operations that run."""


class SupernetCall(NamedTuple):
    """What a cell receives in addition to its inputs.

    Attributes:
        gates: gates by name.
        active: which operations run; None for all.
        dropout: gives each cell its masks; None where nothing is dropped.
        masks: masks of this cell: row of an edge -> factors of its identity, in the shape of the output of the
            identity.
        chance: generator on the CPU; each cell draws from it the seeds of its random operations.
        generators: generators of this cell: row of an edge -> generator of its random operations.
        reader: sees the maps inside of the cells; None for nobody.
    """

    gates: Gates
    active: Active | None
    dropout: SkipMasks | None = None
    masks: Mapping[int, Tensor] = MappingProxyType({})
    chance: torch.Generator | None = None
    generators: Mapping[int, torch.Generator] = MappingProxyType({})
    reader: CellReader | None = None

    def of_operations(self, kind: str, number: int) -> Tensor:
        """The gates of the operations of the cell `number` among those of its kind, (edges, operations)."""
        gates = self.gates[kind]
        return gates if gates.dim() == 2 else gates[number]

    def gate(self, kind: str, part: str) -> Tensor | None:
        """The gates called `kind.part`, or None where they are not given."""
        return self.gates.get(f"{kind}.{part}")


class MixedCell(nn.Module):
    """A cell with all live operations on every edge.

    Args:
        spec: the supernet.
        place: where the cell stands.

    Attributes:
        number: the number of the cell among those of its kind, from 0; the supernet sets it.
        block: the number of the cell among the blocks of the network; the supernet sets it.
        projections: the modules that bring each input to the channels and size of the cell.
        edges: for every edge, its operations by name.
        auxiliary: for every edge, its auxiliary skip connection; empty if the mixing has none.
        attention: for every edge, its attention operations by name; empty if the mixing has none.
        end: the attention operations on the output of the cell, by name; empty if the mixing has none there.
    """

    def __init__(self, spec: SupernetSpec, place: CellPlace) -> None:
        super().__init__()
        self.topology = spec.space.cell
        self.kind, self.number, self.block = place.kind, 0, 0
        self.share = spec.mixing.channel_share
        self.columns = {name: column for column, name in enumerate(spec.space.ops)}
        self.strides = tuple(
            place.stride if edge.source < self.topology.num_inputs else 1 for edge in self.topology.edges
        )
        self.shortcut, self.gated_shortcut = place.shortcut, place.gated_shortcut
        self.rounds_down = place.rounds_down
        self.channels = channels = place.channels // self.share
        read = [place.inputs(self.topology, edge.source) // self.share for edge in self.topology.edges]
        self.projections = project_inputs(self.topology, place, spec.norm)
        self.edges = nn.ModuleList(
            nn.ModuleDict(
                {
                    name: _build(spec, place.built(name), channels, stride, place.map_size, inputs)
                    for name in spec.ops_of(place.kind, row)
                }
            )
            for row, (stride, inputs) in enumerate(zip(self.strides, read, strict=True))
        )
        self.auxiliary = nn.ModuleList(
            build_op("skip_connect", channels, stride, spec.norm, place.map_size, inputs)
            for stride, inputs in zip(self.strides, read, strict=True)
            if spec.mixing.auxiliary_skip
        )
        self.attention = nn.ModuleList(
            nn.ModuleDict(
                {name: _build(spec, name, channels, 1, place.map_size, channels) for name in spec.mixing.attention}
            )
            for _ in self.strides
            if spec.mixing.attention
        )
        joined = self.topology.output_multiplier * place.channels
        self.end = nn.ModuleDict(
            {name: build_op(name, joined, 1, spec.norm, place.map_size) for name in spec.mixing.end}
        )

    def forward(self, inputs: Sequence[Tensor | Features], call: SupernetCall) -> Tensor | Features:
        """Inputs, oldest first, each (batch, channels, height, width) -> (batch, output channels, height, width)."""
        states = [project(Features.of(x).whole) for project, x in zip(self.projections, inputs, strict=True)]
        call = self.with_chance(self.with_masks(call, states[-1]), states[-1].device)
        for node in self.topology.nodes:
            rows = self.topology.incoming(node)
            arriving = [self._edge(row, states[self.topology.edges[row].source], call) for row in rows]
            states.append(sum(arriving[1:], start=arriving[0]))
        if call.reader is not None:
            call.reader.cell(self.block, states)
        joined = self.after_nodes(join_outputs(self.topology, states), call).whole
        return joined + self.shortcut_of(states[0], call) if self.shortcut else joined

    def shortcut_of(self, x: Tensor, call: SupernetCall) -> Tensor:
        """What the shortcut adds: the input, times the sum of the gates of the operations that run, if it is gated.

        Every operation of a block with a shortcut is o(x) + x, and leaving the block out is x alone; so the sum of all
        of them, each times its gate, has x as often as the gates sum to (ProxylessNAS, arXiv:1812.00332, section 3.1).
        """
        if not self.gated_shortcut:
            return x
        gates, rows = call.of_operations(self.kind, self.number), range(len(self.edges))
        own = [gates[row, self.columns[name]] for row in rows for name in self.ops_of(row, call.active)]
        return sum(own[1:], start=own[0]) * x if own else torch.zeros_like(x)

    def after_nodes(self, joined: Features, call: SupernetCall) -> Features:
        """Apply the attention at the end of the cell, if there is any."""
        if not self.end:
            return joined
        x = joined.whole
        gates = call.gates[f"{self.kind}.end"]
        attended = [gate * op(x) for gate, op in zip(gates, self.end.values(), strict=True)]
        return Features(sum(attended[1:], start=attended[0]))

    def _edge(self, row: int, x: Tensor, call: SupernetCall) -> Tensor:
        kept, rest = split_channels(x, self.share)
        gates = call.of_operations(self.kind, self.number)[row]
        outputs = {name: _run(op, kept, call, row) for name, op in self.ops_of(row, call.active).items()}
        gated = [gates[self.columns[name]] * output for name, output in outputs.items()]
        mixed = sum(gated[1:], start=gated[0]) if gated else self.zeros(kept, self.strides[row])
        mixed = self.after_operations(row, kept, mixed, call)
        if call.reader is not None:
            call.reader.edge(self.block, row, kept, outputs, mixed)
        joined = join_channels(mixed, None if rest is None else bypass(rest, self.strides[row]), self.share)
        weights = call.gate(self.kind, "edges")
        return joined if weights is None else edge_weight(weights, row) * joined

    def zeros(self, x: Tensor, stride: int) -> Tensor:
        """Zeros in the shape of what an operation gives for x, (batch, channels, height, width)."""
        return x.new_zeros(len(x), self.channels, *self.output_size(x, stride))

    def output_size(self, x: Tensor, stride: int) -> Size:
        """(height, width) of what an operation gives for x."""
        return halved((x.shape[2], x.shape[3]), stride, down=self.rounds_down)

    def with_masks(self, call: SupernetCall, x: Tensor) -> SupernetCall:
        """The call with the dropout masks of this cell; its projected inputs have the shape of x."""
        if call.dropout is None:
            return call
        rows = [row for row in range(len(self.strides)) if any(map(is_identity, self.ops_of(row, None).values()))]
        kept, _ = split_channels(x, self.share)
        masks = call.dropout.draw(len(rows), kept, self.strides[0])
        return call._replace(masks=dict(zip(rows, masks.unbind(), strict=True)))

    def with_chance(self, call: SupernetCall, device: torch.device) -> SupernetCall:
        """The call with a generator for each edge with random operations; so the order of the edges does not matter."""
        rows = [row for row in range(len(self.strides)) if any(map(is_random, self.ops_of(row, None).values()))]
        if call.chance is None or not rows:
            return call
        seeds = torch.randint(2**62, (len(rows),), generator=call.chance, device="cpu").tolist()
        generators = {row: generator_on(device, seed) for row, seed in zip(rows, seeds, strict=True)}
        return call._replace(generators=generators)

    def after_operations(self, row: int, kept: Tensor, mixed: Tensor, call: SupernetCall) -> Tensor:
        """Apply the auxiliary skip connection, the attention and the offset of an edge, in this order."""
        if self.auxiliary:
            mixed = mixed + call.gates[f"{self.kind}.auxiliary"][row] * self.auxiliary[row](kept)
        if self.attention:
            gates = call.gates[f"{self.kind}.attention"][row]
            attended = [gate * op(mixed) for gate, op in zip(gates, self._attention(row), strict=True)]
            mixed = sum(attended[1:], start=attended[0])
        offsets = call.gate(self.kind, "offset")
        return mixed if offsets is None else mixed + offsets[row]

    def ops_of(self, row: int, active: Active | None) -> dict[str, nn.Module]:
        """The operations of an edge that run, by name."""
        ops = self.edges[row]
        assert isinstance(ops, nn.ModuleDict)
        chosen = None if active is None else active[self.kind][row]
        return {name: op for name, op in ops.items() if chosen is None or self.columns[name] in chosen}

    def _attention(self, row: int) -> list[nn.Module]:
        ops = self.attention[row]
        assert isinstance(ops, nn.ModuleDict)
        return list(ops.values())


class ReferenceSupernet(nn.Module):
    """`supernet(images, gates)`: a function of the images, the gates and its weights (arXiv:1806.09055, eq. 2).

    The gates are an argument, so sampled paths, masked operations, perturbations and Hessian products are ordinary
    calls. The weights can come from outside too (`OutsideWeights`).

    Args:
        spec: the supernet.
    """

    cell: ClassVar[type[MixedCell]] = MixedCell

    def __init__(self, spec: SupernetSpec) -> None:
        super().__init__()
        self.spec = spec
        self.backbone = Backbone(spec.plan, lambda place: self.cell(spec, place), spec.norm)
        counted = dict.fromkeys(spec.space.cell_kinds, 0)
        for index, cell in self.cells():
            cell.block, cell.number = index, counted[cell.kind]
            counted[cell.kind] += 1

    def cells(self) -> Iterator[tuple[int, MixedCell]]:
        """The cells that are searched, with their numbers among the blocks."""
        return ((index, cell) for index, cell in enumerate(self.backbone.blocks) if isinstance(cell, MixedCell))

    @property
    def candidate_weights(self) -> dict[str, list[dict[str, str]]]:
        """Names of the weights of candidate operations: cell kind -> for every cell, name in the cell -> name here."""
        found: dict[str, list[dict[str, str]]] = {kind: [] for kind in self.spec.space.cell_kinds}
        for index, cell in self.cells():
            names = [f"edges.{name}" for name, _ in cell.edges.named_parameters()]
            found[cell.kind].append({name: f"backbone.blocks.{index}.{name}" for name in names})
        return found

    @property
    def projection_weights(self) -> dict[str, list[str]]:
        """Cell kind -> the names of the weights that bring inputs to the channels and size of its cells."""
        found: dict[str, list[str]] = {kind: [] for kind in self.spec.space.cell_kinds}
        for index, cell in enumerate(self.backbone.blocks):
            if isinstance(cell, MixedCell):
                names = [name for name, _ in cell.projections.named_parameters()]
                found[cell.kind] += [f"backbone.blocks.{index}.projections.{name}" for name in names]
        return found

    def named_by_op(self) -> Iterator[tuple[tuple[int, int, str], tuple[str, ...]]]:
        """For every candidate operation its place, as (block, row of the edge, name), and the names of its weights."""
        for index, cell in self.cells():
            for row in range(len(cell.edges)):
                for op, module in cell.ops_of(row, None).items():
                    place = f"backbone.blocks.{index}.edges.{row}.{op}"
                    yield (index, row, op), tuple(f"{place}.{name}" for name, _ in module.named_parameters())

    def forward(
        self,
        images: Tensor,
        gates: Gates,
        active: Active | None = None,
        skip_dropout: SkipDropout | None = None,
        noise_seed: int = 0,
        reader: CellReader | None = None,
    ) -> Tensor:
        """Run the relaxed network.

        Args:
            images: (batch, channels, height, width).
            gates: `KIND`, for each cell kind: multiplies each operation's output, shape (edges, operations), or (cells
                of the kind, edges, operations) for gates by place, with numbers of its own for every cell
                (`gates_by_place`); columns of operations that an edge does not have are ignored. Optional, but needed
                if the spec says so:
                `KIND.edges`: multiplies the whole edge, shape (edges,), or (batch, edges) for a number per image;
                `KIND.auxiliary`: multiplies the auxiliary skip connections, shape (edges,); needed if there are any;
                `KIND.attention`: multiplies the attention operations, shape (edges, attention operations); needed if
                there are any;
                `KIND.end`: multiplies the attention operations at the end of the cell, shape (attention operations,);
                needed if there are any;
                `KIND.offset`: is added to every value of an edge's mixed output, shape (edges,). Zeros here give a
                gradient to the gates of operations that do not run (GDAS, arXiv:1910.04465, section 3.2).
            active: the operations that run; None: all run. The others are not computed and add nothing.
            skip_dropout: drops values after identities; None drops none, also in training mode.
            noise_seed: seed of random operations (`RandomOp`); they draw different numbers on every edge of every cell.
                Both engines draw the same numbers, so the logits remain a function of the arguments.
            reader: sees the maps inside of the cells, which the fast engine then computes edge by edge; None for
                nobody.

        Returns:
            Logits, shape (batch, classes).
        """
        call = make_call(images, gates, active, skip_dropout, noise_seed)
        return self.run(images, call._replace(reader=reader))[0]

    def run(self, images: Tensor, call: SupernetCall, taps: Sequence[int] = ()) -> tuple[Tensor, list[Tensor]]:
        """Run stem, cells and head.

        Args:
            images: (batch, channels, height, width).
            call: what every cell receives in addition to its inputs.
            taps: indices of blocks whose outputs are returned as well, in rising order.

        Returns:
            Logits, (batch, classes), and the maps after the blocks `taps`, each (batch, channels, height, width).
        """
        with plain_kernels():
            return self.backbone(images, call, taps)  # type: ignore[no-any-return]

    def tapped(
        self,
        images: Tensor,
        gates: Gates,
        active: Active | None = None,
        skip_dropout: SkipDropout | None = None,
        noise_seed: int = 0,
    ) -> tuple[Tensor, list[Tensor]]:
        """The logits of `forward`, and the maps after one and two thirds of the blocks, the inputs of `make_heads`."""
        return self.run(images, make_call(images, gates, active, skip_dropout, noise_seed), self._taps)

    def watched(self, images: Tensor, gates: Gates, active: Active | None, read: Reader) -> Tensor:
        """The logits of `forward`, while a reader gets the output of every operation that runs, before its gate.

        The cells run as `MixedCell` defines it, in the fast engine too, which otherwise never forms these outputs.
        """
        return self.forward(images, gates, active, reader=OutputReader(read))

    def make_heads(self) -> list[nn.Module]:
        """A small untrained classifier, map -> logits (batch, classes), for each map of `tapped`."""
        return [AuxiliaryHead(_output_channels(self.spec, tap), self.spec.plan) for tap in self._taps]

    @property
    def _taps(self) -> tuple[int, int]:
        blocks = len(self.spec.plan.places)
        return blocks // 3, 2 * blocks // 3


def make_call(
    images: Tensor, gates: Gates, active: Active | None, skip_dropout: SkipDropout | None, noise_seed: int
) -> SupernetCall:
    """The call that the cells receive when a supernet gets these arguments."""
    dropout = None if skip_dropout is None else skip_dropout.begin(images.device)
    return SupernetCall(gates, active, dropout, chance=torch.Generator().manual_seed(noise_seed))


def is_identity(op: nn.Module) -> bool:
    """Whether an operation is an identity; dropout acts only after identities."""
    return type(op) is nn.Identity


def is_random(op: nn.Module) -> bool:
    """Whether an operation draws random numbers."""
    return isinstance(op, RandomOp)


def edge_weight(weights: Tensor, row: int) -> Tensor:
    """The weight of an edge, in a shape that broadcasts to its output; `weights` is (edges,) or (batch, edges)."""
    return weights[row] if weights.dim() == 1 else weights[:, row, None, None, None]


def _output_channels(spec: SupernetSpec, index: int) -> int:
    """Channels of a block's output."""
    place = spec.plan.places[index]
    if isinstance(place, CellPlace):
        return spec.space.cell.output_multiplier * place.channels
    return place.out_channels


def _build(spec: SupernetSpec, name: str, channels: int, stride: int, size: Size | None, inputs: int) -> nn.Module:
    op = build_op(name, channels, stride, spec.norm, size, inputs)
    return nn.Sequential(op, spec.norm(channels)) if name in spec.space.normalized_ops else op


def _run(op: nn.Module, x: Tensor, call: SupernetCall, row: int) -> Tensor:
    mask = call.masks.get(row)
    output: Tensor = op(x, call.generators.get(row)) if is_random(op) else op(x)
    return output * mask if mask is not None and is_identity(op) else output
