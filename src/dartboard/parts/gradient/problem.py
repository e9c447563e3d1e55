"""The bilevel problem of one step, as functions of weights and alphas."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor

__all__ = [
    "Bilevel",
    "Gradient",
    "Loss",
    "OutputLoss",
    "Outputs",
    "SgdStep",
    "Tensors",
    "Trial",
    "differentiate",
    "differentiate_both",
    "differentiate_reached",
]

Tensors = Mapping[str, Tensor]
"""Named tensors: the weights of a supernet, or its alphas."""

Loss = Callable[[Tensors, Tensors], Tensor]
"""(weights, alphas) -> mean loss, a scalar."""

Outputs = tuple[Tensor, list[Tensor]]
"""Logits, (batch, classes), and maps from within."""

OutputLoss = Callable[[Tensor, Tensor, Outputs], Tensor]
"""(images, labels, what the supernet makes of the images) -> loss, a scalar."""


@dataclass(frozen=True)
class SgdStep:
    """The next step of the weights, as a function.

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
        # One call for all weights would be faster, but torch takes minutes to differentiate such.
        moved = {}
        for name, weight in weights.items():
            direction = torch.add(gradients[name], weight, alpha=self.weight_decay)
            if name in self.velocity:
                direction = torch.add(direction, self.velocity[name], alpha=self.momentum)
            moved[name] = torch.add(weight, direction, alpha=-self.lr)
        return moved


class Trial(NamedTuple):
    """One architecture that was drawn and tried on the validation batch, without a backward pass.

    Attributes:
        log_probability: of the draw, a scalar that is differentiable in the alphas.
        accuracy: share of right answers, a scalar.
        cost: gives the multiply-adds of the architecture in a network of the supernet's size, a scalar.
    """

    log_probability: Tensor
    accuracy: Tensor
    cost: Callable[[], Tensor]


@dataclass(frozen=True)
class Bilevel:
    """The bilevel problem of one step: both losses as pure functions, and where they are taken.

    Attributes:
        weights: the supernet's weights; alpha is never among them.
        alphas: architecture parameters by name (see `Architecture`).
        train_loss: loss on the training batch. Either loss draws once what it draws: the same at every place.
        validation_loss: loss on the validation batch, with whatever the recipe adds to the loss of alpha.
        weight_step: the weight optimiser's next step.
        next_train_loss: gives the loss on a further training batch at every call, for gradients that look several
            steps ahead; None where there is but one batch.
        next_trial: draws an architecture as a step of the weights does, and tries it; for relaxations that draw.
        tapped_loss: gives the loss of alpha on the validation batch by another function of the supernet's outputs, maps
            from within among them; None where nobody can be asked.
        records: what the search remembers from step to step; checkpoints hold it.
    """

    weights: Tensors
    alphas: Tensors
    train_loss: Loss
    validation_loss: Loss
    weight_step: SgdStep
    next_train_loss: Callable[[], Loss] | None = None
    next_trial: Callable[[], Trial] | None = None
    tapped_loss: Callable[[OutputLoss], Loss] | None = None
    records: dict[str, Any] = field(default_factory=dict)


class Gradient(Protocol):
    """Computes an architecture gradient; weights and alphas stay as they are."""

    def __call__(self, problem: Bilevel) -> dict[str, Tensor]:
        """Gradients by the names of the alphas, each shaped like its alpha."""
        ...


def differentiate_reached(loss: Tensor, at: Tensors) -> dict[str, Tensor | None]:
    """Gradients of a scalar by name; None for tensors that the loss does not depend on."""
    return dict(zip(at, torch.autograd.grad(loss, list(at.values()), allow_unused=True), strict=True))


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
