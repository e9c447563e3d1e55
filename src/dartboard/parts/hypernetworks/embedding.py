"""A hypernetwork that makes every kernel from small ones, told apart by embeddings."""

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

    The basic kernel is as large as that of the narrowest cell; wider cells join several, side by side along input and
    output channels, each with a learned embedding of its own. For sep_conv_3x3 in the normal cells of DARTS (8 layers,
    16 channels) the first depthwise kernel has 144 numbers, and the cells join 1, 1, 2, 2, 4 and 4 of them.

    Networks start as torch's linear layers do, embeddings as torch's, but a bias is the initial kernel of the first of
    the narrowest cells. (The thesis does not say.) Where the thesis makes one kernel after the other, here one network
    makes all of its kernels at once.

    Source: HyperDARTS (thesis), experiment 2.1.1.

    Attributes:
        size: numbers of an embedding.
        direct_gradient: whether alpha also learns from what its gates do at fixed weights.
    """

    size: int = 32
    direct_gradient: bool = True

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
        places: the networks.
    """

    def __init__(self, places: list["_KernelGenerator"]) -> None:
        super().__init__()
        self.places = nn.ModuleList(places)
        self.names = tuple(name for place in places for name in place.names)

    def forward(self, alpha: Tensor) -> dict[str, Tensor]:
        """(inputs,) -> weights by name."""
        return {name: weight for place in self.places for name, weight in place(alpha).items()}


class _KernelGenerator(nn.Module):
    """The kernels that one convolution has in all cells of a kind.

    Args:
        inputs: numbers of alpha.
        size: numbers of an embedding.
        starts: initial kernels by name, narrow and wide.
        generator: draws initial weights.
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
        """(inputs,) -> weights by name."""
        fed = torch.cat([alpha.expand(len(self.embeddings), -1), self.embeddings], dim=1)
        pieces = torch.split(functional.linear(fed, self.weight, self.bias), self._counts)
        return {
            name: self._joined(piece, tiling, shape)
            for name, piece, tiling, shape in zip(self.names, pieces, self._tilings, self._shapes, strict=True)
        }

    def _joined(self, pieces: Tensor, tiling: tuple[int, ...], shape: tuple[int, ...]) -> Tensor:
        """(tiles, numbers of a basic kernel) -> the wide kernel; tiles that stick out are cut."""
        dims = len(shape)
        order = [axis for dim in range(dims) for axis in (dim, dims + dim)]
        whole = [tiles * narrow for tiles, narrow in zip(tiling, self._basic, strict=True)]
        kernel = pieces.view(*tiling, *self._basic).permute(order).reshape(whole)
        return kernel[tuple(slice(length) for length in shape)]
