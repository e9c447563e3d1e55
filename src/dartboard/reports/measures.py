"""Measures of a test, computed from counts and predictions: intervals, frequent mistakes and calibration."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "ConfusedPair",
    "calibration_error",
    "confused_pairs",
    "wilson_interval",
]


@dataclass(frozen=True)
class ConfusedPair:
    """Two classes that the network confuses.

    Attributes:
        true: number of the true class.
        predicted: number of the class that was predicted instead.
        count: number of test images with this mistake.
        fraction: share of the images of the true class with this mistake.
    """

    true: int
    predicted: int
    count: int
    fraction: float


def wilson_interval(fraction: float, total: int) -> tuple[float, float]:
    """The 95% Wilson score interval of a proportion.

    It stays inside [0, 1], and is reliable for few trials, unlike the normal approximation.

    Args:
        fraction: share of successes; it is rounded to a whole number of successes.
        total: number of trials, at least 1.

    Paper: Wilson 1927, Journal of the American Statistical Association 22.
    """
    from scipy.stats import binomtest  # slow to import, and many pages do not need it

    interval = binomtest(round(fraction * total), total).proportion_ci(0.95, method="wilson")
    return float(interval.low), float(interval.high)


def confused_pairs(confusion: NDArray[np.int64], limit: int = 10) -> tuple[ConfusedPair, ...]:
    """The most frequent mistakes, sorted by number of images, then by share of the true class.

    Args:
        confusion: counts of shape (classes, classes), rows true classes, columns predicted ones.
        limit: largest number of mistakes.
    """
    totals = confusion.sum(axis=1)
    pairs = [
        ConfusedPair(true, predicted, int(confusion[true, predicted]), float(confusion[true, predicted] / totals[true]))
        for true, predicted in np.argwhere(confusion > 0).tolist()
        if true != predicted
    ]
    return tuple(sorted(pairs, key=lambda pair: (-pair.count, -pair.fraction, pair.true, pair.predicted))[:limit])


def calibration_error(confidence: NDArray[np.float64], correct: NDArray[np.bool_], bins: int = 15) -> float:
    """Expected calibration error: mean distance between confidence and accuracy over bins of equal width.

    Args:
        confidence: probability of the predicted class, shape (images,).
        correct: whether the prediction is right, shape (images,).
        bins: number of bins on [0, 1].

    Paper: Guo et al. 2017, arXiv:1706.04599, eq. 3.
    """
    places = np.minimum((confidence * bins).astype(np.int64), bins - 1)
    gaps = np.bincount(places, weights=confidence - correct, minlength=bins)
    return float(np.abs(gaps).sum() / len(confidence))
