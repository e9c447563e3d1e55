"""A hypernetwork that makes every kernel from small ones, each with its own embedding."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional
from typing_extensions import override

from dartboard.parts.architecture import Architecture
from dartboard.parts.hypernetworks.protocol import Hypernetwork, WeightGenerator, candidate_weights, draw_linear

__all__ = ["EmbeddingHypernetwork"]


@dataclass(frozen=True)
class EmbeddingHypernetwork(Hypernetwork):
    """For every convolution of a kind of cells one small linear network, from alpha and an embedding to a basic kernel.

    The basic kernel has the size of the kernel in the narrowest cell. Wider cells join several basic kernels side by
    side along input and output channels; each basic kernel has its own learned embedding. Example: for sep_conv_3x3 in
    the normal cells of DARTS (8 layers, 16 channels) the first depthwise kernel has 144 numbers, and the cells join 1,
    1, 2, 2, 4 and 4 of them.

    The networks start as torch's linear layers do, and the embeddings as torch's embeddings do. But the bias starts as
    the initial kernel of the first of the narrowest cells. (The thesis does not describe the start.) The thesis makes
    one kernel after the other; here one network makes all of its kernels at once.

    Source: HyperDARTS (thesis), experiment 2.1.1.

    Attributes:
        size: how many numbers an embedding has.
        direct_gradient: whether alpha also gets the gradient through its gates at fixed weights.
        alpha_noise: standard deviation of normal noise on alpha in weight steps.
    """

    size: int = 32
    direct_gradient: bool = True
    alpha_noise: float = 0.0

    @override
    def build(self, supernet: nn.Module, architecture: Architecture, generator: torch.Generator) -> WeightGenerator:
        parts = {}
        for kind, cells in candidate_weights(supernet).items():
            places: dict[str, dict[str, Tensor]] = {}
            for cell in cells:
                for inner, (name, start) in cell.items():
                    places.setdefault(inner, {})[name] = start
            if places:
                inputs = architecture.cells[kind].live.numel()
                parts[kind] = _EmbeddedGenerator(
                    [_KernelGenerator(inputs, self.size, starts, generator) for starts in places.values()]
                )
        return WeightGenerator(architecture.cells, parts)


class _EmbeddedGenerator(nn.Module):
    """One network for every convolution of a cell.

    Args:
        places: one network for each convolution.
    """

    def __init__(self, places: list["_KernelGenerator"]) -> None:
        super().__init__()
        self.places = nn.ModuleList(places)
        self.names = tuple(name for place in places for name in place.names)

    def forward(self, alpha: Tensor) -> dict[str, Tensor]:
        """Alpha, (inputs,) -> weights by name."""
        return {name: weight for place in self.places for name, weight in place(alpha).items()}


class _KernelGenerator(nn.Module):
    """Makes the kernels of one convolution in all cells of a kind.

    Args:
        inputs: how many numbers alpha has.
        size: how many numbers an embedding has.
        starts: initial kernels by name, narrow and wide.
        generator: draws initial weights, on the CPU.
    """

    def __init__(self, inputs: int, size: int, starts: dict[str, Tensor], generator: torch.Generator) -> None:
        super().__init__()
        basic = min(starts.values(), key=Tensor.numel)
        self.names = tuple(starts)
        self._basic = tuple(basic.shape)
        self._shapes = [tuple(start.shape) for start in starts.values()]
        self._tilings = [
            tuple(-(-wide // narrow) for wide, narrow in zip(shape, self._basic, strict=True)) for shape in self._shapes
        ]
        self._counts = [math.prod(tiling) for tiling in self._tilings]
        weight, _ = draw_linear(inputs + size, basic.numel(), generator)
        self.weight = nn.Parameter(weight)
        self.bias = nn.Parameter(basic.flatten().to(weight.device, copy=True))
        self.embeddings = nn.Parameter(torch.empty(sum(self._counts), size).normal_(generator=generator))

    def forward(self, alpha: Tensor) -> dict[str, Tensor]:
        """Alpha, (inputs,) -> weights by name."""
        fed = torch.cat([alpha.expand(len(self.embeddings), -1), self.embeddings], dim=1)
        pieces = torch.split(functional.linear(fed, self.weight, self.bias), self._counts)
        return {
            name: self._joined(piece, tiling, shape)
            for name, piece, tiling, shape in zip(self.names, pieces, self._tilings, self._shapes, strict=True)
        }

    def _joined(self, pieces: Tensor, tiling: tuple[int, ...], shape: tuple[int, ...]) -> Tensor:
        """Basic kernels, (tiles, numbers of a basic kernel) -> the wide kernel; channels that exceed it are cut off."""
        dims = len(shape)
        order = [axis for dim in range(dims) for axis in (dim, dims + dim)]
        whole = [tiles * narrow for tiles, narrow in zip(tiling, self._basic, strict=True)]
        kernel = pieces.view(*tiling, *self._basic).permute(order).reshape(whole)
        return kernel[tuple(slice(length) for length in shape)]
