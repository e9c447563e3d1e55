"""How many seeds tell a difference from chance, and how much a search is worth beside random architectures."""

import math

from dartboard.statistics.paired import LEVEL

__all__ = ["POWER", "difference_told", "power_of", "relative_improvement", "seeds_needed"]

POWER = 0.8
"""Probability with which a difference that is there is to be told."""

MOST_SEEDS = 100_000


def power_of(difference: float, deviation: float, seeds: int, level: float = LEVEL) -> float:
    """Probability that a paired t test over so many seeds tells a difference (noncentral t; Cohen 1988, section 2.3).

    Args:
        difference: mean difference that there is.
        deviation: standard deviation of the differences between seeds, above 0.
        seeds: number of seeds, 2 or more.
        level: level of the two-sided test.

    >>> round(power_of(1.0, 1.0, 10), 3)
    0.803
    """
    from scipy.special import nctdtr, stdtrit

    degrees, shift = seeds - 1, abs(difference) / deviation * math.sqrt(seeds)
    bar = float(stdtrit(degrees, 1 - level / 2))
    # Far beyond the bar the series of nctdtr ends in nan, and nothing is left below it.
    below, far_below = float(nctdtr(degrees, shift, bar)), float(nctdtr(degrees, shift, -bar))
    if math.isnan(below):
        return 1.0
    return 1 - below + (0.0 if math.isnan(far_below) else far_below)


def seeds_needed(difference: float, deviation: float, power: float = POWER, level: float = LEVEL) -> int | None:
    """The smallest number of seeds with which a paired t test tells a difference with that power.

    Args:
        difference: mean difference that is to be told.
        deviation: standard deviation of the differences between seeds.
        power: probability of telling it.
        level: level of the two-sided test.

    Returns:
        The number, 2 or more; None where 100,000 seeds are too few, as for no difference at all.

    >>> seeds_needed(1.0, 1.0), seeds_needed(0.5, 1.0), seeds_needed(0.2, 1.0), seeds_needed(0.0, 1.0)
    (10, 34, 199, None)
    """
    if not difference:
        return None
    if deviation <= 1e-12 * abs(difference):
        return 2
    low, high = 1, 2
    while power_of(difference, deviation, high, level) < power:
        low, high = high, 2 * high
        if low >= MOST_SEEDS:
            return None
    while high - low > 1:
        middle = (low + high) // 2
        if power_of(difference, deviation, middle, level) < power:
            low = middle
        else:
            high = middle
    return high


def difference_told(deviation: float, seeds: int, power: float = POWER, level: float = LEVEL) -> float:
    """The smallest difference that a paired t test over so many seeds tells with that power.

    >>> round(difference_told(1.0, 10), 2)
    1.0
    """
    low, high = 0.0, deviation
    while power_of(high, deviation, seeds, level) < power:
        low, high = high, 2 * high
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (middle, high) if power_of(middle, deviation, seeds, level) < power else (low, middle)
    return high


def relative_improvement(accuracy: float, random: float) -> float:
    """How much better than random architectures a search is, in percent (Yang et al. 2020, section 4.1).

    Args:
        accuracy: mean accuracy of the architectures that a method found.
        random: mean accuracy of random architectures, trained alike, above 0.

    >>> round(relative_improvement(0.97, 0.96), 2)
    1.04
    """
    return 100 * (accuracy - random) / random
