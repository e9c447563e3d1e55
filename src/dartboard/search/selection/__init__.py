"""Which genotype comes out: one file per family."""

from dartboard.search.selection.base import Selection, make_genotype
from dartboard.search.selection.pairs import StrongestPairs
from dartboard.search.selection.skip_cap import SkipCap
from dartboard.search.selection.strongest import StrongestEdges, strongest_choices, weighted_gates
from dartboard.search.selection.uniform import UniformlyRandom

__all__ = [
    "Selection",
    "SkipCap",
    "StrongestEdges",
    "StrongestPairs",
    "UniformlyRandom",
    "make_genotype",
    "strongest_choices",
    "weighted_gates",
]
