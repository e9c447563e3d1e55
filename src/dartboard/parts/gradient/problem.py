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
"""Logits, (batch, classes), and inner feature maps."""

OutputLoss = Callable[[Tensor, Tensor, Outputs], Tensor]
"""(images, labels, outputs of the supernet) -> loss, a scalar."""


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
        """The next weights by name: w - lr * (momentum * v + gradient + weight_decay * w), without clipping.

        The result is differentiable in `weights` and in `gradients`.
        """
        # One fused call for all weights would be faster, but torch takes minutes to differentiate it.
        moved = {}
        for name, weight in weights.items():
            direction = torch.add(gradients[name], weight, alpha=self.weight_decay)
            if name in self.velocity:
                direction = torch.add(direction, self.velocity[name], alpha=self.momentum)
            moved[name] = torch.add(weight, direction, alpha=-self.lr)
        return moved


class Trial(NamedTuple):
    """An architecture that was drawn and scored on the validation batch, without a backward pass.

    Attributes:
        log_probability: log of the probability of the draw, a scalar that is differentiable in the alphas.
        accuracy: share of right answers, a scalar.
        cost: returns the multiply-adds of the architecture in a network of the supernet's size, a scalar.
    """

    log_probability: Tensor
    accuracy: Tensor
    cost: Callable[[], Tensor]


@dataclass(frozen=True)
class Bilevel:
    """The bilevel problem of one step: both losses as pure functions, with the current weights and alphas.

    Attributes:
        weights: the supernet's weights; alpha is never among them.
        alphas: architecture parameters by name (see `Architecture`).
        train_loss: loss on the training batch. Each loss draws its random numbers once, so that they are the same at
            all weights and alphas.
        validation_loss: loss on the validation batch, with the terms that the recipe adds to the loss of alpha.
        weight_step: the weight optimiser's next step.
        next_train_loss: returns the loss on a further training batch at every call, for gradients that look several
            steps ahead; None if there is only one batch.
        next_trial: draws an architecture as a weight step does, and scores it; for relaxations that draw.
        tapped_loss: returns the loss of alpha on the validation batch for another function of the supernet's outputs,
            which include inner feature maps; for supernets that return such maps.
        mean_loss: the cross-entropy on the validation batch at the deterministic gates, with nothing drawn and no
            further terms, and with weights that do not depend on alpha; None if the problem has no such loss.
        records: values that the search remembers from step to step; checkpoints hold them.
    """

    weights: Tensors
    alphas: Tensors
    train_loss: Loss
    validation_loss: Loss
    weight_step: SgdStep
    next_train_loss: Callable[[], Loss] | None = None
    next_trial: Callable[[], Trial] | None = None
    tapped_loss: Callable[[OutputLoss], Loss] | None = None
    mean_loss: Loss | None = None
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
        create_graph: whether the gradients can be differentiated again.
    """
    gradients = torch.autograd.grad(loss, list(at.values()), create_graph=create_graph, materialize_grads=True)
    return dict(zip(at, gradients, strict=True))


def differentiate_both(loss: Tensor, weights: Tensors, alphas: Tensors) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Gradients for weights and for alphas from one backward pass."""
    joint = [*weights.values(), *alphas.values()]
    gradients = torch.autograd.grad(loss, joint, materialize_grads=True)
    split = len(weights)
    return dict(zip(weights, gradients[:split], strict=True)), dict(zip(alphas, gradients[split:], strict=True))
