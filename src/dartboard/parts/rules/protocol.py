"""What a rule is: rules act around an epoch, in the order listed, and only there."""

from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from dartboard.engine.state import SearchState

__all__ = ["Rule"]


class Rule:
    """Does nothing; rules override one method or more.

    A rule keeps nothing itself. What it must remember goes into `state.records`, which checkpoints hold; what it
    measures for the report goes into `state.figures`.

    Attributes:
        moves_alpha: whether it moves alpha, by `state.move_alphas`; the recipe then has an update.
    """

    moves_alpha: ClassVar[bool] = False

    def before_epoch(self, state: "SearchState") -> None:
        """Called before every epoch; may end the stage by `state.stop(reason)`."""

    def after_steps(self, state: "SearchState", steps: int) -> None:
        """Called when the weights have taken the steps of an epoch, before the supernet is validated.

        Args:
            state: `state.epoch` is the number of epochs done before this one.
            steps: how many were taken.
        """

    def after_epoch(self, state: "SearchState") -> None:
        """Called after every epoch, before it is recorded and saved; may end the stage by `state.stop(reason)`.

        `state.epoch` is the number of epochs done; `state.genotype`, `state.validation_accuracy` and `state.problem`
        are those of the epoch that has just ended.
        """
