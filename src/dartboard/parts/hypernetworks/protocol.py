"""The protocol of hypernetworks, and how their weights join the supernet's own weights."""

from collections.abc import Mapping, Sequence
from typing import Protocol, cast

import torch
from torch import Tensor, nn
from torch.func import functional_call

from dartboard.parts.architecture import Architecture
from dartboard.parts.gradient import Tensors
from dartboard.parts.relaxation import RelaxedCell

__all__ = [
    "CellGenerator",
    "Hypernetwork",
    "WeightGenerator",
    "attach_hypernetwork",
    "candidate_weights",
    "draw_linear",
    "learned_weights",
    "supernet_weights",
]

_PREFIX = "hypernetwork."
"""Comes before the names of the hypernetwork's weights in a mapping with the supernet's weights."""


class CellGenerator(Protocol):
    """A module that makes the weights of all cells of a kind."""

    @property
    def names(self) -> Sequence[str]:
        """The names in the supernet of the weights that it makes."""
        ...

    def __call__(self, alpha: Tensor) -> dict[str, Tensor]:
        """Alpha, flattened, -> weights by name."""
        ...


class WeightGenerator(nn.Module):
    """Turns alphas into the weights of the candidate operations of all cells.

    If an edge lacks an operation, the entry of alpha is read as 0.

    Args:
        cells: by kind.
        parts: by kind, the module that makes the weights of the cells; kinds without such weights have no module.
    """

    def __init__(self, cells: Mapping[str, RelaxedCell], parts: Mapping[str, nn.Module]) -> None:
        super().__init__()
        self.parts = nn.ModuleDict(parts)
        self._cells = dict(cells)

    @property
    def names(self) -> tuple[str, ...]:
        """The names in the supernet of the weights that it makes."""
        return tuple(name for part in self.parts.values() for name in cast(CellGenerator, part).names)

    def forward(self, alphas: Tensors) -> dict[str, Tensor]:
        """Alphas by name (see `Architecture`) -> weights by name; only the alphas of operations are read."""
        generated: dict[str, Tensor] = {}
        for kind, part in self.parts.items():
            cell = self._cells[kind]
            alpha = alphas[kind] if cell.is_whole else alphas[kind] * cell.live
            generated |= part(alpha.flatten())
        return generated


class Hypernetwork(Protocol):
    """Makes the weights of candidate operations from alpha, so that d loss / d alpha includes the weights' response.

    Weights outside of candidate operations are trained themselves.

    Source: HyperDARTS (thesis), algorithm 2.
    """

    @property
    def direct_gradient(self) -> bool:
        """Whether alpha also gets the gradient through its gates at fixed weights, beside that through the weights."""
        ...

    def build(self, supernet: nn.Module, architecture: Architecture, generator: torch.Generator) -> WeightGenerator:
        """The network, on the CPU (on the meta device under `with torch.device("meta")`).

        Args:
            supernet: the supernet; its property `candidate_weights` lists the weights to make.
            architecture: knows the cells and the shapes of the alphas.
            generator: draws initial weights, on the CPU.
        """
        ...


class _Candidates(Protocol):
    """A supernet that lists the weights that a hypernetwork may make (see `ReferenceSupernet`)."""

    @property
    def candidate_weights(self) -> dict[str, list[dict[str, str]]]: ...


def candidate_weights(supernet: nn.Module) -> dict[str, list[dict[str, tuple[str, Tensor]]]]:
    """Cell kind -> for every cell a mapping: name within the cell -> (name in the supernet, value).

    Only weights of candidate operations are listed.
    """
    values = dict(supernet.named_parameters())
    return {
        kind: [{inner: (name, values[name].detach()) for inner, name in cell.items()} for cell in cells]
        for kind, cells in cast(_Candidates, supernet).candidate_weights.items()
    }


def attach_hypernetwork(
    part: Hypernetwork, supernet: nn.Module, architecture: Architecture, generator: torch.Generator
) -> WeightGenerator:
    """Build a hypernetwork on the supernet's device; the weights that it makes no longer require gradients there."""
    hypernetwork = part.build(supernet, architecture, generator)
    hypernetwork.to(next(supernet.parameters()).device)
    for name in hypernetwork.names:
        supernet.get_parameter(name).requires_grad_(False)
    return hypernetwork


def learned_weights(supernet: nn.Module, hypernetwork: WeightGenerator | None) -> dict[str, nn.Parameter]:
    """The trained weights by name: the supernet's own weights, and the weights of the hypernetwork."""
    if hypernetwork is None:
        return dict(supernet.named_parameters())
    made = set(hypernetwork.names)
    own = {name: weight for name, weight in supernet.named_parameters() if name not in made}
    return own | {f"{_PREFIX}{name}": weight for name, weight in hypernetwork.named_parameters()}


def supernet_weights(hypernetwork: WeightGenerator | None, weights: Tensors, alphas: Tensors) -> Tensors:
    """The weights of the supernet by name, differentiable in `weights` and in `alphas`.

    Args:
        hypernetwork: None if all weights are trained themselves.
        weights: the trained weights, by the names of `learned_weights`.
        alphas: by name.
    """
    if hypernetwork is None:
        return weights
    own = {name: weight for name, weight in weights.items() if not name.startswith(_PREFIX)}
    inner = {name.removeprefix(_PREFIX): weight for name, weight in weights.items() if name not in own}
    made: dict[str, Tensor] = functional_call(hypernetwork, inner, (alphas,))
    return own | made


def draw_linear(inputs: int, outputs: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Weight (outputs, inputs) and bias (outputs,) as torch's linear layers draw them: within 1 / sqrt(inputs)."""
    bound = inputs**-0.5
    weight = torch.empty(outputs, inputs).uniform_(-bound, bound, generator=generator)
    return weight, torch.empty(outputs).uniform_(-bound, bound, generator=generator)
