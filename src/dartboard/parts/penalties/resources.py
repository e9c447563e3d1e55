"""Penalties on the resources that the architecture needs: multiply-adds, parameters, memory."""

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
    """A penalty on the expected multiply-adds of the architecture (ProxylessNAS).

    The expected cost E is the multiply-adds for one image in a network of the supernet's size, where every candidate
    operation counts with its mean gate. With the names and numbers of the authors' code, the loss becomes

    - "mul#log": 0.2 * loss * (log E / log reference) ** (0.3 * strength),
    - "add#linear": loss + 0.1 * strength * (E - reference) / reference.

    Paper: arXiv:1812.00332, section 3.3.

    Attributes:
        reference: the wanted number of multiply-adds, above 1.
        form: how the cost joins the loss.
        strength: strength of the penalty, as a multiple of that in the authors' code.

    Raises:
        RecipeError: the reference is not above 1.
    """

    reference: float
    form: Literal["mul#log", "add#linear"] = "mul#log"
    strength: float = 1.0

    def __post_init__(self) -> None:
        if self.reference <= 1:
            raise RecipeError(
                f"the wanted cost of {self.reference:g} multiply-adds is too small, as it must be above 1; choose a "
                "number that a network with the width and depth of the supernet can have."
            )

    @override
    def join(self, loss: Tensor, alphas: Tensors, architecture: Architecture) -> Tensor:
        expected = architecture.cost(architecture.mean_gates(alphas))
        if self.form == "add#linear":
            return loss + 0.1 * self.strength * (expected - self.reference) / self.reference
        return 0.2 * loss * (expected.log() / math.log(self.reference)) ** (0.3 * self.strength)


@dataclass(frozen=True)
class ExpectedResources(Joining):
    """A penalty on the resources of the operations, on a logarithmic scale (SNAS).

    The term is strength * (sum over edges and operations of gate * log(1 + parameters + multiply-adds + memory)). The
    gates are the mean gates. The resources of an operation are summed over all cells of its kind. Its memory is the
    number of values that it reads and writes for one image.

    Paper: arXiv:1812.09926; the paper uses the drawn gates instead of the mean gates.

    Attributes:
        strength: factor of the term; 1.5e-3 is the mild constraint of the paper.
    """

    strength: float

    @override
    def join(self, loss: Tensor, alphas: Tensors, architecture: Architecture) -> Tensor:
        return loss + self.strength * architecture.log_resources(architecture.mean_gates(alphas))
