"""What d loss / d alpha is: the bilevel problem of one step and the ways to differentiate it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

import torch
from torch import Tensor

__all__ = ["Bilevel", "FirstOrder", "Gradient", "Loss", "SgdStep", "Tensors", "Unrolled", "differentiate"]

Tensors = Mapping[str, Tensor]
"""Named tensors: the weights of a supernet, or its alphas by cell kind."""

Loss = Callable[[Tensors, Tensors], Tensor]
"""(weights, alphas) -> mean loss, a scalar."""


@dataclass(frozen=True)
class SgdStep:
    """How the weights would move next.

    Attributes:
        lr: learning rate.
        momentum: momentum factor.
        weight_decay: L2 factor.
        velocity: momentum buffers by weight name; empty before the first step.
    """

    lr: float
    momentum: float
    weight_decay: float
    velocity: Tensors

    def __call__(self, weights: Tensors, gradients: Tensors) -> dict[str, Tensor]:
        """W - lr * (momentum * v + gradient + weight_decay * w), differentiable; plain momentum, no clipping."""
        moved = {}
        for name, weight in weights.items():
            direction = gradients[name] + self.weight_decay * weight
            if name in self.velocity:
                direction = direction + self.momentum * self.velocity[name]
            moved[name] = weight - self.lr * direction
        return moved


@dataclass(frozen=True)
class Bilevel:
    """One step's problem: both losses as pure functions, and the point where they are looked at.

    Attributes:
        weights: the supernet's weights; alpha is never among them.
        alphas: architecture parameters by cell kind, each (edges, operations).
        train_loss: loss on the training batch.
        validation_loss: loss on the validation batch.
        weight_step: the weight optimiser's next step.
    """

    weights: Tensors
    alphas: Tensors
    train_loss: Loss
    validation_loss: Loss
    weight_step: SgdStep


class Gradient(Protocol):
    """Computes an architecture gradient; weights and alphas stay as they are."""

    def __call__(self, problem: Bilevel) -> dict[str, Tensor]:
        """Gradient by cell kind, each shaped like its alpha."""
        ...


@dataclass(frozen=True)
class FirstOrder:
    """The gradient of the validation loss at the current weights, as if they were optimal already.

    Paper: DARTS, arXiv:1806.09055, section 2.3 with xi = 0.
    """

    def __call__(self, problem: Bilevel) -> dict[str, Tensor]:
        """One forward and one backward pass."""
        return differentiate(problem.validation_loss(problem.weights, problem.alphas), problem.alphas)


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
        length = torch.linalg.vector_norm(torch.stack([q.norm() for q in probe.values()]))
        # The clamp keeps a probe of zeros from becoming NaN: its second-order term is zero.
        epsilon = self.radius / length.clamp(min=torch.finfo(length.dtype).tiny)
        ahead, behind = (
            differentiate(problem.train_loss(shifted, problem.alphas), problem.alphas)
            for shifted in (_shift(current, probe, epsilon), _shift(current, probe, -epsilon))
        )
        scale = problem.weight_step.lr / (2 * epsilon)
        return {kind: direct[kind] - scale * (ahead[kind] - behind[kind]) for kind in problem.alphas}


def _shift(weights: Tensors, direction: Tensors, distance: Tensor) -> dict[str, Tensor]:
    return {name: weight + distance * direction[name] for name, weight in weights.items()}


def differentiate(loss: Tensor, at: Tensors, *, create_graph: bool = False) -> dict[str, Tensor]:
    """Gradients of a scalar by name; zero for tensors that the loss does not depend on.

    Args:
        loss: scalar.
        at: tensors that require gradients.
        create_graph: keep the gradients differentiable.
    """
    gradients = torch.autograd.grad(loss, list(at.values()), create_graph=create_graph, materialize_grads=True)
    return dict(zip(at, gradients, strict=True))


def differentiate_both(loss: Tensor, weights: Tensors, alphas: Tensors) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Gradients for weights and for alphas from one backward pass."""
    joint = [*weights.values(), *alphas.values()]
    gradients = torch.autograd.grad(loss, joint, materialize_grads=True)
    split = len(weights)
    return dict(zip(weights, gradients[:split], strict=True)), dict(zip(alphas, gradients[split:], strict=True))
