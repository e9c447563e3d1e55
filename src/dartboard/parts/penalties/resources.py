"""The penalty on what operations take: parameters, multiply-adds and memory."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from torch import Tensor

from dartboard.parts.gradient import Tensors

if TYPE_CHECKING:
    from dartboard.parts.architecture import Architecture

__all__ = ["ExpectedResources"]


@dataclass(frozen=True)
class ExpectedResources:
    """Adds what the operations of the edges take, on a logarithmic scale, to the loss (SNAS).

    The term is strength * (sum over edges and operations of gate * log(1 + parameters + multiply-adds + memory)), where
    the gates are the mean ones, an operation counts over all cells of its kind, and its memory is the values that it
    reads and writes for one image.

    Paper: arXiv:1812.09926, where the gates are those that were drawn.

    Attributes:
        strength: how much it counts; 1.5e-3 is the mild one of the paper.
    """

    strength: float

    def join(self, loss: Tensor, alphas: Tensors, architecture: "Architecture") -> Tensor:
        """See the class."""
        return loss + self.strength * architecture.log_resources(architecture.mean_gates(alphas))
