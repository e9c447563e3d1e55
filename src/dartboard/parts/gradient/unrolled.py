"""Gradients at the current weights, or through one or several virtual weight steps."""

from dataclasses import dataclass, replace
from typing import Literal

import torch
from torch import Tensor, nn
from typing_extensions import override

from dartboard.errors import RecipeError
from dartboard.parts.gradient.problem import Bilevel, Gradient, Tensors, differentiate, differentiate_both

__all__ = ["FirstOrder", "TruncatedUnrolled", "Unrolled"]


@dataclass(frozen=True)
class FirstOrder(Gradient):
    """The gradient of the validation loss at the current weights, as if these were optimal already.

    Paper: DARTS, arXiv:1806.09055, section 2.3 with xi = 0.
    """

    @override
    def __call__(self, problem: Bilevel) -> dict[str, Tensor]:
        return differentiate(problem.validation_loss(problem.weights, problem.alphas), problem.alphas)


@dataclass(frozen=True)
class Unrolled(Gradient):
    """The gradient through one virtual weight step.

    The gradient is d/d(alpha) of L_val(w', alpha) with w' = w - lr * (momentum * v + dL_train/dw + weight_decay * w).
    The virtual step is that of the weight optimiser, without clipping or Nesterov look-ahead.

    Attributes:
        second_derivative: how the mixed second derivative times q = dL_val/dw' is computed. "finite-difference" takes a
            central difference of two alpha gradients at w +- radius / |q| * q, as in the paper. "exact" differentiates
            the step itself.
        radius: length of the probe in weight space; 0.01 in the paper.

    Cost: four forward and backward passes for "finite-difference"; for "exact" a double backward pass, with about the
    same time and more memory.
    Paper: DARTS, arXiv:1806.09055, eq. 7 and 8.
    """

    second_derivative: Literal["finite-difference", "exact"] = "finite-difference"
    radius: float = 1e-2

    @override
    def __call__(self, problem: Bilevel) -> dict[str, Tensor]:
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
        # The clamp keeps a probe of zeros from becoming NaN; its second-order term is then zero.
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


@dataclass(frozen=True)
class TruncatedUnrolled(Gradient):
    """The gradient through the last K of T virtual weight steps: d/d(alpha) of L_val(w_T, alpha).

    A step is w - lr * (dL_train/dw + weight_decay * w), without momentum or clipping. The first step uses the training
    batch at hand, the others use further batches. The weights before the last K steps are treated as constants: the
    reverse-mode differentiation is cut off after K steps. For T = K = 1 this is `Unrolled("exact")` without momentum.

    Attributes:
        steps: T.
        backward_steps: K, from 1 to T.

    Cost: T forward and backward passes, one more for validation, and a double backward pass for each of the last K
    steps. The graphs of these K steps are in memory together. Nothing waits for the device.
    Paper: Shaban et al., arXiv:1810.10667.

    Raises:
        RecipeError: K is not among 1, ..., T.
    """

    steps: int = 5
    backward_steps: int = 2

    def __post_init__(self) -> None:
        if not 1 <= self.backward_steps <= self.steps:
            raise RecipeError(
                f"the gradient cannot go through {self.backward_steps} of {self.steps} virtual weight steps; choose "
                "backward_steps from 1 to steps."
            )

    @override
    def __call__(self, problem: Bilevel) -> dict[str, Tensor]:
        step = replace(problem.weight_step, velocity={})
        weights: Tensors = problem.weights
        for number in range(self.steps):
            counts = number >= self.steps - self.backward_steps
            loss = problem.next_train_loss() if number and problem.next_train_loss else problem.train_loss
            gradients = differentiate(loss(weights, problem.alphas), weights, create_graph=counts)
            weights = step(weights, gradients)
            if not counts:
                weights = {name: weight.detach().requires_grad_() for name, weight in weights.items()}
        return differentiate(problem.validation_loss(weights, problem.alphas), problem.alphas)
