"""Whether several methods differ over blocks, by their ranks: Friedman's test and the critical difference."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from dartboard.statistics.paired import LEVEL

__all__ = ["RankTest", "critical_difference", "rank_test", "same_groups"]

_PERMUTATIONS, _AT_ONCE = 9_999, 1_111


class RankTest(NamedTuple):
    """Friedman's test of several methods (Demsar 2006, section 3.2.2).

    Attributes:
        ranks: mean rank of every method; 1 is the best.
        blocks: number of blocks in which every method has a value.
        chi_square: Friedman's statistic, corrected for ties.
        f: the statistic of Iman and Davenport (1980), which is less cautious; infinite where all blocks agree.
        p: p of `f`.
        permutation_p: p of Friedman's statistic among 9,999 orders drawn within the blocks, which holds for few blocks.
        critical_difference: difference of mean ranks above which two methods differ.
    """

    ranks: tuple[float, ...]
    blocks: int
    chi_square: float
    f: float
    p: float
    permutation_p: float
    critical_difference: float


def rank_test(values: npt.ArrayLike) -> RankTest | None:
    """Test whether methods differ, by the blocks in which all have a value; more is better.

    Args:
        values: of every method in every block, (methods, blocks); nan where there is none.

    Returns:
        The test; None for fewer than 3 methods or 2 blocks.
    """
    from scipy.special import fdtrc
    from scipy.stats import rankdata

    table = np.asarray(values, np.float64)
    table = table[:, np.isfinite(table).all(axis=0)]
    methods, blocks = table.shape
    if methods < 3 or blocks < 2:
        return None
    # Accuracies are shares of images: sums of the same numbers in another order must be ties.
    ranks = rankdata(-table.round(12), axis=0)
    chi_square = float(_chi_square(ranks))
    left = blocks * (methods - 1) - chi_square
    f = float("inf") if left <= 1e-9 else (blocks - 1) * chi_square / left
    return RankTest(
        ranks=tuple(map(float, ranks.mean(axis=1))),
        blocks=blocks,
        chi_square=chi_square,
        f=f,
        p=0.0 if np.isinf(f) else float(fdtrc(methods - 1, (methods - 1) * (blocks - 1), f)),
        permutation_p=_permutation_p(ranks, chi_square),
        critical_difference=critical_difference(methods, blocks),
    )


def _permutation_p(ranks: npt.NDArray[np.float64], chi_square: float) -> float:
    """P of Friedman's statistic among orders drawn within the blocks."""
    generator, above, left = np.random.default_rng(0), 0, _PERMUTATIONS
    while left:
        size = min(_AT_ONCE, left)
        drawn = generator.permuted(np.broadcast_to(ranks, (size, *ranks.shape)), axis=1)
        above += int((_chi_square(drawn) >= chi_square - 1e-9).sum())
        left -= size
    return (above + 1) / (_PERMUTATIONS + 1)


def _chi_square(ranks: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Friedman's statistic of ranks, (..., methods, blocks), corrected for ties; 0 where all is tied."""
    methods, blocks = ranks.shape[-2:]
    spread = ((ranks - (methods + 1) / 2) ** 2).sum(axis=(-2, -1))
    between = ((ranks.sum(axis=-1) - blocks * (methods + 1) / 2) ** 2).sum(axis=-1)
    return np.asarray((methods - 1) * between / np.where(spread > 0, spread, 1.0))


def critical_difference(methods: int, blocks: int, level: float = LEVEL) -> float:
    """The difference of two mean ranks that Nemenyi's test tells from chance (Demsar 2006, section 3.2.2).

    It is q * sqrt(k (k + 1) / (6 N)) for k methods and N blocks, q from the studentized range of infinitely many
    degrees of freedom, divided by the square root of 2.

    >>> round(critical_difference(4, 14), 2), round(critical_difference(4, 14, 0.1), 2)
    (1.25, 1.12)
    """
    from scipy.stats import studentized_range

    q = float(studentized_range.ppf(1 - level, methods, np.inf)) / np.sqrt(2)
    return float(q * np.sqrt(methods * (methods + 1) / (6 * blocks)))


def same_groups(ranks: Sequence[float], difference: float) -> tuple[tuple[int, ...], ...]:
    """The largest groups of methods whose mean ranks are within a critical difference: what a bar of the diagram joins.

    >>> same_groups([3.143, 2.0, 2.893, 1.964], 1.12)
    ((3, 1, 2), (2, 0))
    """
    order = sorted(range(len(ranks)), key=lambda place: ranks[place])
    groups: list[tuple[int, ...]] = []
    for start, first in enumerate(order):
        group = tuple(place for place in order[start:] if ranks[place] - ranks[first] <= difference)
        if len(group) > 1 and not (groups and set(group) <= set(groups[-1])):
            groups.append(group)
    return tuple(groups)
