"""Penalties on what the architecture takes to run: multiply-adds, parameters, memory."""

import math
from dataclasses import dataclass
from typing import Literal

from torch import Tensor
from typing_extensions import override

from dartboard.errors import RecipeError
from dartboard.parts.architecture import Architecture
from dartboard.parts.gradient import Tensors
from dartboard.parts.penalties.protocol import Joining

__all__ = ["ExpectedCost", "ExpectedResources"]


@dataclass(frozen=True)
class ExpectedCost(Joining):
    """Lets multiply-adds count beside the loss (ProxylessNAS).

    The expected cost E is that of one image in a network of the supernet's size, every candidate operation counting
    with its mean gate. The loss becomes, with the names and numbers of the authors' code,

    - "mul#log": 0.2 * loss * (log E / log reference) ** (0.3 * strength),
    - "add#linear": loss + 0.1 * strength * (E - reference) / reference.

    Paper: arXiv:1812.00332, section 3.3.

    Attributes:
        reference: multiply-adds that are wanted, above 1.
        form: how cost joins the loss.
        strength: how much cost counts, as a multiple of what it does in the authors' code.

    Raises:
        RecipeError: the reference is not above 1.
    """

    reference: float
    form: Literal["mul#log", "add#linear"] = "mul#log"
    strength: float = 1.0

    def __post_init__(self) -> None:
        if self.reference <= 1:
            raise RecipeError(
                f"a network of {self.reference:g} multiply-adds cannot be wanted; choose as many as a network of the "
                "search's width and depth may have."
            )

    @override
    def join(self, loss: Tensor, alphas: Tensors, architecture: Architecture) -> Tensor:
        expected = architecture.cost(architecture.mean_gates(alphas))
        if self.form == "add#linear":
            return loss + 0.1 * self.strength * (expected - self.reference) / self.reference
        return 0.2 * loss * (expected.log() / math.log(self.reference)) ** (0.3 * self.strength)


@dataclass(frozen=True)
class ExpectedResources(Joining):
    """Adds what the operations of the edges take, on a logarithmic scale, to the loss (SNAS).

    The term is strength * (sum over edges and operations of gate * log(1 + parameters + multiply-adds + memory)), where
    the gates are the mean ones, an operation counts over all cells of its kind, and its memory is the values that it
    reads and writes for one image.

    Paper: arXiv:1812.09926, where the gates are those that were drawn.

    Attributes:
        strength: how much it counts; 1.5e-3 is the mild one of the paper.
    """

    strength: float

    @override
    def join(self, loss: Tensor, alphas: Tensors, architecture: Architecture) -> Tensor:
        return loss + self.strength * architecture.log_resources(architecture.mean_gates(alphas))
