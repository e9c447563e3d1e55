"""A genotype as a discrete network, to be trained from scratch."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from dartboard.space.backbone import Backbone, project_inputs
from dartboard.space.features import Features, gives_fresh, through
from dartboard.space.genotype import CellGenotype, Choice, Genotype
from dartboard.space.ops import Norm, RandomOp, build_op
from dartboard.space.skeleton import CellPlace, NetworkPlan
from dartboard.space.spaces.search_space import SearchSpace

__all__ = ["NETWORK_NORM", "AuxiliaryHead", "DrawnPaths", "DropPath", "Network"]

NETWORK_NORM = Norm(affine=True, running=True)


@dataclass(frozen=True)
class DropPath:
    """Drops the whole output of an operation for some images, and scales the rest so that the expectation stays.

    Source: the evaluation of DARTS (arXiv:1806.09055, section A.2).

    Attributes:
        probability: chance that one image loses one operation's output, in [0, 1).
        generator: source of the masks, and of what operations draw in training, on the device of the images.
    """

    probability: float
    generator: torch.Generator

    def __call__(self, x: Tensor) -> Tensor:
        """(batch, channels, height, width), with about `probability` of the images zeroed."""
        return x * self.draw(1, x)[0]

    def draw(self, count: int, like: Tensor) -> Tensor:
        """Factors for `count` outputs, 0 or 1 / (1 - probability) for each image: (count, batch, 1, 1, 1)."""
        keep = 1.0 - self.probability
        masks = torch.empty(count, len(like), 1, 1, 1, dtype=like.dtype, device=like.device)
        return masks.bernoulli_(keep, generator=self.generator).div_(keep)


class DrawnPaths:
    """A `DropPath` whose masks were drawn before, and are used one after the other.

    Args:
        masks: what `DropPath.draw` gives, one for each output that can be dropped: (count, batch, 1, 1, 1).
    """

    probability = 1.0

    def __init__(self, masks: Tensor) -> None:
        self._left = iter(masks.unbind())

    def __call__(self, x: Tensor) -> Tensor:
        """(batch, channels, height, width) times the next mask."""
        return x * next(self._left)


class Network(nn.Module):
    """The network of a genotype.

    Args:
        space: the genotype's space.
        genotype: a valid genotype of it.
        plan: width, depth, classes (`space.plan`); the inputs of cells become as wide as the genotype's outputs.
        auxiliary: whether to build the auxiliary head, where the plan has a place for one.
        mirrors: whether the logits of a network in evaluation mode are the mean over images and their mirror images.
    """

    def __init__(
        self,
        space: SearchSpace,
        genotype: Genotype,
        plan: NetworkPlan,
        *,
        auxiliary: bool = False,
        mirrors: bool = False,
    ) -> None:
        super().__init__()
        self.mirrors = mirrors
        joined = {kind: len(cell.outputs) for kind, cell in genotype.cells}
        plan = plan.joining(joined)
        self.backbone = Backbone(plan, lambda place: _Cell(space, genotype[place.kind], place), NETWORK_NORM)
        self._tap = plan.auxiliary_after if auxiliary else None
        self.auxiliary_head = None if self._tap is None else AuxiliaryHead(_output_channels(joined, plan), plan)

    @property
    def num_droppable(self) -> int:
        """Number of operations whose outputs drop path can drop."""
        cells = [block for block in self.backbone.blocks if isinstance(block, _Cell) and block.drops_paths]
        return sum(_is_droppable(op) for cell in cells for op in cell.ops)

    def forward(self, images: Tensor, drop_path: DropPath | DrawnPaths | None = None) -> Tensor:
        """(batch, channels, height, width) -> logits (batch, classes)."""
        logits: Tensor = self.backbone(images, drop_path)[0]
        if self.mirrors and not self.training:
            logits = (logits + self.backbone(images.flip(3), drop_path)[0]) / 2
        return logits

    def forward_with_auxiliary(
        self, images: Tensor, drop_path: DropPath | DrawnPaths | None = None
    ) -> tuple[Tensor, Tensor | None]:
        """Logits, and logits of the auxiliary head (None without one), each (batch, classes); for training."""
        logits, tapped = self.backbone(images, drop_path, () if self._tap is None else (self._tap,))
        if self.auxiliary_head is None or min(tapped[0].shape[2:]) < 2:
            return logits, None
        return logits, self.auxiliary_head(tapped[0])


class AuxiliaryHead(nn.Module):
    """A small classifier on the output of the second reduction cell, used in training only.

    The first pooling takes the map to 2x2: 5x5 windows for sides 6 to 10 (stride side - 5, which is the authors' for
    8 and 7 pixels), adaptive otherwise. With the ImageNet stem the last batch norm is absent, as in the authors' code.

    Source: the evaluation of DARTS (arXiv:1806.09055, section A.2).

    Args:
        channels: channels of the tapped map.
        plan: the network.
    """

    def __init__(self, channels: int, plan: NetworkPlan) -> None:
        super().__init__()
        last_norm = nn.BatchNorm2d(768) if plan.stem == "cifar" else nn.Identity()
        self.features = nn.Sequential(
            nn.Conv2d(channels, 128, 1, bias=False),
            nn.BatchNorm2d(128),
            nn.ReLU(),
            nn.Conv2d(128, 768, 2, bias=False),
            last_norm,
            nn.ReLU(),
        )
        self.classifier = nn.Linear(768, plan.num_classes)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, channels, height, width), sides of at least 2, -> logits (batch, classes)."""
        x = functional.relu(x)
        side = x.shape[2]
        if side == x.shape[3] and 6 <= side <= 10:
            x = functional.avg_pool2d(x, 5, stride=side - 5)
        x = functional.adaptive_avg_pool2d(x, 2)
        return self.classifier(self.features(x).flatten(1))  # type: ignore[no-any-return]


