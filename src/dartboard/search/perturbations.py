"""What shakes the gates of a weight step."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

import torch
from torch import Tensor

from dartboard.search.gradient import Tensors

if TYPE_CHECKING:
    from dartboard.search.architecture import Architecture

__all__ = ["Perturbation"]


class Perturbation(Protocol):
    """Makes the gates at which the weights take their step; alpha stays as it is."""

    def __call__(
        self,
        architecture: "Architecture",
        alphas: Tensors,
        loss: Callable[[Tensors], Tensor],
        progress: float,
        generator: torch.Generator,
    ) -> dict[str, Tensor]:
        """Gates near those of `alphas`.

        Args:
            architecture: turns alphas into gates, and knows which operations are live.
            alphas: by name (see `Architecture`).
            loss: gates -> mean loss on the training batch at the current weights.
            progress: epochs done / epochs planned, in [0, 1).
            generator: on the CPU.
        """
        ...
