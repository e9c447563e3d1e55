"""The protocols of penalties, on the loss of alpha and on that of the weights."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple, Protocol, runtime_checkable

from torch import Tensor

from dartboard.parts.architecture import Architecture
from dartboard.parts.gradient import Tensors
from dartboard.parts.relaxation import RelaxedCell

__all__ = ["Joining", "JoiningGradient", "JoiningWeights", "Penalty", "WeightGradients", "WeightPenalty", "WeightStep"]


class Penalty(Protocol):
    """A term that is added to the loss of alpha; the loss of the weights does not have it."""

    def __call__(self, alphas: Tensors, cells: Mapping[str, RelaxedCell], progress: float) -> Tensor:
        """The term, a scalar.

        Args:
            alphas: by name (see `Architecture`).
            cells: by kind.
            progress: epochs done / epochs planned, in [0, 1).
        """
        ...


@runtime_checkable
class Joining(Protocol):
    """A penalty that is more than a term of the alphas: it reads the loss, and the cost of the whole architecture."""

    def join(self, loss: Tensor, alphas: Tensors, architecture: Architecture) -> Tensor:
        """The loss with the penalty, a scalar.

        Args:
            loss: the loss with the penalties before this one, a scalar.
            alphas: by name (see `Architecture`).
            architecture: the architecture that has these alphas.
        """
        ...


@runtime_checkable
class JoiningWeights(Protocol):
    """A penalty on the loss of the weights: a value becomes another value. The loss of alpha does not have it."""

    def join_weights(self, loss: Tensor) -> Tensor:
        """The loss by which the weights move, a scalar; virtual steps of the weights go down it, too.

        Args:
            loss: the training loss with the penalties before this one, a scalar.
        """
        ...

    def figures(self, loss: Tensor) -> Mapping[str, Tensor]:
        """Numbers of a weight step, scalars by name; the events of the search have their means over an epoch.

        Args:
            loss: as for `join_weights`.
        """
        ...


@dataclass(frozen=True)
class WeightStep:
    """A step of the weights, for penalties that join its gradient.

    Attributes:
        weights: the weights by name.
        gates: the gates of the step by name; they have no gradient for alpha.
        loss: gates -> loss on the training batch, with the same random numbers at every call.
        cell_counts: cell kind -> number of its cells in the supernet; empty if the supernet takes no gates by place.
        epoch: epochs done in the stage.
        epochs: epochs of the stage.
    """

    weights: Tensors
    gates: Tensors
    loss: Callable[[Tensors], Tensor]
    cell_counts: Mapping[str, int]
    epoch: int
    epochs: int


class WeightGradients(NamedTuple):
    """What a penalty makes of a step of the weights.

    Attributes:
        gradients: by the names of the weights; a weight with None rests.
        figures: numbers of the step, scalars by name; the events of the search have their means over an epoch.
    """

    gradients: dict[str, Tensor | None]
    figures: Mapping[str, Tensor]


@runtime_checkable
class JoiningGradient(Protocol):
    """A penalty on the loss of the weights of which only the gradient is computed; it makes the passes it needs."""

    def weight_gradients(self, step: WeightStep) -> WeightGradients:
        """The gradient of the training loss with the penalty, at the weights, before clipping."""
        ...


WeightPenalty = JoiningWeights | JoiningGradient
"""What joins the loss of the weights."""
