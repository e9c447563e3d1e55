import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dartboard.training import paired_difference


def rights(*values: int) -> np.ndarray:
    return np.array(values, dtype=bool)


def test_the_mean_is_the_difference_of_the_accuracies() -> None:
    difference = paired_difference(rights(1, 1, 1, 0), rights(1, 0, 0, 0))
    assert difference.mean == pytest.approx(0.75 - 0.25)


def test_the_interval_has_the_width_that_theory_gives_a_large_test() -> None:
    rng = np.random.default_rng(1)
    first, second = rng.random(20_000) < 0.9, rng.random(20_000) < 0.88
    difference = paired_difference(first, second)
    deviation = np.std(first.astype(float) - second) / np.sqrt(20_000)
    # 10,000 resamples give the ends of the interval to about 2% of its width.
    assert difference.high - difference.low == pytest.approx(2 * 1.96 * deviation, rel=0.05)
    assert difference.low < difference.mean < difference.high


@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=50))
def test_exchanging_the_two_turns_the_difference_around(pairs: list[tuple[bool, bool]]) -> None:
    first, second = np.array(pairs).T
    there, back = paired_difference(first, second), paired_difference(second, first)
    assert there.mean == -back.mean
    assert -1 <= there.low <= there.high <= 1


def test_for_balanced_accuracy_every_class_counts_alike() -> None:
    classes = np.array([0, 0, 0, 0, 0, 0, 2, 2])
    first, second = rights(1, 1, 1, 1, 1, 1, 0, 1), rights(1, 1, 1, 1, 1, 0, 1, 1)
    assert paired_difference(first, second).mean == pytest.approx(0)
    assert paired_difference(first, second, classes).mean == pytest.approx((1 / 6 - 1 / 2) / 2)


def test_the_balanced_interval_is_as_wide_as_the_rarest_class_makes_it() -> None:
    rng = np.random.default_rng(1)
    classes = np.repeat([0, 1], [20_000, 500])
    first, second = rng.random(20_500) < 0.9, rng.random(20_500) < 0.88
    difference = paired_difference(first, second, classes)
    gaps = first.astype(float) - second
    deviation = np.sqrt(sum(np.var(gaps[classes == each]) / (classes == each).sum() for each in (0, 1))) / 2
    assert difference.high - difference.low == pytest.approx(2 * 1.96 * deviation, rel=0.05)
    assert difference.low < difference.mean < difference.high


@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=50))
def test_in_one_class_both_accuracies_are_the_same(pairs: list[tuple[bool, bool]]) -> None:
    first, second = np.array(pairs).T
    assert paired_difference(first, second, np.full(len(pairs), 7)) == paired_difference(first, second)


def test_equal_networks_differ_by_nothing_for_sure() -> None:
    assert paired_difference(rights(1, 0, 1), rights(1, 0, 1)) == (0, 0, 0)


@pytest.mark.parametrize("sizes", [(0, 0), (2, 3)])
def test_other_test_images_are_refused(sizes: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="same test images"):
        paired_difference(*(np.ones(size, dtype=bool) for size in sizes))
