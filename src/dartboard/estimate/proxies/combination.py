"""Several numbers of each of several architectures become one: by the ranks that they have among these architectures.

A number that is not finite is the worst of all, and equal numbers share their mean rank.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

__all__ = ["average_rank", "rank_product", "ranks"]

Numbers = Sequence[float]


def ranks(values: Numbers) -> npt.NDArray[np.float64]:
    """The rank of every number, from 1 for the smallest to n for the largest, (n,)."""
    from scipy.stats import rankdata  # slow to import, and most verbs rank nothing

    known = np.asarray(values, dtype=np.float64)
    return np.asarray(rankdata(np.where(np.isfinite(known), known, -np.inf)), dtype=np.float64)


def rank_product(columns: Sequence[Numbers]) -> list[float]:
    """The sum over columns of ln(rank / n): 0 for the best of all in everything, the larger the better (AZ-NAS).

    Who is weak in any column loses more than by the mean of ranks. The result only holds among these architectures.

    Args:
        columns: for each number its value for all n architectures, the larger the better.
    """
    return [float(each) for each in np.sum([np.log(ranks(column) / len(column)) for column in columns], axis=0)]


def average_rank(columns: Sequence[Numbers]) -> list[float]:
    """The mean over columns of the place of every architecture, 1 for the best: the smaller the better.

    Args:
        columns: for each number its value for all n architectures, the larger the better.
    """
    return [float(each) for each in np.mean([len(column) + 1 - ranks(column) for column in columns], axis=0)]
