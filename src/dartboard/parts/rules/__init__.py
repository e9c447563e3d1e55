"""What happens when: one file per family."""

from dartboard.parts.rules.auxiliary import FadeAuxiliary, Fading
from dartboard.parts.rules.best_epoch import BestEpoch
from dartboard.parts.rules.cooling import Cooling, LinearCooling
from dartboard.parts.rules.curvature import DecayOnSharpening, MeasureCurvature, Sharpening, StopOnSharpening
from dartboard.parts.rules.dropping import GrowDropping
from dartboard.parts.rules.greedy import ByShare, DecideGreedily
from dartboard.parts.rules.protocol import Rule
from dartboard.parts.rules.reinforce import ReinforceController
from dartboard.parts.rules.removal import ByRemoval, DecideByRemoval, Measure, OperationChoice
from dartboard.parts.rules.skip_dropout import FadingSkipDropout
from dartboard.parts.rules.stopping import StopAtSkips, StopAtStableRanking
from dartboard.parts.rules.warm_up import NoTraining, SparseAlpha, WarmUp
from dartboard.parts.rules.weight_decay import ScaleWeightDecay

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
