"""When alpha learns at all."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dartboard.parts.rules.protocol import Rule

if TYPE_CHECKING:
    from dartboard.engine.state import SearchState

__all__ = ["NoTraining", "SparseAlpha", "WarmUp"]


@dataclass(frozen=True)
class NoTraining(Rule):
    """End the search before its first epoch: the selection alone decides."""

    def before_epoch(self, state: "SearchState") -> None:
        """Stop."""
        state.stop("this method trains no supernet")


@dataclass(frozen=True)
class WarmUp(Rule):
    """Let the weights learn alone at first, so that alpha is not judged by operations that know nothing yet.

    Paper: P-DARTS (arXiv:1904.12760), section 4.1.2; PC-DARTS (arXiv:1907.05737), section 4.1.

    Attributes:
        fraction: share of the stage's epochs in which alpha rests.
    """

    fraction: float

    def before_epoch(self, state: "SearchState") -> None:
        """Rest or wake alpha."""
        state.alpha_rests = state.stage_epoch < self.fraction * state.stage_epochs


@dataclass(frozen=True)
class SparseAlpha(Rule):
    """One step of alpha for several of the weights: before the first of an epoch, then before every `every`-th.

    Source: ProxylessNAS (arXiv:1812.00332), the authors' code.

    Attributes:
        every: steps of the weights for one of alpha.
    """

    every: int

    def before_epoch(self, state: "SearchState") -> None:
        """Tell the steps of the epoch."""
        state.alpha_every = self.every
