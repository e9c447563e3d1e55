"""Penalties on what the architecture costs to run."""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from torch import Tensor

from dartboard.search.gradient import Tensors

if TYPE_CHECKING:
    from dartboard.search.architecture import Architecture

__all__ = ["CostFactor", "CostTerm"]


@dataclass(frozen=True)
class CostFactor:
    """Multiplies the loss by scale * (log E / log reference) ** power (ProxylessNAS, "mul#log" in the authors' code).

    E is the expected cost: multiply-adds for one image of a network of the supernet's size, those of every candidate
    operation times its mean gate. Paper: arXiv:1812.00332, section 3.3.

    Attributes:
        reference: multiply-adds that are wanted, above 1.
        power: how much cost counts beside the loss.
        scale: a constant factor of the loss.
    """

    reference: float
    power: float = 0.3
    scale: float = 0.2

    def join(self, loss: Tensor, alphas: Tensors, architecture: "Architecture") -> Tensor:
        """See the class."""
        expected = architecture.cost(architecture.mean_gates(alphas))
        return self.scale * loss * (expected.log() / math.log(self.reference)) ** self.power


@dataclass(frozen=True)
class CostTerm:
    """Adds weight * (E - reference) / reference to the loss (ProxylessNAS, "add#linear" in the authors' code).

    E is the expected cost, as in `CostFactor`. Paper: arXiv:1812.00332, section 3.3.

    Attributes:
        reference: multiply-adds that are wanted.
        weight: how much cost counts beside the loss.
    """

    reference: float
    weight: float = 0.1

    def join(self, loss: Tensor, alphas: Tensors, architecture: "Architecture") -> Tensor:
        """See the class."""
        expected = architecture.cost(architecture.mean_gates(alphas))
        return loss + self.weight * (expected - self.reference) / self.reference
