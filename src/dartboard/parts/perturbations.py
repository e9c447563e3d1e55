"""Perturbations of the gates of a weight step (SmoothDARTS): at random in a box, or by an attack on the loss."""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol

import torch
from torch import Tensor
from typing_extensions import override

from dartboard.devices.sending import send
from dartboard.parts.architecture import Architecture
from dartboard.parts.demands import Slots
from dartboard.parts.gradient import Tensors, differentiate
from dartboard.parts.relaxation import RelaxedCell

__all__ = [
    "AdversarialPerturbation",
    "BoxPerturbation",
    "Perturbation",
    "RandomPerturbation",
    "Surroundings",
    "to_shares",
]


class Perturbation(Protocol):
    """Perturbs the gates with which the weights take their step; alpha stays as it is."""

    def __call__(
        self,
        architecture: Architecture,
        alphas: Tensors,
        loss: Callable[[Tensors], Tensor],
        progress: float,
        generator: torch.Generator,
    ) -> dict[str, Tensor]:
        """Perturbed gates, near those of `alphas`.

        Args:
            architecture: turns alphas into gates, and knows which operations are live.
            alphas: by name (see `Architecture`).
            loss: gates -> mean loss on the training batch with the current weights.
            progress: epochs done / epochs planned, in [0, 1).
            generator: on the CPU.
        """
        ...


class Surroundings(NamedTuple):
    """The box in which a perturbation chooses a point.

    Attributes:
        centre: the unperturbed values by cell kind, (edges, operations) each.
        settle: turns a point of the box into valid values: gates are made shares again, alphas stay as they are.
        gates: all gates at a settled point, by name.
    """

    centre: dict[str, Tensor]
    settle: Callable[[dict[str, Tensor]], dict[str, Tensor]]
    gates: Callable[[dict[str, Tensor]], dict[str, Tensor]]

    def uniform(self, epsilon: float, generator: torch.Generator) -> dict[str, Tensor]:
        """A point drawn uniformly from the box around the centre, settled."""
        return self.settle({kind: centre + _noise(centre, epsilon, generator) for kind, centre in self.centre.items()})

    def gaussian(self, deviation: float, generator: torch.Generator) -> dict[str, Tensor]:
        """A point drawn around the centre with normal noise of this standard deviation, settled."""
        return self.settle(
            {
                kind: centre
                + deviation * send(torch.randn(centre.shape, generator=generator, dtype=centre.dtype), centre.device)
                for kind, centre in self.centre.items()
            }
        )


@dataclass(frozen=True)
class BoxPerturbation(Perturbation, ABC):
    """A perturbation that changes every number by at most epsilon; epsilon grows linearly with the epochs.

    Weights of edges, attention gates and auxiliary gates are not perturbed. The result has no gradient for alpha.

    Paper: SmoothDARTS, arXiv:2002.05283, section 3. The paper adds the perturbation to alpha. The authors' code adds it
    to softmax(alpha), then clamps every row to [0, 1] and divides it by its sum.

    Attributes:
        epsilon_start: epsilon of the first epoch.
        epsilon_end: epsilon that the epoch after the last one would have.
        space: "probs" perturbs the gates, "logits" perturbs alpha.
    """

    epsilon_start: float = 0.03
    epsilon_end: float = 0.3
    space: Literal["probs", "logits"] = "probs"

    def refuse_recipe(self, recipe: Slots) -> str:
        """Refuse the space "logits" if alpha is itself a distribution."""
        if self.space != "logits" or not recipe.relaxation.on_simplex:
            return ""
        return (
            f"{type(self).__name__} with the space 'logits' perturbs alpha freely, and "
            f"{type(recipe.relaxation).__name__} needs an alpha that is a distribution; take the space 'probs'"
        )

    def epsilon(self, progress: float) -> float:
        """Half the side of the box when the share `progress` of the epochs is done."""
        return self.epsilon_start + (self.epsilon_end - self.epsilon_start) * progress

    @override
    @torch.no_grad()
    def __call__(
        self,
        architecture: Architecture,
        alphas: Tensors,
        loss: Callable[[Tensors], Tensor],
        progress: float,
        generator: torch.Generator,
    ) -> dict[str, Tensor]:
        epsilon = self.epsilon(progress)
        clean = architecture.draw(alphas, generator, of_alpha=False).gates
        if epsilon == 0:
            return clean
        cells = architecture.cells
        if self.space == "logits":
            around = Surroundings(
                centre={kind: alphas[kind].detach() for kind in cells},
                settle=lambda point: point,
                gates=lambda point: architecture.draw({**alphas, **point}, generator, of_alpha=False).gates,
            )
        else:
            around = Surroundings(
                centre={kind: clean[kind] for kind in cells},
                settle=lambda point: {kind: to_shares(row, cells[kind]) for kind, row in point.items()},
                gates=lambda point: architecture.decided(clean | point),
            )
        return around.gates(self.shake(around, loss, epsilon, generator))

    @abstractmethod
    def shake(
        self, around: Surroundings, loss: Callable[[Tensors], Tensor], epsilon: float, generator: torch.Generator
    ) -> dict[str, Tensor]:
        """A settled point of the box. It is called with gradients switched off.

        Args:
            around: the centre of the box, and how its points become gates.
            loss: gates -> mean loss on the training batch.
            epsilon: half the side of the box.
            generator: on the CPU.
        """


