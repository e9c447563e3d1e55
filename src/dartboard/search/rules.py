"""What happens when: rules act before and after an epoch, in the order listed, and only there."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dartboard.search.state import SearchState

__all__ = ["NoTraining", "Rule"]


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
