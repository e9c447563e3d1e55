"""Intervals from the choice of seeds and from the choice of test images, both at once."""

import math

import numpy as np
import numpy.typing as npt

__all__ = ["RESAMPLES", "interval_of", "two_level"]

Draws = npt.NDArray[np.float64]

RESAMPLES = 2_000
_AT_ONCE = 100
"""Resamples of images that are weighed in one product: 100 of 10,000 images take 8 MB."""


def two_level(
    right: npt.NDArray[np.bool_] | npt.NDArray[np.float64],
    *,
    same_images: bool,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Draws:
    """Mean accuracies of methods whose seeds and test images are both drawn again, with replacement.

    All methods get the same seeds and images in a resample, so differences of draws are paired. Where every seed has
    the same test images, these are drawn once for all seeds (Owen 2007, the pigeonhole bootstrap); otherwise for each
    seed anew. A bootstrap of n seeds finds only (n - 1) / n of the variance between them (Hesterberg 2015, on its
    narrowness), which for 4 seeds is a quarter too little; deviations by the choice of seeds are widened by the root of
    n / (n - 1). With one seed only images are drawn.

    Args:
        right: whether each image was classified as it should be, (methods, seeds, images); or a weight of it, such as
            that of its class.
        same_images: whether an image is the same one for every seed.
        resamples: number of resamples.
        seed: seed of the draws.

    Returns:
        Accuracies, (resamples, methods).

    Raises:
        ValueError: there are no seeds or no images.
    """
    _, seeds, images = right.shape
    if not seeds or not images:
        raise ValueError(f"a bootstrap needs seeds and images, not {seeds} and {images}.")
    generator = np.random.default_rng(seed)
    by_seed = _images_drawn(np.asarray(right, np.float64), same_images, resamples, generator)
    centre = by_seed.mean(axis=2)
    if seeds == 1:
        return np.asarray(centre)
    chosen = generator.multinomial(seeds, np.full(seeds, 1 / seeds), resamples) / seeds
    drawn = np.einsum("rms,rs->rm", by_seed, chosen)
    widened: Draws = centre + math.sqrt(seeds / (seeds - 1)) * (drawn - centre)
    return widened


def _images_drawn(right: Draws, same_images: bool, resamples: int, generator: np.random.Generator) -> Draws:
    """Accuracies over images drawn again, (resamples, methods, seeds)."""
    methods, seeds, images = right.shape
    even = np.full(images, 1 / images)
    found = np.empty((resamples, methods, seeds))
    for start in range(0, resamples, _AT_ONCE):
        size = min(_AT_ONCE, resamples - start)
        if same_images:
            weights = generator.multinomial(images, even, size) / images
            found[start : start + size] = (weights @ right.reshape(-1, images).T).reshape(size, methods, seeds)
            continue
        for each in range(seeds):
            weights = generator.multinomial(images, even, size) / images
            found[start : start + size, :, each] = weights @ right[:, each].T
    return found


def interval_of(draws: Draws, level: float = 0.95) -> tuple[float, float]:
    """The interval that holds that share of the draws, (resamples,), half of the rest on either side."""
    low, high = np.quantile(draws, ((1 - level) / 2, (1 + level) / 2))
    return float(low), float(high)
