"""The network around the blocks of a layer-wise space of dense convolutions."""

from dataclasses import dataclass

from dartboard.space.layer_wise import LayerWise
from dartboard.space.skeleton import CellPlace, NetworkPlan, StageEnds, Stem
from dartboard.space.topology import CellTopology, block_kinds

__all__ = ["StageSkeleton"]

_PATCH = 4
_LOGIT_SCALE = 1 / 9


@dataclass(frozen=True)
class StageSkeleton(LayerWise):
    """A few stages of dense blocks, as in the CIFAR-10 speed runs (airbench, arXiv:2404.00498, section 3.1).

    The first block of a stage changes the channels and has stride 2, and divides odd sides rounding down; the others
    keep the shape. The stem gives 8 channels for every one of the images, as many as whitening does, and with the stem
    "imagenet" `init_channels`, of a quarter of the side. The classifier reads the maximum of every channel, and its
    outputs are divided by 9.

    `init_channels` is multiplied by `multipliers` to give the widths of the stages (64, 256 and 256 in the paper).
    `layers` counts the blocks, whose number the space fixes, since every one has an alpha of its own.

    Attributes:
        blocks: blocks of every stage.
        multipliers: for every stage its width in units of `init_channels`.
    """

    blocks: int = 3
    multipliers: tuple[int, ...] = (1, 4, 4)
    smallest_side = 1

    @property
    def cell_kinds(self) -> tuple[str, ...]:
        """One kind for every block, named by its stage and its number there."""
        return block_kinds((self.blocks,) * len(self.multipliers))

    @property
    def fewest_layers(self) -> int:
        """The number of blocks, which is also the largest `layers` of a network."""
        return self.blocks * len(self.multipliers)

    def plan(
        self, cell: CellTopology, *, in_channels: int, num_classes: int, init_channels: int, layers: int, stem: Stem
    ) -> NetworkPlan:
        """The network of that width; raises SettingsError where `layers` is not the number of blocks."""
        self.check_layers(layers)
        before = stem_channels = 8 * in_channels if stem == "cifar" else init_channels
        places = []
        for number, kind in enumerate(self.cell_kinds):
            stage, block = divmod(number, self.blocks)
            channels = self.multipliers[stage] * init_channels
            stride = 1 if block else 2
            places.append(CellPlace(kind, (before,), (1,), channels, stride, drops_paths=False, rounds_down=True))
            before = cell.output_multiplier * channels
        return NetworkPlan(
            in_channels,
            num_classes,
            stem,
            stem_channels,
            tuple(places),
            before,
            normalizes_features=False,
            auxiliary_after=None,
            stages=StageEnds(_PATCH),
            logit_scale=_LOGIT_SCALE,
        )
