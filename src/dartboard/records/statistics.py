"""What tests say of the methods of a comparison or of a study, as a record; computed from plain accuracies."""

import math
from collections.abc import Iterator, Mapping, Sequence
from statistics import fmean
from typing import Literal, Self

import numpy as np
from numpy.typing import NDArray

from dartboard.records.tested_images import TestedImages
from dartboard.runs import Record
from dartboard.statistics import (
    LEVEL,
    Pair,
    RankTest,
    all_pairs,
    interval_of,
    limit_sentence,
    p_text,
    pair_sentence,
    pairs_with,
    rank_test,
    relative_improvement,
    same_groups,
    two_level,
)
from dartboard.wording import count, listing, points

__all__ = ["PairStatistics", "RankStatistics", "Statistics", "statistics_of"]


class PairStatistics(Record):
    """Two methods, and whether they can be told apart; p values are two-sided, and null without a test."""

    first: str
    """The one method."""

    second: str
    """The other."""

    blocks: int
    """Number of seeds, or of other blocks, in which both have an accuracy."""

    difference: float | None
    """Mean accuracy of the first minus that of the second, in these blocks."""

    deviation: float | None
    """Sample standard deviation of the differences."""

    interval: tuple[float, float] | None = None
    """95% interval of the difference by a bootstrap over seeds and test images; null where no images were tested."""

    exact_p: float | None
    """p of the exact permutation test of the mean difference: all changes of signs."""

    wilcoxon_p: float | None
    """p of Wilcoxon's signed-rank test."""

    t_p: float | None
    """p of the paired t test, which assumes that differences are normally distributed."""

    corrected_exact_p: float | None
    """`exact_p`, corrected for the number of pairs (Holm)."""

    corrected_t_p: float | None
    """`t_p`, corrected for the number of pairs (Holm)."""

    smallest_p: float
    """The smallest p that an exact test of so many blocks can give."""

    verdict: Literal["apart", "apart if normal", "not apart", "not tested"]
    """Whether an exact test tells them apart, only a t test does since there are too few blocks for an exact one, or
    none does."""

    seeds_needed: int | None
    """Blocks with which a t test tells such a difference in 80 of 100 comparisons; null if unknown or too many."""

    sentence: str
    """All of that in a sentence."""

    @classmethod
    def of(cls, pair: Pair, interval: tuple[float, float] | None, unit: str) -> Self:
        """The record of two methods that were tested."""
        tests = pair.tests
        return cls(
            first=pair.first,
            second=pair.second,
            blocks=tests.blocks if tests else 0,
            difference=tests.difference if tests else None,
            deviation=tests.deviation if tests else None,
            interval=interval,
            exact_p=tests.exact if tests else None,
            wilcoxon_p=tests.wilcoxon if tests else None,
            t_p=tests.t if tests else None,
            corrected_exact_p=pair.exact,
            corrected_t_p=pair.t,
            smallest_p=tests.smallest if tests else 1.0,
            verdict=pair.verdict,
            seeds_needed=pair.seeds_needed,
            sentence=pair_sentence(pair, unit),
        )


class RankStatistics(Record):
    """Mean ranks of three or more methods, Friedman's test, and the critical difference of Nemenyi (Demsar 2006)."""

    blocks: int
    """Number of blocks in which every method has an accuracy."""

    ranks: dict[str, float]
    """Mean rank of every method, the best one first; 1 is the best rank."""

    chi_square: float
    """Friedman's statistic, corrected for ties."""

    p: float
    """p of the F statistic of Iman and Davenport."""

    permutation_p: float
    """p of Friedman's statistic among orders drawn within the blocks, which holds for few blocks as well."""

    critical_difference: float
    """Difference of mean ranks from which two methods differ at a level of 0.05."""

    groups: tuple[tuple[str, ...], ...]
    """Methods that it does not tell apart: those that a bar of the diagram joins."""

    @classmethod
    def of(cls, names: Sequence[str], test: RankTest) -> Self:
        """The record of a test of these methods."""
        order = sorted(range(len(names)), key=lambda place: test.ranks[place])
        return cls(
            blocks=test.blocks,
            ranks={names[place]: test.ranks[place] for place in order},
            chi_square=test.chi_square,
            p=test.p,
            permutation_p=test.permutation_p,
            critical_difference=test.critical_difference,
            groups=tuple(
                tuple(names[place] for place in group) for group in same_groups(test.ranks, test.critical_difference)
            ),
        )


class Statistics(Record):
    """What tests say of several methods."""

    measure: str
    """The accuracy that was tested, in words."""

    unit: str
    """What a block is, in the singular: "seed", or "block" where data sets or spaces differ as well."""

    pairs: tuple[PairStatistics, ...]
    """Every pair of methods, corrected for the number of pairs."""

    against_baseline: tuple[PairStatistics, ...]
    """Every other method and the baseline, corrected for the number of the others; empty without a baseline."""

    ranks: RankStatistics | None
    """Ranks of three or more methods over two or more blocks; null otherwise."""

    relative_improvement: dict[str, float]
    """By how much, in percent of it, every method exceeds the mean accuracy of random architectures (Yang et al. 2020);
    empty without the method `random`."""

    intervals: dict[str, tuple[float, float]]
    """95% interval of every method's mean accuracy by a bootstrap over seeds and test images; empty without images."""

    notes: tuple[str, ...]
    """What must be known to read it, in sentences."""


