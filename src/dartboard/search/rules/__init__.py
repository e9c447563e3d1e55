"""What happens when: one file per family."""

from dartboard.search.rules.base import Rule
from dartboard.search.rules.curvature import DecayOnSharpening, MeasureCurvature, Sharpening, StopOnSharpening
from dartboard.search.rules.dropping import GrowDropping
from dartboard.search.rules.warm_up import NoTraining, WarmUp
from dartboard.search.rules.weight_decay import ScaleWeightDecay

__all__ = [
    "DecayOnSharpening",
    "GrowDropping",
    "MeasureCurvature",
    "NoTraining",
    "Rule",
    "ScaleWeightDecay",
    "Sharpening",
    "StopOnSharpening",
    "WarmUp",
]
