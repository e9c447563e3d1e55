"""How sure one may be that one network is better than another on the same test images."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

__all__ = ["Difference", "paired_difference"]

RESAMPLES = 10_000


class Difference(NamedTuple):
    """A difference of two accuracies, as fractions.

    Attributes:
        mean: accuracy of the first network less that of the second.
        low: lower end of the interval that holds 95 % of the bootstrap's differences.
        high: its upper end.
    """

    mean: float
    low: float
    high: float


def paired_difference(first: npt.NDArray[np.bool_], second: npt.NDArray[np.bool_], seed: int = 0) -> Difference:
    """The difference in accuracy, with its uncertainty from the choice of test images.

    Test images are drawn again with replacement, 10,000 times (percentile bootstrap; Efron and Tibshirani 1993, chapter
    13). An image counts +1, 0 or -1, so a draw is one of a multinomial distribution. What another seed of the training
    would change is not in it.

    Args:
        first: for each test image whether the first network is right, (images,).
        second: the same of the second.
        seed: of the draws.

    Raises:
        ValueError: the two were not tested on the same, at least one image.
    """
    if len(first) != len(second) or not len(first):
        raise ValueError(f"a comparison needs the same test images twice, not {len(first)} and {len(second)}.")
    images, better, worse = len(first), int((first & ~second).sum()), int((~first & second).sum())
    shares = np.array([better, worse, images - better - worse]) / images
    drawn = np.random.default_rng(seed).multinomial(images, shares, size=RESAMPLES)
    low, high = np.percentile((drawn[:, 0] - drawn[:, 1]) / images, (2.5, 97.5))
    return Difference((better - worse) / images, float(low), float(high))
