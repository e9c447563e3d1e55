"""What happens when: rules act before and after an epoch, in the order listed, and only there."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dartboard.search.state import SearchState

__all__ = ["NoTraining", "Rule", "WarmUp"]


class Rule:
    """Does nothing; rules override one method or both."""

    def before_epoch(self, state: "SearchState") -> None:
        """Called before every epoch; may end the search by `state.stop(reason)`."""

    def after_epoch(self, state: "SearchState") -> None:
        """Called after every epoch, before it is recorded and saved; may end the search by `state.stop(reason)`."""


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
        fraction: share of the epochs in which alpha rests.
    """

    fraction: float

    def before_epoch(self, state: "SearchState") -> None:
        """Rest or wake alpha."""
        state.alpha_rests = state.epoch < self.fraction * state.epochs
