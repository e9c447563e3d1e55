"""How far measures of the strength of operations agree."""

from collections.abc import Sequence
from typing import NamedTuple

__all__ = ["Agreement", "agreement", "ranks"]


class Agreement(NamedTuple):
    """Rank correlations, from -1 (opposite order) to 1 (same order); None where a measure tells nothing apart.

    Attributes:
        kendall: Kendall's tau-b.
        spearman: Spearman's rho.
    """

    kendall: float | None
    spearman: float | None


def agreement(one: Sequence[float], other: Sequence[float]) -> Agreement:
    """The rank correlations of two measures of the same things."""
    from scipy import stats

    if len(set(one)) < 2 or len(set(other)) < 2:
        return Agreement(None, None)
    return Agreement(float(stats.kendalltau(one, other).statistic), float(stats.spearmanr(one, other).statistic))


def ranks(strengths: Sequence[float]) -> list[int]:
    """The rank of each strength, 1 for the largest; equal ones share the better rank.

    >>> ranks([0.2, 0.5, 0.2])
    [2, 1, 2]
    """
    return [1 + sum(other > own for other in strengths) for own in strengths]