def to_shares(rows: Tensor, cell: RelaxedCell) -> Tensor:
    """Rows clamped to [0, 1] and divided by their sum, (edges, operations).

    If a clamped row is all 0, its largest entry gets the share 1. Operations that an edge lacks get 0.

    Args:
        rows: (edges, operations), any numbers.
        cell: which operations are live.
    """
    if not cell.is_whole:
        rows = rows.masked_fill(~cell.live, -torch.inf)
    clamped = rows.clamp(0, 1)
    total = clamped.sum(dim=-1, keepdim=True)
    largest = torch.zeros_like(clamped).scatter_(-1, rows.argmax(dim=-1, keepdim=True), 1.0)
    shares = torch.where(total > 0, clamped / total, largest)
    return shares if cell.is_whole else shares * cell.live


def _noise(like: Tensor, epsilon: float, generator: torch.Generator) -> Tensor:
    drawn = 2 * torch.rand(like.shape, generator=generator, dtype=like.dtype) - 1
    return epsilon * send(drawn, like.device)


@dataclass(frozen=True)
class RandomPerturbation(BoxPerturbation):
    """Noise, drawn anew for every training batch (SDARTS-RS, arXiv:2002.05283).

    Attributes:
        noise: "uniform", as in the authors' code, or "gaussian" with the same variance, so a standard deviation of
            epsilon / sqrt(3) (the wording of the DARTS-PT thesis; it names no deviation).

    The other attributes are those of `BoxPerturbation`.
    """

    noise: Literal["uniform", "gaussian"] = "uniform"

    @override
    def shake(
        self,
        around: Surroundings,
        loss: Callable[[Tensors], Tensor],
        epsilon: float,
        generator: torch.Generator,
    ) -> dict[str, Tensor]:
        if self.noise == "gaussian":
            return around.gaussian(epsilon / math.sqrt(3), generator)
        return around.uniform(epsilon, generator)


@dataclass(frozen=True)
class AdversarialPerturbation(BoxPerturbation):
    """Projected gradient ascent on the training loss, anew for every training batch (SDARTS-ADV, arXiv:2002.05283).

    Every step adds 2 epsilon / steps times the sign of the gradient, clamps the point to the box and settles it. The
    division by the sum may leave the box again. If the loss has not risen after all steps, the gates stay unperturbed.
    The authors attack the network in evaluation mode; here norms use batch statistics in both modes.

    Attributes:
        steps: steps of the ascent; 7 in the authors' code.
        random_start: True: the ascent begins at a random point of the box. False: it begins at the centre.

    The other attributes are those of `BoxPerturbation`.
    """

    steps: int = 7
    random_start: bool = True

    @override
    def shake(
        self, around: Surroundings, loss: Callable[[Tensors], Tensor], epsilon: float, generator: torch.Generator
    ) -> dict[str, Tensor]:
        centre = around.centre
        point = around.uniform(epsilon, generator) if self.random_start else centre
        for _ in range(self.steps):
            slopes = _slopes(around, loss, point)
            moved = {kind: point[kind] + (2 * epsilon / self.steps) * slopes[kind].sign() for kind in centre}
            point = around.settle(
                {kind: middle + (moved[kind] - middle).clamp(-epsilon, epsilon) for kind, middle in centre.items()}
            )
        has_risen = loss(around.gates(point)) > loss(around.gates(centre))
        # Chosen on the device: a Python condition would wait for it in every step.
        return {kind: torch.where(has_risen, point[kind], middle) for kind, middle in centre.items()}


def _slopes(around: Surroundings, loss: Callable[[Tensors], Tensor], point: dict[str, Tensor]) -> dict[str, Tensor]:
    """The gradient of the loss at the point, by cell kind."""
    with torch.enable_grad():
        leaves = {kind: value.detach().requires_grad_() for kind, value in point.items()}
        return differentiate(loss(around.gates(leaves)), leaves)
