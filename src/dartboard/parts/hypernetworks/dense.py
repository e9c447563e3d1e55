"""A hypernetwork that makes all weights of a kind of cells with one network."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional
from typing_extensions import override

from dartboard.parts.architecture import Architecture
from dartboard.parts.hypernetworks.protocol import (
    Hypernetwork,
    WeightGenerator,
    candidate_weights,
    draw_linear,
    outside_weights,
)

__all__ = ["DenseHypernetwork"]

Activation = Literal["sigmoid", "tanh", "relu", "identity"]
_ACTIVATIONS: dict[Activation, Callable[[Tensor], Tensor]] = {
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "relu": torch.relu,
    "identity": lambda hidden: hidden,
}


@dataclass(frozen=True)
class DenseHypernetwork(Hypernetwork):
    """For each kind of cells one network, from all its alphas to all its weights: linear, or with one hidden layer.

    The hidden layer has half as many units as alpha has numbers. The layers start as torch's linear layers do, except
    for the last bias: it is chosen so that alphas of zero give the supernet's own initial weights. (The thesis does not
    describe the start.)

    Source: HyperDARTS (thesis): HyperDARTS-1 is linear, HyperDARTS-2 has a hidden layer with a sigmoid.

    Attributes:
        activation: activation of the hidden layer; None: there is no hidden layer.
        direct_gradient: whether alpha also gets the gradient through its gates at fixed weights.
        makes_outside: whether all other weights except those of norms are made too (experiment 1.1, method 2): those in
            front of a cell by the network of its kind; all others, such as stem and classifier, by a network that reads
            the alphas of all kinds. (The thesis does not say which alphas it reads.)
        alpha_noise: standard deviation of normal noise on alpha in weight steps.
    """

    activation: Activation | None = None
    direct_gradient: bool = True
    makes_outside: bool = False
    alpha_noise: float = 0.0

    @override
    def build(self, supernet: nn.Module, architecture: Architecture, generator: torch.Generator) -> WeightGenerator:
        parts = {}
        in_front, others = outside_weights(supernet) if self.makes_outside else ({}, {})
        for kind, cells in candidate_weights(supernet).items():
            starts = dict(pair for cell in cells for pair in cell.values()) | in_front.get(kind, {})
            if starts:
                parts[kind] = _DenseGenerator(architecture.cells[kind].live.numel(), starts, self.activation, generator)
        read = sum(cell.live.numel() for cell in architecture.cells.values())
        outside = _DenseGenerator(read, others, self.activation, generator) if others else None
        return WeightGenerator(architecture.cells, parts, outside)


class _DenseGenerator(nn.Module):
    """One or two linear layers.

    Args:
        inputs: how many numbers alpha has.
        starts: the weights that alphas of zero give, by name.
        activation: activation between two layers; None: there is only one layer.
        generator: draws initial weights, on the CPU.
    """

    def __init__(
        self, inputs: int, starts: dict[str, Tensor], activation: Activation | None, generator: torch.Generator
    ) -> None:
        super().__init__()
        self.names = tuple(starts)
        self._shapes = [start.shape for start in starts.values()]
        self._sizes = [start.numel() for start in starts.values()]
        self._activation = activation
        if activation is not None:
            hidden_weight, hidden_bias = draw_linear(inputs, inputs // 2, generator)
            self.hidden_weight, self.hidden_bias = nn.Parameter(hidden_weight), nn.Parameter(hidden_bias)
            inputs = inputs // 2
        weight, _ = draw_linear(inputs, sum(self._sizes), generator)
        self.weight = nn.Parameter(weight)
        wanted = torch.cat([start.flatten().to(weight.device) for start in starts.values()])
        with torch.no_grad():
            offset = 0 if activation is None else functional.linear(_ACTIVATIONS[activation](hidden_bias), weight)
        self.bias = nn.Parameter(wanted - offset)

    def forward(self, alpha: Tensor) -> dict[str, Tensor]:
        """Alpha, (inputs,) -> weights by name."""
        if self._activation is not None:
            alpha = _ACTIVATIONS[self._activation](functional.linear(alpha, self.hidden_weight, self.hidden_bias))
        pieces = torch.split(functional.linear(alpha, self.weight, self.bias), self._sizes)
        return {name: piece.view(shape) for name, piece, shape in zip(self.names, pieces, self._shapes, strict=True)}
