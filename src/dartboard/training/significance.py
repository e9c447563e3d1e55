"""Whether one network is better than another on the same test images, or only by chance."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

__all__ = ["Difference", "paired_difference"]

RESAMPLES = 10_000


class Difference(NamedTuple):
    """A difference of two accuracies, plain or balanced, as fractions.

    Attributes:
        mean: accuracy of the first network minus that of the second.
        low: lower end of the interval that holds 95 % of the bootstrap's differences.
        high: upper end of that interval.
    """

    mean: float
    low: float
    high: float


def paired_difference(
    first: npt.NDArray[np.bool_],
    second: npt.NDArray[np.bool_],
    classes: npt.NDArray[np.int64] | None = None,
    seed: int = 0,
) -> Difference:
    """The difference in accuracy, with its uncertainty from the choice of test images.

    Test images are resampled with replacement, 10,000 times (percentile bootstrap; Efron and Tibshirani 1993, chapter
    13). An image counts +1, 0 or -1, so each resample is a draw from a multinomial distribution. For balanced accuracy
    every class is resampled separately, and the means of the classes are averaged. The interval does not include the
    variation between seeds of the training.

    Args:
        first: for each test image, whether the first network is right, (images,).
        second: for each test image, whether the second network is right, (images,).
        classes: the class of each test image, (images,), to compare balanced accuracy; None compares accuracy.
        seed: seed of the bootstrap.

    Raises:
        ValueError: the two arrays have different lengths, or are empty.
    """
    if len(first) != len(second) or not len(first):
        raise ValueError(
            f"a comparison needs two results on the same test images, not on {len(first)} and {len(second)} images."
        )
    generator = np.random.default_rng(seed)
    groups = [np.ones(len(first), bool)] if classes is None else [classes == each for each in np.unique(classes)]
    means, resampled = [], np.zeros(RESAMPLES)
    for group in groups:
        images, better, worse = (int(np.sum(group & part)) for part in (group, first & ~second, ~first & second))
        drawn = generator.multinomial(images, np.array([better, worse, images - better - worse]) / images, RESAMPLES)
        means.append((better - worse) / images)
        resampled += (drawn[:, 0] - drawn[:, 1]) / images
    low, high = np.percentile(resampled / len(groups), (2.5, 97.5))
    return Difference(float(np.mean(means)), float(low), float(high))
