"""What a penalty is."""

from collections.abc import Mapping
from typing import Protocol, runtime_checkable

from torch import Tensor

from dartboard.parts.architecture import Architecture
from dartboard.parts.gradient import Tensors
from dartboard.parts.relaxation import RelaxedCell

__all__ = ["Joining", "Penalty"]


class Penalty(Protocol):
    """A term of the loss that alpha descends; the weights never see it."""

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
    """A penalty that is more than a term of alphas: it sees the loss, and what the whole architecture costs."""

    def join(self, loss: Tensor, alphas: Tensors, architecture: Architecture) -> Tensor:
        """The loss with the penalty, a scalar.

        Args:
            loss: with the penalties before this one.
            alphas: by name (see `Architecture`).
            architecture: whose alphas.
        """
        ...
