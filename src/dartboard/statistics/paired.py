"""Whether one method is better than another over blocks (seed, data set and space), or only by chance."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

__all__ = ["LEVEL", "PairedTests", "exact_p", "holm", "paired_tests", "smallest_p"]

Values = npt.NDArray[np.float64]

LEVEL = 0.05
"""Probability of a false alarm that a verdict accepts."""

_DIGITS = 12
"""Digits of a difference: the same shares of images must be the same difference, however they were rounded."""

_EXACT_BLOCKS, _DRAWN = 14, 2**14
"""Blocks up to which every change of signs is tried, and the changes that are drawn for more."""


class PairedTests(NamedTuple):
    """Three tests of the same differences, each two-sided.

    Attributes:
        blocks: number of blocks in which both methods have a value.
        difference: mean of the first minus the second.
        deviation: sample standard deviation of the differences; None for one block.
        exact: p of the permutation test, which assumes only that signs are as likely as not; None for one block.
        wilcoxon: p of the signed-rank test; None for one block.
        t: p of the paired t test, which assumes differences of a normal distribution; None for one block.
        smallest: the smallest p that an exact test can give with so many blocks.
    """

    blocks: int
    difference: float
    deviation: float | None
    exact: float | None
    wilcoxon: float | None
    t: float | None
    smallest: float


def paired_tests(first: npt.ArrayLike, second: npt.ArrayLike) -> PairedTests | None:
    """Test whether two methods differ, by the blocks in which both have a value.

    Args:
        first: value of the first method in every block, (blocks,); nan where it has none.
        second: that of the second method, (blocks,).

    Returns:
        The tests; None if no block has both.

    Raises:
        ValueError: the two have different numbers of blocks.
    """
    one, other = np.asarray(first, np.float64), np.asarray(second, np.float64)
    if one.shape != other.shape:
        raise ValueError(f"a paired test needs the same blocks twice, not {one.shape} and {other.shape}.")
    gaps = (one - other).round(_DIGITS)
    gaps = gaps[np.isfinite(gaps)]
    if not len(gaps):
        return None
    mean, smallest = float(gaps.mean()), smallest_p(len(gaps))
    if len(gaps) == 1:
        return PairedTests(1, mean, None, None, None, None, smallest)
    deviation = float(gaps.std(ddof=1))
    return PairedTests(len(gaps), mean, deviation, exact_p(gaps), _wilcoxon_p(gaps), _t_p(gaps), smallest)


def smallest_p(blocks: int) -> float:
    """The smallest two-sided p of an exact paired test: both ways in which all signs are alike, of 2 to the blocks.

    >>> smallest_p(4), smallest_p(6)
    (0.125, 0.03125)
    """
    return min(1.0, 2.0 ** (1 - blocks))


def exact_p(differences: npt.ArrayLike) -> float:
    """Two-sided p of the mean difference among all changes of signs (Fisher 1935; Pitman 1937).

    Above 14 blocks the changes are 16,384 that are drawn, the same for the same number of blocks.

    Args:
        differences: one for each block, (blocks,).
    """
    gaps = np.asarray(differences, np.float64)
    if not gaps.any():
        return 1.0
    seen = abs(gaps.sum()) - 1e-9 * np.abs(gaps).max()
    if len(gaps) <= _EXACT_BLOCKS:
        # As scipy.stats.permutation_test does, which lists the changes in Python and takes seconds for twelve blocks.
        changed = (np.arange(2 ** len(gaps))[:, None] >> np.arange(len(gaps))) & 1
        return float((np.abs((1 - 2 * changed) @ gaps) >= seen).mean())
    drawn = np.random.default_rng(0).choice((-1.0, 1.0), (_DRAWN, len(gaps)))
    above = int((np.abs(drawn @ gaps) >= seen).sum())
    return (above + 1) / (_DRAWN + 1)


def _wilcoxon_p(gaps: Values) -> float:
    """Two-sided p of the signed-rank test (Wilcoxon 1945), exact for few blocks; equal blocks do not count."""
    if not gaps.any():
        return 1.0
    from scipy.stats import wilcoxon

    return float(wilcoxon(gaps).pvalue)


def _t_p(gaps: Values) -> float:
    """Two-sided p of the paired t test; differences that are all the same and not 0 have p = 0."""
    if not np.ptp(gaps):
        return 0.0 if gaps.any() else 1.0
    from scipy.special import stdtr

    t = float(gaps.mean() / gaps.std(ddof=1) * np.sqrt(len(gaps)))
    return float(2 * stdtr(len(gaps) - 1, -abs(t)))


def holm(p_values: Sequence[float]) -> tuple[float, ...]:
    """The p of several tests, corrected so that one false alarm among all is as rare as in one test (Holm 1979).

    The smallest of m is multiplied by m, the next by m - 1, and so on; none gets smaller than one before it.

    >>> [round(p, 3) for p in holm([0.01, 0.04, 0.03, 0.005])]
    [0.03, 0.06, 0.06, 0.02]
    """
    corrected, least = [0.0] * len(p_values), 0.0
    for rank, place in enumerate(sorted(range(len(p_values)), key=lambda place: p_values[place])):
        least = max(least, min(1.0, (len(p_values) - rank) * p_values[place]))
        corrected[place] = least
    return tuple(corrected)
