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
    "outside_weights",
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
        outside: the module that makes weights outside of all cells, from the alphas of all kinds in the order of
            `cells`; None without one.
    """

    def __init__(
        self, cells: Mapping[str, RelaxedCell], parts: Mapping[str, nn.Module], outside: nn.Module | None = None
    ) -> None:
        super().__init__()
        self.parts = nn.ModuleDict(parts)
        self.outside = outside
        self._cells = dict(cells)

    @property
    def names(self) -> tuple[str, ...]:
        """The names in the supernet of the weights that it makes."""
        modules = [*self.parts.values(), *([] if self.outside is None else [self.outside])]
        return tuple(name for part in modules for name in cast(CellGenerator, part).names)

    def forward(self, alphas: Tensors) -> dict[str, Tensor]:
        """Alphas by name (see `Architecture`) -> weights by name; only the alphas of operations are read."""
        read = {
            kind: (alphas[kind] if cell.is_whole else alphas[kind] * cell.live).flatten()
            for kind, cell in self._cells.items()
        }
        generated: dict[str, Tensor] = {}
        for kind, part in self.parts.items():
            generated |= part(read[kind])
        return generated if self.outside is None else generated | self.outside(torch.cat(list(read.values())))


class Hypernetwork(Protocol):
    """Makes the weights of candidate operations from alpha, so that d loss / d alpha includes the weights' response.

    Weights outside of candidate operations are trained themselves, unless the network makes them too.

    Source: HyperDARTS (thesis), algorithm 2.
    """

    @property
    def direct_gradient(self) -> bool:
        """Whether alpha also gets the gradient through its gates at fixed weights, beside that through the weights."""
        ...

    @property
    def alpha_noise(self) -> float:
        """Standard deviation of normal noise on alpha in weight steps, drawn anew in each (section 4.4.3); 0: none.

        The network and the gates of the step see the same noise.
        """
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

    @property
    def projection_weights(self) -> dict[str, list[str]]: ...


def outside_weights(supernet: nn.Module) -> tuple[dict[str, dict[str, Tensor]], dict[str, Tensor]]:
    """The weights outside of candidate operations, but for those of norms, as name in the supernet -> value.

    Returns:
        Cell kind -> those in front of its cells, which bring inputs to their channels and size; and all others, such
        as those of stem and classifier.
    """
    normed = {
        f"{place}.{name}"
        for place, module in supernet.named_modules()
        if isinstance(module, nn.modules.batchnorm._NormBase)
        for name, _ in module.named_parameters(recurse=False)
    }
    values = {name: value.detach() for name, value in supernet.named_parameters() if name not in normed}
    for cells in cast(_Candidates, supernet).candidate_weights.values():
        for cell in cells:
            for name in cell.values():
                values.pop(name, None)
    in_front = {
        kind: {name: values.pop(name) for name in names if name in values}
        for kind, names in cast(_Candidates, supernet).projection_weights.items()
    }
    return in_front, values


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
