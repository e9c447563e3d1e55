"""The gradient through one virtual weight step: DARTS, second order."""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from dartboard.parts.gradient.problem import Bilevel, Tensors, differentiate, differentiate_both

__all__ = ["Unrolled"]


@dataclass(frozen=True)
class Unrolled:
    """The gradient through one virtual weight step.

    d/d(alpha) of L_val(w', alpha) with w' = w - lr * (momentum * v + dL_train/dw + weight_decay * w). The virtual
    step is the weight optimiser's without clipping or Nesterov look-ahead.

    Attributes:
        second_derivative: "finite-difference" takes the mixed second derivative times q = dL_val/dw' as a central
            difference of two alpha gradients at w +- radius / |q| * q, as in the paper; "exact" differentiates the
            step itself.
        radius: length of the probe in weight space; 0.01 in the paper.

    Cost: four forward and backward passes, or one double backward of about the same time and more memory.
    Paper: DARTS, arXiv:1806.09055, eq. 7 and 8.
    """

    second_derivative: Literal["finite-difference", "exact"] = "finite-difference"
    radius: float = 1e-2

    def __call__(self, problem: Bilevel) -> dict[str, Tensor]:
        """See the class."""
        return self._exact(problem) if self.second_derivative == "exact" else self._finite_difference(problem)

    def _exact(self, problem: Bilevel) -> dict[str, Tensor]:
        loss = problem.train_loss(problem.weights, problem.alphas)
        gradients = differentiate(loss, problem.weights, create_graph=True)
        moved = problem.weight_step(problem.weights, gradients)
        return differentiate(problem.validation_loss(moved, problem.alphas), problem.alphas)

    def _finite_difference(self, problem: Bilevel) -> dict[str, Tensor]:
        current = {name: weight.detach() for name, weight in problem.weights.items()}
        gradients = differentiate(problem.train_loss(problem.weights, problem.alphas), problem.weights)
        moved = {name: weight.requires_grad_() for name, weight in problem.weight_step(current, gradients).items()}
        loss = problem.validation_loss(moved, problem.alphas)
        probe, direct = differentiate_both(loss, moved, problem.alphas)
        length = nn.utils.get_total_norm(probe.values())
        # The clamp keeps a probe of zeros from becoming NaN: its second-order term is zero.
        epsilon = self.radius / length.clamp(min=torch.finfo(length.dtype).tiny)
        ahead, behind = (
            differentiate(problem.train_loss(shifted, problem.alphas), problem.alphas)
            for shifted in (_shift(current, probe, epsilon), _shift(current, probe, -epsilon))
        )
        scale = problem.weight_step.lr / (2 * epsilon)
        return {kind: direct[kind] - scale * (ahead[kind] - behind[kind]) for kind in problem.alphas}


def _shift(weights: Tensors, direction: Tensors, distance: Tensor) -> dict[str, Tensor]:
    steps = torch._foreach_mul([direction[name] for name in weights], distance)
    return dict(zip(weights, torch._foreach_add(steps, list(weights.values())), strict=True))
