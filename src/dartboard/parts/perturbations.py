"""What shakes the gates of a weight step: SmoothDARTS, at random in a box or by an attack on the loss."""

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
    """Makes the gates at which the weights take their step; alpha stays as it is."""

    def __call__(
        self,
        architecture: Architecture,
        alphas: Tensors,
        loss: Callable[[Tensors], Tensor],
        progress: float,
        generator: torch.Generator,
    ) -> dict[str, Tensor]:
        """Gates near those of `alphas`.

        Args:
            architecture: turns alphas into gates, and knows which operations are live.
            alphas: by name (see `Architecture`).
            loss: gates -> mean loss on the training batch at the current weights.
            progress: epochs done / epochs planned, in [0, 1).
            generator: on the CPU.
        """
        ...


class Surroundings(NamedTuple):
    """Where a perturbation may go.

    Attributes:
        centre: what is shaken, by cell kind, each (edges, operations).
        settle: brings points of the box to the nearest that make sense.
        gates: all gates at such a point, by name.
    """

    centre: dict[str, Tensor]
    settle: Callable[[dict[str, Tensor]], dict[str, Tensor]]
    gates: Callable[[dict[str, Tensor]], dict[str, Tensor]]

    def uniform(self, epsilon: float, generator: torch.Generator) -> dict[str, Tensor]:
        """A point drawn uniformly from the box around the centre, settled."""
        return self.settle({kind: centre + _noise(centre, epsilon, generator) for kind, centre in self.centre.items()})


@dataclass(frozen=True)
class BoxPerturbation(Perturbation, ABC):
    """A perturbation of every number by at most epsilon, which grows linearly with the epochs.

    Weights of edges, attention and auxiliary gates stay clean. The result has no gradient for alpha.

    Paper: SmoothDARTS, arXiv:2002.05283, section 3. The paper adds the perturbation to alpha, the authors' code to
    softmax(alpha), whose rows are then clamped to [0, 1] and divided by their sum.

    Attributes:
        epsilon_start: epsilon of the first epoch.
        epsilon_end: epsilon that the epoch after the last one would have.
        space: "probs" shakes the gates, "logits" alpha itself.
    """

    epsilon_start: float = 0.03
    epsilon_end: float = 0.3
    space: Literal["probs", "logits"] = "probs"

    def refuse_recipe(self, recipe: Slots) -> str:
        """Alpha must bear being shaken freely, where it is alpha that is shaken."""
        if self.space != "logits" or not recipe.relaxation.on_simplex:
            return ""
        return (
            f"{type(self).__name__} in the space of logits shakes alpha freely, and {type(recipe.relaxation).__name__} "
            "needs an alpha that is a distribution; take the space of probs"
        )

    def epsilon(self, progress: float) -> float:
        """Half the side of the box at a share `progress` of the epochs."""
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
        """A settled point of the box; called without recording gradients.

        Args:
            around: the box's centre, and what its points mean.
            loss: gates -> mean loss on the training batch.
            epsilon: half the side of the box.
            generator: on the CPU.
        """


def to_shares(rows: Tensor, cell: RelaxedCell) -> Tensor:
    """Rows clamped to [0, 1] and divided by their sum; a row without anything left gives all to its largest entry.

    Operations that an edge does not have get nothing.

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
    """Uniform noise, drawn anew for every training batch (SDARTS-RS, arXiv:2002.05283)."""

    @override
    def shake(
        self,
        around: Surroundings,
        loss: Callable[[Tensors], Tensor],
        epsilon: float,
        generator: torch.Generator,
    ) -> dict[str, Tensor]:
        return around.uniform(epsilon, generator)


@dataclass(frozen=True)
class AdversarialPerturbation(BoxPerturbation):
    """Projected gradient ascent on the training loss, anew for every training batch (SDARTS-ADV, arXiv:2002.05283).

    Every step adds 2 epsilon / steps times the sign of the gradient, goes back into the box and settles; dividing by
    the sum may leave the box again. Where the loss has not risen in the end, the gates stay clean. The authors attack
    the network in evaluation mode; here norms use batch statistics in either mode.

    Attributes:
        steps: of the ascent; 7 in the authors' code.
        random_start: whether the ascent begins anywhere in the box, or at its centre.

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
    """The gradient of the loss for the point."""
    with torch.enable_grad():
        leaves = {kind: value.detach().requires_grad_() for kind, value in point.items()}
        return differentiate(loss(around.gates(leaves)), leaves)
