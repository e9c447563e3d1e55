"""What happens when: one file per family."""

from dartboard.search.rules.auxiliary import FadeAuxiliary, Fading
from dartboard.search.rules.base import Rule
from dartboard.search.rules.best_epoch import BestEpoch
from dartboard.search.rules.stopping import StopAtSkips, StopAtStableRanking
from dartboard.search.rules.warm_up import NoTraining, WarmUp

__all__ = [
    "BestEpoch",
    "FadeAuxiliary",
    "Fading",
    "NoTraining",
    "Rule",
    "StopAtSkips",
    "StopAtStableRanking",
    "WarmUp",
]
