"""Which genotype comes out: one file per family."""

from dartboard.search.selection.among_seeds import CHOICE_RULES, ChoiceRule, SeedChoice, SeedOutcome, choice_rule
from dartboard.search.selection.attention import WithAttention
from dartboard.search.selection.base import Judged, Judging, Selection, Trained, make_genotype
from dartboard.search.selection.edge_pairs import StrongestEdgePairs
from dartboard.search.selection.every_edge import EveryEdge
from dartboard.search.selection.pairs import StrongestPairs
from dartboard.search.selection.skip_cap import SkipCap
from dartboard.search.selection.strongest import StrongestEdges, strongest_choices, weighted_gates
from dartboard.search.selection.threshold import Threshold
from dartboard.search.selection.trying import SampleAndValidate
from dartboard.search.selection.uniform import UniformlyRandom

__all__ = [
    "CHOICE_RULES",
    "ChoiceRule",
    "EveryEdge",
    "Judged",
    "Judging",
    "SampleAndValidate",
    "SeedChoice",
    "SeedOutcome",
    "Selection",
    "SkipCap",
    "StrongestEdgePairs",
    "StrongestEdges",
    "StrongestPairs",
    "Threshold",
    "Trained",
    "UniformlyRandom",
    "WithAttention",
    "choice_rule",
    "make_genotype",
    "strongest_choices",
    "weighted_gates",
]
