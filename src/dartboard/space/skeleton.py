"""The network around the cells as data: a skeleton turns width and depth into a `NetworkPlan`.

`Backbone` (space/backbone.py) builds any plan around any kind of cell.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal, Protocol

from dartboard.errors import SettingsError
from dartboard.space.ops.operation import Size
from dartboard.space.topology import CellTopology

__all__ = [
    "CellPlace",
    "DartsSkeleton",
    "MobileEnds",
    "NasBench201Skeleton",
    "NetworkPlan",
    "ResidualPlace",
    "Skeleton",
    "StageEnds",
    "Stem",
    "halved",
]

Stem = Literal["cifar", "imagenet"]
"""How a network begins: "cifar" keeps the resolution of small images, "imagenet" divides that of large ones."""


@dataclass(frozen=True)
class CellPlace:
    """Where a cell stands.

    Attributes:
        kind: cell kind ("normal", "reduce", "cell"): which alpha, which part of the genotype.
        input_channels: channels of each input, oldest first.
        input_strides: 2 for an input twice as large as the newest one, which must be shrunk to its size, else 1.
        channels: channels of every node in the cell.
        stride: stride of the edges that leave input nodes.
        map_size: (height, width) of every node in the cell; None where the plan was made without the image size.
        shortcut: whether the cell adds its only input to its output. The operation `skip_connect` then adds nothing,
            so that the shortcut alone is left of the cell.
        gated_shortcut: whether, in a supernet, the shortcut belongs to every operation of the cell, and so has the sum
            of their gates as its weight; else its weight is 1, whatever the gates are.
        drops_paths: whether drop path may act; False where it would leave nothing of an image.
        rounds_down: whether a stride of 2 takes an odd side to (side - 1) / 2 and not to (side + 1) / 2.
    """

    kind: str
    input_channels: tuple[int, ...]
    input_strides: tuple[int, ...]
    channels: int
    stride: int
    map_size: Size | None = None
    shortcut: bool = False
    gated_shortcut: bool = True
    drops_paths: bool = True
    rounds_down: bool = False

    def shrink(self, size: Size) -> Size:
        """(height, width) of every node in the cell, from that of its newest input."""
        return halved(size, self.stride, down=self.rounds_down)

    def built(self, op: str) -> str:
        """The operation that is built in this place for `op`: nothing for a skip beside the shortcut."""
        return "zero" if self.shortcut and op == "skip_connect" else op

    def inputs(self, cell: CellTopology, source: int) -> int:
        """Channels that an operation reads from the node `source`."""
        if cell.projects_inputs or source >= cell.num_inputs:
            return self.channels
        return self.input_channels[source]


@dataclass(frozen=True)
class ResidualPlace:
    """A fixed residual block of stride 2 between two stages (NAS-Bench-201)."""

    in_channels: int
    out_channels: int

    def shrink(self, size: Size) -> Size:
        """(height, width) of its output, from that of its input."""
        return halved(size, 2)


@dataclass(frozen=True)
class MobileEnds:
    """What stands around the blocks of a mobile network (arXiv:1801.04381).

    Attributes:
        stem: channels of the first convolution, which a fixed block brings to the plan's `stem_channels`.
        head: channels of the 1x1 convolution before the pooling.
    """

    stem: int
    head: int


@dataclass(frozen=True)
class StageEnds:
    """What stands around the blocks of a network of dense stages (arXiv:2404.00498).

    Small images go through a 3x3 convolution, batch norm and GELU, or, where the network whitens, straight from the
    whitening to the blocks. Large ones go through a convolution of `patch` x `patch` pixels with that stride, batch
    norm and GELU; sides are divided rounding down. The classifier reads the maximum of every channel.

    Attributes:
        patch: side and stride of the convolution that divides large images.
    """

    patch: int


@dataclass(frozen=True)
class NetworkPlan:
    """A network as data.

    Attributes:
        in_channels: channels of the images.
        num_classes: outputs of the classifier.
        stem: "cifar" (one 3x3 convolution) or "imagenet" (three of stride 2; gives the first cell two inputs).
        stem_channels: channels that the stem gives.
        places: cells and residual blocks in order.
        features: channels of the last block.
        normalizes_features: whether batch norm and ReLU precede the global pooling.
        auxiliary_after: index of the place whose output feeds the auxiliary head; None when the space has none.
        mobile: the ends of a mobile network, whose stem "imagenet" has one stride of 2 and "cifar" none; None for the
            stems and the head of cells.
        stages: the ends of a network of dense stages; None for those of cells.
        whitens: whether whitened 2x2 patches of the images come before the stem, which then reads 8 channels for
            every one of the images, of a pixel less in height and width (`Whitening`).
        logit_scale: what the outputs of the classifier are multiplied by.
    """

    in_channels: int
    num_classes: int
    stem: Stem
    stem_channels: int
    places: tuple[CellPlace | ResidualPlace, ...]
    features: int
    normalizes_features: bool
    auxiliary_after: int | None
    mobile: MobileEnds | None = None
    stages: StageEnds | None = None
    whitens: bool = False
    logit_scale: float = 1.0

    @property
    def stem_inputs(self) -> int:
        """Channels that the stem reads."""
        return 8 * self.in_channels if self.whitens else self.in_channels

    @property
    def stem_stride(self) -> int:
        """The number by which the stem divides height and width."""
        if self.stem == "cifar":
            return 1
        if self.stages:
            return self.stages.patch
        return 2 if self.mobile else 8

    @property
    def whitening_is_stem(self) -> bool:
        """Whether the images go straight from the whitening to the first block."""
        return self.stages is not None and self.whitens and self.stem == "cifar"

    def before_stem(self, image_size: Size) -> Size:
        """(height, width) of what the stem reads: that of the images, or, where they are whitened, a pixel less."""
        return (max(0, image_size[0] - 1), max(0, image_size[1] - 1)) if self.whitens else image_size

    def after_stem(self, image_size: Size) -> Size:
        """(height, width) of what the stem gives for images of a size."""
        return halved(self.before_stem(image_size), self.stem_stride, down=self.stages is not None)

    @property
    def pooled(self) -> int:
        """Channels that the classifier reads."""
        return self.mobile.head if self.mobile else self.features

    def joining(self, nodes: Mapping[str, int]) -> "NetworkPlan":
        """The same network around cells whose outputs join another number of nodes.

        Args:
            nodes: cell kind -> number of nodes that form the output.
        """
        joined = [self.stem_channels, self.stem_channels]
        places: list[CellPlace | ResidualPlace] = []
        for place in self.places:
            if isinstance(place, ResidualPlace):
                places.append(replace(place, in_channels=joined[-1]))
                joined.append(place.out_channels)
            else:
                places.append(replace(place, input_channels=tuple(joined[-len(place.input_channels) :])))
                joined.append(nodes[place.kind] * place.channels)
        return replace(self, places=tuple(places), features=joined[-1])

    def for_images(self, size: Size) -> "NetworkPlan":
        """The same plan, in which every cell knows the size of its maps.

        Args:
            size: (height, width) of the images.
        """
        newer, places = self.after_stem(size), []
        for place in self.places:
            newer = place.shrink(newer)
            places.append(replace(place, map_size=newer) if isinstance(place, CellPlace) else place)
        return replace(self, places=tuple(places))


def halved(size: Size, stride: int, *, down: bool = False) -> Size:
    """The size of a map after a stride, or after several strides with that product; rounded up, or down."""
    if down:
        return size[0] // stride, size[1] // stride
    return -(-size[0] // stride), -(-size[1] // stride)


class Skeleton(Protocol):
    """Turns width and depth into a plan."""

    @property
    def cell_kinds(self) -> tuple[str, ...]:
        """Kinds of cells that the plan places, in the order in which genotypes name them."""
        ...

    @property
    def fewest_layers(self) -> int:
        """The smallest `layers` that a network can have."""
        ...

    @property
    def smallest_side(self) -> int:
        """The smallest side that the last feature map may have."""
        ...

    def deepen(self, layers: int, cells: int) -> int:
        """The `layers` of a network that has so many more cells in every group between reductions.

        Args:
            layers: the `layers` of the network that is made deeper.
            cells: cells that every group gains.

        Raises:
            RecipeError: the number of cells is fixed.
        """
        ...

    def plan(
        self, cell: CellTopology, *, in_channels: int, num_classes: int, init_channels: int, layers: int, stem: Stem
    ) -> NetworkPlan:
        """The network of a width and a depth.

        Args:
            cell: graph of the cells.
            in_channels: channels of the images.
            num_classes: outputs of the classifier.
            init_channels: width of the first cells.
            layers: depth, which every skeleton counts in its own way.
            stem: how the network begins.

        Raises:
            SettingsError: there is no network of that width or depth.
        """
        ...


@dataclass(frozen=True)
class DartsSkeleton:
    """Normal cells with a reduction cell after one and two thirds (DARTS, arXiv:1806.09055).

    `layers` counts cells; the cells at layers // 3 and 2 * layers // 3 halve the map and double the channels. With one
    kind of cells these are like the others, but for the stride of the edges that leave their inputs.
    """

    cell_kinds: tuple[str, ...] = ("normal", "reduce")
    num_reductions: int = 2
    fewest_layers: int = 3
    smallest_side: int = 2

    def deepen(self, layers: int, cells: int) -> int:
        """The `layers` with so many more cells in each of the groups before, between and after the reductions."""
        return layers + (self.num_reductions + 1) * cells

    def plan(
        self, cell: CellTopology, *, in_channels: int, num_classes: int, init_channels: int, layers: int, stem: Stem
    ) -> NetworkPlan:
        """The network of that width and depth; raises SettingsError below 3 cells and for an odd width."""
        if layers < self.fewest_layers:
            raise SettingsError(f"this space needs at least 3 layers (2 of them reduction cells), not {layers}.")
        if init_channels % 2:
            raise SettingsError(f"init_channels must be even, not {init_channels}: reductions halve channels.")
        reductions = (layers // 3, 2 * layers // 3)
        width = init_channels
        stem_channels = 3 * width if stem == "cifar" else width
        older = newer = stem_channels
        shrink_older = stem == "imagenet"
        places: list[CellPlace] = []
        for index in range(layers):
            reduces = index in reductions
            width = 2 * width if reduces else width
            inputs, strides = ((older, newer), (2 if shrink_older else 1, 1))
            kind = self.cell_kinds[-1 if reduces else 0]
            read = cell.num_inputs
            places.append(CellPlace(kind, inputs[-read:], strides[-read:], width, 2 if reduces else 1))
            older, newer, shrink_older = newer, cell.output_multiplier * width, reduces
        return NetworkPlan(
            in_channels, num_classes, stem, stem_channels, tuple(places), newer, False, auxiliary_after=reductions[1]
        )


@dataclass(frozen=True)
class NasBench201Skeleton:
    """Three stages of equal cells with residual blocks of stride 2 between them (arXiv:2001.00326).

    `layers` counts the cells of each stage (5 in the paper); channels double from stage to stage.
    """

    cell_kinds: tuple[str, ...] = ("cell",)
    fewest_layers: int = 1
    smallest_side: int = 2

    def deepen(self, layers: int, cells: int) -> int:
        """The `layers` of a network with so many more cells in each stage."""
        return layers + cells

    def plan(
        self, cell: CellTopology, *, in_channels: int, num_classes: int, init_channels: int, layers: int, stem: Stem
    ) -> NetworkPlan:
        """The network of that width and depth; raises SettingsError where a stage would have no cell."""
        if layers < self.fewest_layers:
            raise SettingsError(f"this space needs at least 1 layer per stage, not {layers}.")
        width = init_channels
        places: list[CellPlace | ResidualPlace] = []
        for stage in range(3):
            if stage:
                places.append(ResidualPlace(width, 2 * width))
                width *= 2
            places += [CellPlace("cell", (width,), (1,), width, 1)] * layers
        features = cell.output_multiplier * width
        return NetworkPlan(in_channels, num_classes, stem, init_channels, tuple(places), features, True, None)
