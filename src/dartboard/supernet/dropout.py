"""Dropout behind the identities of a supernet."""

from dataclasses import dataclass

import torch
from torch import Tensor

__all__ = ["SkipDropout", "SkipMasks"]


@dataclass(frozen=True)
class SkipDropout:
    """Dropout behind every skip connection without weights, so that it does not win by being easy to train through.

    Single values are dropped, on every edge others, and the rest are scaled so that the expectation stays. With equal
    seeds a supernet drops the same values, so that its logits remain a function of what it is called with. Source:
    P-DARTS (arXiv:1904.12760, section 3.3); values, not whole maps, as in the authors' code.

    Attributes:
        probability: chance that a value is dropped, in [0, 1).
        seed: of the choice.
    """

    probability: float
    seed: int

    def begin(self, device: torch.device) -> "SkipMasks":
        """The masks of one call on images of that device."""
        generator = torch.Generator(device)
        generator.manual_seed(self.seed)
        return SkipMasks(self.probability, generator)


@dataclass(frozen=True)
class SkipMasks:
    """What multiplies the identities of the cells, one cell after the other.

    Attributes:
        probability: as in `SkipDropout`.
        generator: source of the masks, on the device of the images.
    """

    probability: float
    generator: torch.Generator

    def draw(self, count: int, like: Tensor, stride: int) -> Tensor:
        """Values of 0 or 1 / (1 - probability) for a cell.

        Args:
            count: how many edges have an identity.
            like: what such an edge reads, but for its sides: (batch, channels, height, width).
            stride: by which the sides of `like` are divided.

        Returns:
            (count, batch, channels, ceil(height / stride), ceil(width / stride)), each mask channels last.
        """
        batch, channels, height, width = like.shape
        size = (count, batch, -(-height // stride), -(-width // stride), channels)
        masks = torch.empty(size, dtype=like.dtype, device=like.device)
        keep = 1.0 - self.probability
        return masks.bernoulli_(keep, generator=self.generator).div_(keep).permute(0, 1, 4, 2, 3)
