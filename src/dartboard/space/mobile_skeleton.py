"""The network around the blocks of a layer-wise space."""

from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Literal

from dartboard.space.layer_wise import LayerWise
from dartboard.space.skeleton import CellPlace, MobileEnds, NetworkPlan, Stem
from dartboard.space.topology import CellTopology, block_kinds

__all__ = ["MobileSkeleton"]

_STEM, _FIRST, _HEAD = 32, 16, 1280
_WIDTHS = (24, 40, 80, 96, 192, 320)
_STRIDES, _STRIDES_OF_SMALL_IMAGES = (2, 2, 2, 1, 2, 1), (1, 2, 2, 1, 2, 1)


@dataclass(frozen=True)
class MobileSkeleton(LayerWise):
    """The macro-architecture of ProxylessNAS (arXiv:1812.00332): six stages of inverted residual blocks.

    Stem, a fixed block, the stages of 24, 40, 80, 96, 192 and 320 channels, and a 1x1 convolution to 1280. The first
    block of a stage changes the channels and has its stride; the others have an identity shortcut. With the stem
    "cifar", for small images, stem and first stage have no stride.

    `init_channels` is the width of the first stage, 24 in the paper: all widths are multiplied by init_channels / 24
    and rounded to multiples of 8, never below 90 % (so the first stage itself may become wider); the last convolution
    never has fewer than 1280 channels, as in the authors' code. `layers` counts the blocks, whose number the space
    fixes, since every one has an alpha of its own.

    Attributes:
        lengths: blocks of each of the six stages.
        shortcut: what a shortcut is in a supernet. "candidate": a part of every operation of its block, and all that
            the operation `skip_connect` is, so that the gate of each has a gradient. "unconditional": always there,
            whatever the gates are; then the gate of `skip_connect` has no gradient of its own.
    """

    lengths: tuple[int, ...] = (4, 4, 4, 4, 4, 1)
    shortcut: Literal["candidate", "unconditional"] = "candidate"
    smallest_side = 1

    @property
    def cell_kinds(self) -> tuple[str, ...]:
        """One kind for every block, named by its stage and its number there."""
        return block_kinds(self.lengths)

    @property
    def fewest_layers(self) -> int:
        """The number of blocks, which is also the largest `layers` of a network."""
        return sum(self.lengths)

    def plan(
        self, cell: CellTopology, *, in_channels: int, num_classes: int, init_channels: int, layers: int, stem: Stem
    ) -> NetworkPlan:
        """The network of that width; raises SettingsError where `layers` is not the number of blocks."""
        self.check_layers(layers)
        multiplier = Fraction(init_channels, _WIDTHS[0])
        before = first = _rounded(_FIRST * multiplier)
        places = []
        kinds = iter(self.cell_kinds)
        strides = _STRIDES if stem == "imagenet" else _STRIDES_OF_SMALL_IMAGES
        for width, stage_stride, length in zip(_WIDTHS, strides, self.lengths, strict=True):
            channels = _rounded(width * multiplier)
            for block in range(length):
                stride = 1 if block else stage_stride
                shortcut = block > 0
                place = CellPlace(
                    next(kinds), (before,), (1,), channels, stride, shortcut=shortcut, drops_paths=shortcut
                )
                places.append(replace(place, gated_shortcut=self.shortcut == "candidate"))
                before = channels
        ends = MobileEnds(_rounded(_STEM * multiplier), max(_HEAD, _rounded(_HEAD * multiplier)))
        return NetworkPlan(
            in_channels, num_classes, stem, first, tuple(places), cell.output_multiplier * before, False, None, ends
        )


def _rounded(width: Fraction) -> int:
    """To the nearest multiple of 8, at least 8, and to the next one where that is below 90 %."""
    nearest = max(8, int(width + 4) // 8 * 8)
    return nearest if nearest >= Fraction(9, 10) * width else nearest + 8
