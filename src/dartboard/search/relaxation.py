"""How alpha becomes gates."""

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

__all__ = ["Relaxation", "Softmax"]


class Relaxation(Protocol):
    """Turns architecture parameters into what multiplies the operations' outputs."""

    def initial_alpha(self, shape: tuple[int, int], generator: torch.Generator) -> Tensor:
        """The start value, shape (edges, operations), drawn on the CPU."""
        ...

    def gates(self, alpha: Tensor, generator: torch.Generator) -> Tensor:
        """Gates for one step, shape (edges, operations); may be random."""
        ...

    def mean_gates(self, alpha: Tensor) -> Tensor:
        """Deterministic gates for validation, selection and reports, shape (edges, operations)."""
        ...


@dataclass(frozen=True)
class Softmax:
    """A softmax over the operations of each edge (DARTS, arXiv:1806.09055, eq. 2).

    Attributes:
        initial_scale: standard deviation of the start values; 1e-3 in the authors' code.
    """

    initial_scale: float = 1e-3

    def initial_alpha(self, shape: tuple[int, int], generator: torch.Generator) -> Tensor:
        """Small normal numbers."""
        return self.initial_scale * torch.randn(shape, generator=generator)

    def gates(self, alpha: Tensor, generator: torch.Generator) -> Tensor:  # noqa: ARG002 - deterministic
        """softmax(alpha) along each row."""
        return alpha.softmax(dim=-1)

    def mean_gates(self, alpha: Tensor) -> Tensor:
        """softmax(alpha) along each row."""
        return alpha.softmax(dim=-1)
