"""What a hypernetwork is, and how its weights and the supernet's own go together."""

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
"""Before the names of its weights, where they stand among the supernet's."""


class CellGenerator(Protocol):
    """A module that makes the weights of all cells of a kind."""

    @property
    def names(self) -> Sequence[str]:
        """What it makes, by the supernet's names."""
        ...

    def __call__(self, alpha: Tensor) -> dict[str, Tensor]:
        """Alpha, flattened, -> weights by name."""
        ...


class WeightGenerator(nn.Module):
    """Turns alphas into the weights of the candidate operations of all cells.

    The numbers of alpha that belong to operations which an edge does not have are read as 0.

    Args:
        cells: by kind.
        parts: by kind, what makes the weights of its cells; kinds without any have none.
    """

    def __init__(self, cells: Mapping[str, RelaxedCell], parts: Mapping[str, nn.Module]) -> None:
        super().__init__()
        self.parts = nn.ModuleDict(parts)
        self._cells = dict(cells)

    @property
    def names(self) -> tuple[str, ...]:
        """What it makes, by the supernet's names."""
        return tuple(name for part in self.parts.values() for name in cast(CellGenerator, part).names)

    def forward(self, alphas: Tensors) -> dict[str, Tensor]:
        """Alphas by name (see `Architecture`), of which those of operations are read, -> weights by name."""
        generated: dict[str, Tensor] = {}
        for kind, part in self.parts.items():
            cell = self._cells[kind]
            alpha = alphas[kind] if cell.is_whole else alphas[kind] * cell.live
            generated |= part(alpha.flatten())
        return generated


class Hypernetwork(Protocol):
    """Makes the weights of candidate operations from alpha, so that d loss / d alpha sees them respond.

    Weights outside of candidate operations learn on their own.

    Source: HyperDARTS (thesis), algorithm 2.
    """

    @property
    def direct_gradient(self) -> bool:
        """Whether alpha also learns from what its gates do at fixed weights, or from the weights' response alone."""
        ...

    def build(self, supernet: nn.Module, architecture: Architecture, generator: torch.Generator) -> WeightGenerator:
        """The network, on the CPU (on the meta device under `with torch.device("meta")`).

        Args:
            supernet: whose weights are to be made; it tells which by its property `candidate_weights`.
            architecture: cells and alphas.
            generator: draws initial weights, on the CPU.
        """
        ...


class _Candidates(Protocol):
    """A supernet that knows which of its weights a hypernetwork may make (see `ReferenceSupernet`)."""

    @property
    def candidate_weights(self) -> dict[str, list[dict[str, str]]]: ...


def candidate_weights(supernet: nn.Module) -> dict[str, list[dict[str, tuple[str, Tensor]]]]:
    """Cell kind -> for every cell: name within the cell -> (name in the supernet, value), operations only."""
    values = dict(supernet.named_parameters())
    return {
        kind: [{inner: (name, values[name].detach()) for inner, name in cell.items()} for cell in cells]
        for kind, cells in cast(_Candidates, supernet).candidate_weights.items()
    }


def attach_hypernetwork(
    part: Hypernetwork, supernet: nn.Module, architecture: Architecture, generator: torch.Generator
) -> WeightGenerator:
    """Build a hypernetwork where the supernet is; what it makes are only places in the supernet from now on."""
    hypernetwork = part.build(supernet, architecture, generator)
    hypernetwork.to(next(supernet.parameters()).device)
    for name in hypernetwork.names:
        supernet.get_parameter(name).requires_grad_(False)
    return hypernetwork


def learned_weights(supernet: nn.Module, hypernetwork: WeightGenerator | None) -> dict[str, nn.Parameter]:
    """What is trained, by name: the supernet's own weights, and those of the hypernetwork."""
    if hypernetwork is None:
        return dict(supernet.named_parameters())
    made = set(hypernetwork.names)
    own = {name: weight for name, weight in supernet.named_parameters() if name not in made}
    return own | {f"{_PREFIX}{name}": weight for name, weight in hypernetwork.named_parameters()}


def supernet_weights(hypernetwork: WeightGenerator | None, weights: Tensors, alphas: Tensors) -> Tensors:
    """The weights of the supernet, differentiable for both arguments.

    Args:
        hypernetwork: None where weights learn on their own.
        weights: what is trained, by the names of `learned_weights`.
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
