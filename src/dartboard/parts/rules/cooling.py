"""A temperature that falls."""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dartboard.parts.rules.protocol import Rule

if TYPE_CHECKING:
    from dartboard.engine.state import SearchState

__all__ = ["Cooling", "LinearCooling"]


@dataclass(frozen=True)
class Cooling(Rule):
    """From the first epoch in which alpha learns to the last, the temperature falls by a constant factor an epoch.

    Before, it is 1. Source: DOTS (arXiv:2010.00969).

    Attributes:
        start: in the first of these epochs.
        end: in the last.
        resting: share of the stage's epochs in which alpha rests.
    """

    start: float
    end: float
    resting: float

    def before_epoch(self, state: "SearchState") -> None:
        """Set the temperature of the epoch."""
        first = math.ceil(self.resting * state.stage_epochs)
        learned, steps = state.stage_epoch - first, max(1, state.stage_epochs - 1 - first)
        state.temperature = 1.0 if learned < 0 else self.start * (self.end / self.start) ** (learned / steps)


@dataclass(frozen=True)
class LinearCooling(Rule):
    """The temperature falls by a constant step an epoch.

    Source: GDAS (arXiv:1910.04465), from 10 to 0.1; SNAS (arXiv:1812.09926), from 1 towards 0.03.

    Attributes:
        start: in the stage's first epoch.
        end: in its last epoch, or the epoch after it.
        arrives: whether the last epoch itself has `end`.
    """

    start: float
    end: float
    arrives: bool = True

    def before_epoch(self, state: "SearchState") -> None:
        """Set the temperature of the epoch."""
        steps = max(1, state.stage_epochs - self.arrives)
        state.temperature = self.start + (self.end - self.start) * state.stage_epoch / steps
