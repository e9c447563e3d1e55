"""The bootstrap over seeds and images has the variance that theory gives it."""

import numpy as np
import pytest

from dartboard.statistics import interval_of, two_level


def rights(seeds: int, images: int) -> np.ndarray:
    """Seeds that differ and images of which some are harder."""
    rng = np.random.default_rng(5)
    chance = np.clip(0.8 + rng.normal(0, 0.03, (2, seeds, 1)) + rng.normal(0, 0.1, (1, 1, images)), 0, 1)
    return rng.random((2, seeds, images)) < chance


def test_without_images_that_differ_the_variance_is_that_of_the_mean_over_seeds() -> None:
    accuracies = np.array([[0.7, 0.72, 0.75, 0.8]])
    draws = two_level(np.repeat(accuracies[:, :, None], 3, axis=2), same_images=True, resamples=20_000)
    assert draws.mean() == pytest.approx(accuracies.mean(), abs=5e-4)
    # The sample variance over 4, not that of the four values themselves: the widening makes up for it.
    assert draws.var() == pytest.approx(accuracies.var(ddof=1) / 4, rel=0.03)


def test_with_one_seed_only_images_are_drawn() -> None:
    right = rights(1, 400)
    draws = two_level(right, same_images=True, resamples=4_000)
    accuracy = right[0, 0].mean()
    assert draws[:, 0].std() == pytest.approx(np.sqrt(accuracy * (1 - accuracy) / 400), rel=0.05)


@pytest.mark.parametrize("same_images", [True, False])
def test_many_draws_are_those_of_a_slow_loop(same_images: bool) -> None:
    right, rng = rights(5, 60), np.random.default_rng(9)
    slow = []
    for _ in range(4_000):
        images = [rng.integers(60, size=60)] * 5 if same_images else list(rng.integers(60, size=(5, 60)))
        by_seed = np.stack([right[:, seed, images[seed]].mean(axis=1) for seed in range(5)], axis=1)
        drawn = by_seed[:, rng.integers(5, size=5)].mean(axis=1)
        centre = by_seed.mean(axis=1)
        slow.append(centre + np.sqrt(5 / 4) * (drawn - centre))
    fast = two_level(right, same_images=same_images, resamples=4_000)
    assert fast.std(axis=0) == pytest.approx(np.std(slow, axis=0), rel=0.06)  # 4,000 draws: 1.1% of a deviation each
    assert (fast[:, 0] - fast[:, 1]).std() == pytest.approx(np.std(np.array(slow) @ [1, -1]), rel=0.06)


def test_images_that_all_seeds_share_add_more_than_images_of_their_own() -> None:
    right = np.repeat(np.random.default_rng(2).random((1, 1, 50)) < 0.7, 6, axis=1)
    shared, own = (two_level(right, same_images=same)[:, 0].std() for same in (True, False))
    # By the root of 6 before the widening of the second, which also has the images in it.
    assert shared > 1.5 * own


def test_the_interval_holds_its_share_of_the_draws_and_is_the_same_again() -> None:
    draws = two_level(rights(3, 50), same_images=True)[:, 0]
    low, high = interval_of(draws)
    assert ((draws >= low) & (draws <= high)).mean() == pytest.approx(0.95, abs=0.01)
    assert interval_of(two_level(rights(3, 50), same_images=True)[:, 0]) == (low, high)
    with pytest.raises(ValueError, match="seeds and images"):
        two_level(np.ones((2, 0, 3), bool), same_images=True)
