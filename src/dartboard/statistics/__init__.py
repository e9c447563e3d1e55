"""Statistics of comparisons: pure functions of arrays of accuracies, without knowledge of runs.

A block is what two methods have in common so that they can be paired: a seed, or a seed with a data set and a space.
"""

from dartboard.statistics.bootstrap import interval_of, two_level
from dartboard.statistics.paired import LEVEL, PairedTests, exact_p, holm, paired_tests, smallest_p
from dartboard.statistics.pairs import Pair, all_pairs, pairs_with
from dartboard.statistics.power import POWER, difference_told, power_of, relative_improvement, seeds_needed
from dartboard.statistics.ranks import RankTest, critical_difference, rank_test, same_groups
from dartboard.statistics.sentences import limit_sentence, p_text, pair_sentence

__all__ = [
    "LEVEL",
    "POWER",
    "Pair",
    "PairedTests",
    "RankTest",
    "all_pairs",
    "critical_difference",
    "difference_told",
    "exact_p",
    "holm",
    "interval_of",
    "limit_sentence",
    "p_text",
    "pair_sentence",
    "paired_tests",
    "pairs_with",
    "power_of",
    "rank_test",
    "relative_improvement",
    "same_groups",
    "seeds_needed",
    "smallest_p",
    "two_level",
]
