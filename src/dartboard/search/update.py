"""How alpha moves."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

__all__ = ["AdamUpdate", "Update"]


class Update(Protocol):
    """Makes the optimiser of the alphas; being a torch optimiser, it saves and resumes by itself."""

    def optimizer(self, alphas: Iterable[Tensor]) -> torch.optim.Optimizer:
        """An optimiser over the alphas."""
        ...


@dataclass(frozen=True)
class AdamUpdate:
    """Adam with L2 added to the gradient, constant learning rate (DARTS, arXiv:1806.09055, section A.1.1).

    Attributes:
        lr: learning rate.
        betas: decay rates of the moments.
        weight_decay: L2 factor.
    """

    lr: float = 3e-4
    betas: tuple[float, float] = (0.5, 0.999)
    weight_decay: float = 1e-3

    def optimizer(self, alphas: Iterable[Tensor]) -> torch.optim.Optimizer:
        """See the class."""
        return torch.optim.Adam(alphas, lr=self.lr, betas=self.betas, weight_decay=self.weight_decay)
