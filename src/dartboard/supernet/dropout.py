"""Dropout after the identities of a supernet."""

from dataclasses import dataclass

import torch
from torch import Tensor

__all__ = ["SkipDropout", "SkipMasks"]


@dataclass(frozen=True)
class SkipDropout:
    """Dropout after skip connections without weights, so that they do not win only because they are easy to train.

    Single values are dropped, different values on every edge. The other values are scaled so that the expectation stays
    the same. With equal seeds a supernet drops the same values, so its logits remain a function of its arguments.
    Source: P-DARTS (arXiv:1904.12760, section 3.3); as in the authors' code, values are dropped and not whole maps.

    Attributes:
        probability: chance that a value is dropped, in [0, 1).
        seed: decides which values are dropped.
    """

    probability: float
    seed: int

    def begin(self, device: torch.device) -> "SkipMasks":
        """The masks of one call of the supernet, for images on that device."""
        generator = torch.Generator(device)
        generator.manual_seed(self.seed)
        return SkipMasks(self.probability, generator)


@dataclass(frozen=True)
class SkipMasks:
    """Draws the masks of the identities, one cell after the other.

    Attributes:
        probability: chance that a value is dropped, in [0, 1).
        generator: source of the masks, on the device of the images.
    """

    probability: float
    generator: torch.Generator

    def draw(self, count: int, like: Tensor, stride: int) -> Tensor:
        """Masks for a cell; each value is 0 or 1 / (1 - probability).

        Args:
            count: number of edges with an identity.
            like: a map with the batch, channels, type and device of the inputs of these edges, (batch, channels,
                height, width).
            stride: the sides of the masks are those of `like` divided by this number.

        Returns:
            The masks, (count, batch, channels, ceil(height / stride), ceil(width / stride)), each channels last.
        """
        batch, channels, height, width = like.shape
        size = (count, batch, -(-height // stride), -(-width // stride), channels)
        masks = torch.empty(size, dtype=like.dtype, device=like.device)
        keep = 1.0 - self.probability
        return masks.bernoulli_(keep, generator=self.generator).div_(keep).permute(0, 1, 4, 2, 3)
