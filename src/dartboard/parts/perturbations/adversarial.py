"""SDARTS-ADV: gates shaken so that the training loss rises."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from dartboard.parts.gradient import Tensors, differentiate
from dartboard.parts.perturbations.protocol import BoxPerturbation, Surroundings

__all__ = ["AdversarialPerturbation"]


@dataclass(frozen=True)
class AdversarialPerturbation(BoxPerturbation):
    """Projected gradient ascent on the training loss, anew for every training batch (SDARTS-ADV, arXiv:2002.05283).

    Every step adds 2 epsilon / steps times the sign of the gradient, goes back into the box and settles; dividing by
    the sum may leave the box again. Where the loss has not risen in the end, the gates stay clean. The authors attack
    the network in evaluation mode; here norms use batch statistics in either mode.

    Attributes:
        steps: of the ascent; 7 in the authors' code.
        random_start: whether the ascent begins anywhere in the box, or at its centre.

    See `BoxPerturbation` for the other attributes.
    """

    steps: int = 7
    random_start: bool = True

    def shake(
        self, around: Surroundings, loss: Callable[[Tensors], Tensor], epsilon: float, generator: torch.Generator
    ) -> dict[str, Tensor]:
        """The end of the ascent."""
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
