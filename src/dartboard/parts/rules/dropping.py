"""What grows with the epochs: dropped paths and squares."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from dartboard.parts.dropping import Dropping
from dartboard.parts.rules.protocol import Rule

if TYPE_CHECKING:
    from dartboard.engine.state import SearchState

__all__ = ["GrowDropping"]


@dataclass(frozen=True)
class GrowDropping(Rule):
    """Drop nothing in the first epoch of a stage, everything that is asked for in the last, linearly between.

    Paper: RobustDARTS (arXiv:1909.09656) and the authors' code.

    Attributes:
        most: paths and squares that the last epoch drops.
    """

    most: Dropping

    def before_epoch(self, state: "SearchState") -> None:
        """Set what the epoch drops."""
        share = state.stage_epoch / max(1, state.stage_epochs - 1)
        state.dropping = replace(
            state.dropping, paths=share * self.most.paths, squares=share * self.most.squares, side=self.most.side
        )
