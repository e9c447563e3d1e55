"""The protocols of penalties."""

from collections.abc import Mapping
from typing import Protocol, runtime_checkable

from torch import Tensor

from dartboard.parts.architecture import Architecture
from dartboard.parts.gradient import Tensors
from dartboard.parts.relaxation import RelaxedCell

__all__ = ["Joining", "Penalty"]


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
