"""Which genotype comes out: one file per family."""

from dartboard.parts.selection.attention import WithAttention
from dartboard.parts.selection.edge_pairs import StrongestEdgePairs
from dartboard.parts.selection.every_edge import EveryEdge
from dartboard.parts.selection.pairs import StrongestPairs
from dartboard.parts.selection.protocol import Judged, Judging, Selection, Trained, make_genotype
from dartboard.parts.selection.skip_cap import SkipCap
from dartboard.parts.selection.strongest import StrongestEdges, strongest_choices, weighted_gates
from dartboard.parts.selection.threshold import Threshold
from dartboard.parts.selection.trying import SampleAndValidate
from dartboard.parts.selection.uniform import UniformlyRandom

__all__ = [
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
