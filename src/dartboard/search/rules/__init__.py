"""What happens when: one file per family."""

from dartboard.search.rules.auxiliary import FadeAuxiliary, Fading
from dartboard.search.rules.base import Rule
from dartboard.search.rules.best_epoch import BestEpoch
from dartboard.search.rules.cooling import Cooling, LinearCooling
from dartboard.search.rules.curvature import DecayOnSharpening, MeasureCurvature, Sharpening, StopOnSharpening
from dartboard.search.rules.dropping import GrowDropping
from dartboard.search.rules.greedy import ByShare, DecideGreedily
from dartboard.search.rules.reinforce import ReinforceController
from dartboard.search.rules.removal import ByRemoval, DecideByRemoval, Measure, OperationChoice
from dartboard.search.rules.skip_dropout import FadingSkipDropout
from dartboard.search.rules.stopping import StopAtSkips, StopAtStableRanking
from dartboard.search.rules.warm_up import NoTraining, SparseAlpha, WarmUp
from dartboard.search.rules.weight_decay import ScaleWeightDecay

__all__ = [
    "BestEpoch",
    "ByRemoval",
    "ByShare",
    "Cooling",
    "DecayOnSharpening",
    "DecideByRemoval",
    "DecideGreedily",
    "FadeAuxiliary",
    "Fading",
    "FadingSkipDropout",
    "GrowDropping",
    "LinearCooling",
    "Measure",
    "MeasureCurvature",
    "NoTraining",
    "OperationChoice",
    "ReinforceController",
    "Rule",
    "ScaleWeightDecay",
    "Sharpening",
    "SparseAlpha",
    "StopAtSkips",
    "StopAtStableRanking",
    "StopOnSharpening",
    "WarmUp",
]