def statistics_of(
    values: Mapping[str, Sequence[float | None]],
    *,
    measure: str,
    unit: str = "seed",
    baseline: str | None = None,
    random: str | None = None,
    images: TestedImages | None = None,
) -> Statistics | None:
    """Test several methods over blocks.

    Args:
        values: method -> its accuracy in every block as a fraction, None where it has none; as many for every method.
        measure: the accuracy in words.
        unit: what a block is, in the singular: a seed, or "block" for a seed with a data set and a space.
        baseline: the method with which all others are compared.
        random: the method that draws architectures at random.
        images: which test images every network got right.

    Returns:
        The statistics; None for fewer than two methods with an accuracy.
    """
    known = {name: _numbers(own) for name, own in values.items() if any(value is not None for value in own)}
    if len(known) < 2:
        return None
    draws = _draws(images)
    ranks = rank_test(np.stack(list(known.values())))

    def record(pair: Pair) -> PairStatistics:
        both = [draws.get(pair.first), draws.get(pair.second)]
        gap = None if both[0] is None or both[1] is None else interval_of(both[0] - both[1])
        return PairStatistics.of(pair, gap, unit)

    pairs = tuple(map(record, all_pairs(known)))
    improvement = _improvement(known, random)
    return Statistics(
        measure=measure,
        unit=unit,
        pairs=pairs,
        against_baseline=tuple(map(record, pairs_with(known, baseline))) if baseline in known and baseline else (),
        ranks=RankStatistics.of(list(known), ranks) if ranks else None,
        relative_improvement=improvement,
        intervals={name: interval_of(own) for name, own in draws.items()},
        notes=tuple(_notes(measure, unit, pairs, ranks, improvement, images)),
    )


def _numbers(values: Sequence[float | None]) -> NDArray[np.float64]:
    return np.array([math.nan if value is None else value for value in values])


def _draws(images: TestedImages | None) -> dict[str, NDArray[np.float64]]:
    """Method -> accuracies over seeds and images drawn again."""
    if images is None:
        return {}
    drawn = two_level(images.right, same_images=images.same_images)
    return {name: drawn[:, place] for place, name in enumerate(images.methods)}


def _improvement(values: Mapping[str, NDArray[np.float64]], random: str | None) -> dict[str, float]:
    """Relative improvement over the method that draws architectures, by the blocks that both have."""
    if random is None or random not in values:
        return {}
    found = {}
    for name, own in values.items():
        both = np.isfinite(own) & np.isfinite(values[random])
        if name != random and both.any() and (chance := fmean(values[random][both])) > 0:
            found[name] = relative_improvement(fmean(own[both]), chance)
    return found


def _notes(
    measure: str,
    unit: str,
    pairs: Sequence[PairStatistics],
    ranks: RankTest | None,
    improvement: Mapping[str, float],
    images: TestedImages | None,
) -> Iterator[str]:
    blocks = min(pair.blocks for pair in pairs)
    yield (
        f"Tests of {measure} over pairs with the same {unit}, two-sided, corrected for {count(len(pairs), 'pair')} "
        "(Holm). An exact test tries every change of signs of the differences and decides wherever it can reach "
        f"{LEVEL:g}; elsewhere the t test, which assumes that differences are normally distributed."
    )
    if blocks > 1 and (limit := limit_sentence(blocks, unit)):
        yield limit
    if unit == "seed":
        yield "Seeds of one data set and space tell how sure a difference is there, not whether it holds for others."
    if images is not None:
        yield _bootstrap_note(images)
    if ranks is not None:
        yield (
            f"Mean ranks over {count(ranks.blocks, unit)}: Friedman's test has p = {p_text(ranks.permutation_p)} among "
            f"orders drawn within them, and by Nemenyi's test two methods differ if their mean ranks are more than "
            f"{ranks.critical_difference:.2f} apart (level {LEVEL:g})."
        )
    if improvement:
        told = listing(f"{value:+.2f}% for {name}" for name, value in improvement.items())
        yield (
            f"The relative improvement over random architectures, 100 (accuracy - random) / random (Yang et al. 2020), "
            f"is {told}; where a method cannot be told from random, it is no improvement that was shown."
        )


def _bootstrap_note(images: TestedImages) -> str:
    methods, seeds, number = images.right.shape
    widest = max((high - low) / 2 for low, high in (interval_of(own) for own in _draws(images).values()))
    drawn = "the choice of test images alone, since there is one seed" if seeds == 1 else "seeds and test images"
    which = "the same" if images.same_images else "other ones for each seed"
    return (
        f"The intervals of a bootstrap are those by {drawn}: {count(seeds, 'seed')} and {count(number, 'image')}, "
        f"{which}; the mean of {'each of ' if methods > 1 else ''}{count(methods, 'method')} is known to "
        f"{points(widest, signed=False)} at most. With few seeds it knows little of seeds that were not drawn."
    )
