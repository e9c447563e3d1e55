"""Selections turn the relaxed architecture into a genotype: one file per family."""

from dartboard.parts.selection.attention import AmongCandidates, WithAttention
from dartboard.parts.selection.protocol import Drawing, Judged, Judging, Selection, Trained, make_genotype
from dartboard.parts.selection.strongest import (
    SkipCap,
    StrongestEdgePairs,
    StrongestEdges,
    StrongestPairs,
    strongest_choices,
    weighted_gates,
)
from dartboard.parts.selection.threshold import EveryEdge, Threshold
from dartboard.parts.selection.trying import SampleAndValidate, UniformlyRandom

__all__ = [
    "AmongCandidates",
    "Drawing",
    "EveryEdge",
    "Judged",
    "Judging",
    "SampleAndValidate",
    "Selection",
    "SkipCap",
    "StrongestEdgePairs",
    "StrongestEdges",
    "StrongestPairs",
    "Threshold",
    "Trained",
    "UniformlyRandom",
    "WithAttention",
    "make_genotype",
    "strongest_choices",
    "weighted_gates",
]
