"""Dropout behind skip connections that fades."""

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from dartboard.parts.rules.protocol import Rule

if TYPE_CHECKING:
    from dartboard.engine.state import SearchState

__all__ = ["FadingSkipDropout"]


@dataclass(frozen=True)
class FadingSkipDropout(Rule):
    """Drop values behind identities, fewer from epoch to epoch, so that skip connections do not win by being easy.

    While alpha rests, epoch e of E has the probability `start` * (E - e - 1) / E; then it begins anew with `start` and
    is multiplied by exp(-5 / E) an epoch. Source: P-DARTS (arXiv:1904.12760, section 3.3) with the schedule of the
    authors' code, whose exp(-0.2) an epoch is that of stages of 25 epochs.

    Attributes:
        start: probability at first.
        resting: share of the stage's epochs in which alpha rests.
    """

    start: float
    resting: float

    def before_epoch(self, state: "SearchState") -> None:
        """Set the probability of the epoch."""
        epoch, epochs = state.stage_epoch, state.stage_epochs
        learned = epoch - math.ceil(self.resting * epochs)
        factor = (epochs - epoch - 1) / epochs if learned < 0 else math.exp(-5 * learned / epochs)
        state.dropping = replace(state.dropping, values=self.start * factor)