class _Cell(nn.Module):
    def __init__(self, space: SearchSpace, genotype: CellGenotype, place: CellPlace) -> None:
        super().__init__()
        self._topology = space.cell
        self._choices = genotype.choices
        self._outputs = genotype.outputs
        self._stride, self._place = place.stride, place
        self._channels = place.channels
        self._shortcut = place.shortcut
        self.drops_paths = place.drops_paths
        self.projections = project_inputs(space.cell, place, NETWORK_NORM)
        self.ops = nn.ModuleList(
            _build(choice, place, self._edge_stride(choice), place.inputs(space.cell, choice.source))
            for choice in self._choices
        )
        self.end = _end(genotype, place)

    def forward(self, inputs: Sequence[Tensor | Features], drop_path: DropPath | DrawnPaths | None) -> Features:
        states = {node: Features(through(self.projections[node], Features.of(x))) for node, x in enumerate(inputs)}
        for target in self._topology.nodes:
            arriving = [
                (self._apply_op(op, states[choice.source], drop_path), gives_fresh(op))
                for op, choice in zip(self.ops, self._choices, strict=True)
                if choice.target == target
            ]
            if arriving:
                states[target] = Features(_sum(arriving))
            elif target in self._outputs:
                states[target] = Features(self._silent(states[0].whole))
        joined = Features(*(states[node].whole for node in self._outputs))
        if not isinstance(self.end, nn.Identity):
            joined = Features(self.end(joined.whole))
        return Features(joined.whole + states[0].whole) if self._shortcut else joined

    def _edge_stride(self, choice: Choice) -> int:
        return self._stride if choice.source < self._topology.num_inputs else 1

    def _apply_op(self, op: nn.Module, x: Features, drop_path: DropPath | DrawnPaths | None) -> Tensor:
        result = _run(op, x, drop_path)
        drops = self.training and self.drops_paths and drop_path is not None and drop_path.probability > 0
        return drop_path(result) if drops and _is_droppable(op) else result  # type: ignore[misc]

    def _silent(self, first: Tensor) -> Tensor:
        """Zeros of a node's shape, for published cells that join a node without edges."""
        batch, _, height, width = first.shape
        return first.new_zeros(batch, self._channels, *self._place.shrink((height, width)))


class _Attended(nn.Sequential):
    """An operation and the attention that follows it."""


def _build(choice: Choice, place: CellPlace, stride: int, inputs: int) -> nn.Module:
    op = build_op(place.built(choice.op), place.channels, stride, NETWORK_NORM, place.map_size, inputs)
    if not choice.attention:
        return op
    return _Attended(op, build_op(choice.attention, place.channels, 1, NETWORK_NORM, place.map_size))


def _end(genotype: CellGenotype, place: CellPlace) -> nn.Module:
    """The attention on the output of a cell; an identity where there is none."""
    if not genotype.attention:
        return nn.Identity()
    channels = len(genotype.outputs) * place.channels
    return build_op(genotype.attention, channels, 1, NETWORK_NORM, place.map_size)


def _run(op: nn.Module, x: Features, drop_path: DropPath | DrawnPaths | None) -> Tensor:
    """The output of an operation for x; in training, one that draws uses the generator of drop path."""
    first = op[0] if isinstance(op, _Attended) else op
    if not isinstance(first, RandomOp):
        return through(op, x)
    drawn: Tensor = first(x.whole, drop_path.generator if isinstance(drop_path, DropPath) else None)
    return op[1](drawn) if isinstance(op, _Attended) else drawn


def _is_droppable(op: nn.Module) -> bool:
    """Whether drop path acts on it: neither the operation nor its attention is the identity (Att-DARTS)."""
    return not any(isinstance(part, nn.Identity) for part in (op if isinstance(op, _Attended) else (op,)))


def _sum(arriving: list[tuple[Tensor, bool]]) -> Tensor:
    """The sum of maps, computed in place if one of them is fresh; every map comes with whether it is."""
    (total, fresh), *others = sorted(arriving, key=lambda each: not each[1])
    for other, _ in others:
        total = total.add_(other) if fresh else total + other
        fresh = True
    return total


def _output_channels(joined: Mapping[str, int], plan: NetworkPlan) -> int:
    place = plan.places[plan.auxiliary_after or 0]
    assert isinstance(place, CellPlace)
    return joined[place.kind] * place.channels
