"""What an update is."""

from collections.abc import Mapping
from typing import Protocol

from torch import Tensor
from torch.optim import Optimizer

from dartboard.parts.relaxation import RelaxedCell

__all__ = ["Update"]


class Update(Protocol):
    """Makes the optimiser of the alphas; being a torch optimiser, it saves and resumes by itself."""

    @property
    def grad_clip(self) -> float | None:
        """Largest norm of the gradient of all alphas together; None: no clipping."""
        ...

    on_simplex: bool
    """Whether it keeps every row of alpha a distribution; such an alpha needs a relaxation that takes it as it is."""

    def optimizer(self, alphas: Mapping[str, Tensor], cells: Mapping[str, RelaxedCell]) -> Optimizer:
        """An optimiser over the alphas.

        Args:
            alphas: by name (see `Architecture`).
            cells: the cells by kind, for updates that must know which entries belong together.
        """
        ...
