"""Rules look at a search before and after its epochs, and decide how the search goes on."""

from dartboard.parts.rules.curvature import DecayOnSharpening, MeasureCurvature, Sharpening, StopOnSharpening
from dartboard.parts.rules.greedy import ByShare, DecideGreedily
from dartboard.parts.rules.perturbation import DecideByRemoval
from dartboard.parts.rules.protocol import EpochPlan, GoingBack, MovableSearch, Outcome, Rule, SearchView
from dartboard.parts.rules.reinforce import ReinforceController
from dartboard.parts.rules.removal import ByRemoval, OperationChoice, Scorable, Verdict
from dartboard.parts.rules.schedules import (
    Cooling,
    FadeAuxiliary,
    Fading,
    FadingSkipDropout,
    GrowDropping,
    LinearCooling,
    NoTraining,
    ScaleWeightDecay,
    SparseAlpha,
    WarmUp,
)
from dartboard.parts.rules.stopping import BestEpoch, StopAtSkips, StopAtStableRanking

__all__ = [
    "BestEpoch",
    "ByRemoval",
    "ByShare",
    "Cooling",
    "DecayOnSharpening",
    "DecideByRemoval",
    "DecideGreedily",
    "EpochPlan",
    "FadeAuxiliary",
    "Fading",
    "FadingSkipDropout",
    "GoingBack",
    "GrowDropping",
    "LinearCooling",
    "MeasureCurvature",
    "MovableSearch",
    "NoTraining",
    "OperationChoice",
    "Outcome",
    "ReinforceController",
    "Rule",
    "ScaleWeightDecay",
    "Scorable",
    "SearchView",
    "Sharpening",
    "SparseAlpha",
    "StopAtSkips",
    "StopAtStableRanking",
    "StopOnSharpening",
    "Verdict",
    "WarmUp",
]
