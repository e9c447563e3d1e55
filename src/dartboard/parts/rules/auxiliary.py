"""How the auxiliary skip connections fade."""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from dartboard.parts.rules.protocol import Rule

if TYPE_CHECKING:
    from dartboard.engine.state import SearchState
    from dartboard.parts.recipe import Recipe

__all__ = ["FadeAuxiliary", "Fading"]

Fading = Literal["linear", "cosine", "slow-cosine", "constant"]


@dataclass(frozen=True)
class FadeAuxiliary(Rule):
    """Take the gate of the auxiliary skip connections from `start` towards 0, epoch by epoch (DARTS-).

    With p the share of the stage's epochs that are done, `start` is multiplied by 1 - p (linear), (1 + cos(pi p)) / 2
    (cosine), cos(pi p / 2) (slow-cosine) or 1 (constant); it would reach 0 only after the last epoch. Paper:
    arXiv:2009.01027, with the schedules of the authors' code.

    Attributes:
        fading: the schedule.
        start: gate of the first epoch.
    """

    fading: Fading = "linear"
    start: float = 1.0

    def before_epoch(self, state: "SearchState") -> None:
        """Set the gate."""
        state.auxiliary_gate = self.start * _share(self.fading, state.progress)

    def refuse_recipe(self, recipe: "Recipe") -> str:
        """The supernet must have what fades."""
        if recipe.mixing.auxiliary_skip:
            return ""
        return "FadeAuxiliary sets the gate of auxiliary skip connections, and the mixing has none"


def _share(fading: Fading, progress: float) -> float:
    if fading == "linear":
        return 1 - progress
    if fading == "cosine":
        return (1 + math.cos(math.pi * progress)) / 2
    return math.cos(math.pi * progress / 2) if fading == "slow-cosine" else 1.0
