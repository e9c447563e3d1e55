"""A stronger hold on the weights."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dartboard.parts.rules.protocol import Rule

if TYPE_CHECKING:
    from dartboard.engine.state import SearchState

__all__ = ["ScaleWeightDecay", "scale_weight_decay"]


@dataclass(frozen=True)
class ScaleWeightDecay(Rule):
    """Multiply the weight decay of the weights (`search.weight_decay`), once, before a stage begins.

    Paper: RobustDARTS (arXiv:1909.09656).

    Attributes:
        factor: what multiplies it; the paper tries 1, 3, 9, 27 and 81.
    """

    factor: float

    def before_epoch(self, state: "SearchState") -> None:
        """Change the weights' optimiser, which checkpoints hold."""
        if state.stage_epoch == 0:
            scale_weight_decay(state, self.factor)


def scale_weight_decay(state: "SearchState", factor: float) -> None:
    """Multiply the weight decay of the weights from here on."""
    for group in state.weight_optimizer.param_groups:
        group["weight_decay"] *= factor
