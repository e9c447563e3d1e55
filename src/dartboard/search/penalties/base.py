"""What a penalty is."""

from collections.abc import Mapping
from typing import Protocol

from torch import Tensor

from dartboard.search.gradient import Tensors
from dartboard.search.relaxation import RelaxedCell

__all__ = ["Penalty"]


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
