"""DARTS, first order."""

from dataclasses import dataclass

from torch import Tensor

from dartboard.parts.gradient.problem import Bilevel, differentiate

__all__ = ["FirstOrder"]


@dataclass(frozen=True)
class FirstOrder:
    """The gradient of the validation loss at the current weights, as if they were optimal already.

    Paper: DARTS, arXiv:1806.09055, section 2.3 with xi = 0.
    """

    def __call__(self, problem: Bilevel) -> dict[str, Tensor]:
        """One forward and one backward pass."""
        return differentiate(problem.validation_loss(problem.weights, problem.alphas), problem.alphas)
