"""What a rule is: rules act before and after an epoch, in the order listed, and only there."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dartboard.search.state import SearchState

__all__ = ["Rule"]


class Rule:
    """Does nothing; rules override one method or both.

    A rule keeps nothing itself. What it must remember goes into `state.records`, which checkpoints hold; what it
    measures for the report goes into `state.figures`.
    """

    def before_epoch(self, state: "SearchState") -> None:
        """Called before every epoch; may end the stage by `state.stop(reason)`."""

    def after_epoch(self, state: "SearchState") -> None:
        """Called after every epoch, before it is recorded and saved; may end the stage by `state.stop(reason)`.

        `state.epoch` is the number of epochs done; `state.genotype`, `state.validation_accuracy` and `state.problem`
        are those of the epoch that has just ended.
        """
