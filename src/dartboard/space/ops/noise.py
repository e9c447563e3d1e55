"""Operations that draw random numbers, and noise, a candidate that no good search should choose."""

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn

from dartboard.space.ops.operation import Cost, Norm, op

__all__ = ["RandomOp", "generator_on"]


class RandomOp(nn.Module, ABC):
    """An operation that draws random numbers: `op(x, generator)`.

    Without a generator it draws from one with a fixed seed, so that every call on equal shapes gives the same numbers:
    a trained network is tested like this, and remains a function of its images.
    """

    def forward(self, x: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """(batch, channels, height, width) -> (batch, channels, ceil(height/stride), ceil(width/stride)).

        Args:
            x: the map.
            generator: source of the draw, on the device of x.
        """
        if generator is None:
            generator = generator_on(x.device, 0)
        return self.draw(x, generator)

    @abstractmethod
    def draw(self, x: Tensor, generator: torch.Generator) -> Tensor:
        """The numbers drawn for x.

        Args:
            x: the map, (batch, channels, height, width).
            generator: source of the numbers, on the device of x.

        Returns:
            (batch, channels, ceil(height/stride), ceil(width/stride)).
        """


def generator_on(device: torch.device, seed: int) -> torch.Generator:
    """A generator on a device; for the meta device, where nothing is drawn, one on the CPU."""
    return torch.Generator("cpu" if device.type == "meta" else device).manual_seed(seed)


class _Noise(RandomOp):
    def __init__(self, stride: int) -> None:
        super().__init__()
        self._stride = stride

    def draw(self, x: Tensor, generator: torch.Generator) -> Tensor:
        """Independent standard normal values, channels last whatever x is, so that engines draw the same."""
        batch, channels, height, width = x.shape
        size = (batch, -(-height // self._stride), -(-width // self._stride), channels)
        drawn = torch.empty(size, dtype=x.dtype, device=x.device).normal_(generator=generator)
        return drawn.permute(0, 3, 1, 2)


@op("noise", cost=lambda *_: Cost(), paper="arXiv:1909.09656", blind=True)
def noise(channels: int, stride: int, norm: Norm) -> nn.Module:  # noqa: ARG001 - one signature for all operations
    """Standard normal noise whatever the input is, also in evaluation."""
    return _Noise(stride)
