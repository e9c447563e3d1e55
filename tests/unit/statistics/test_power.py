"""Seeds that a difference takes, against tables and a simulation."""

import numpy as np
import pytest

from dartboard.statistics import difference_told, power_of, relative_improvement, seeds_needed


@pytest.mark.parametrize(("size", "seeds"), [(0.2, 199), (0.5, 34), (0.8, 15), (1.0, 10), (1.5, 6), (2.0, 5)])
def test_seeds_are_those_of_the_tables_for_a_paired_t_test(size: float, seeds: int) -> None:
    # Power 0.8 at a two-sided level of 0.05, as G*Power prints it.
    assert seeds_needed(size, 1.0) == seeds_needed(-size * 0.01, 0.01) == seeds


def test_power_is_how_often_a_simulated_test_tells_the_difference() -> None:
    from scipy.special import stdtrit

    drawn = np.random.default_rng(1).normal(0.8, 1.0, (20_000, 6))
    t = drawn.mean(axis=1) / drawn.std(axis=1, ddof=1) * np.sqrt(6)
    told = float((np.abs(t) > stdtrit(5, 0.975)).mean())
    assert power_of(0.8, 1.0, 6) == pytest.approx(told, abs=0.01)  # 20,000 draws have a standard error of 0.0035


def test_seeds_and_differences_undo_each_other() -> None:
    for seeds in (3, 4, 5, 10, 20):
        told = difference_told(0.7, seeds)
        assert seeds_needed(told * 1.001, 0.7) == seeds
        assert seeds_needed(told * 0.95, 0.7) > seeds  # type: ignore[operator]


def test_no_difference_is_never_told_and_one_without_deviation_always() -> None:
    assert seeds_needed(0.0, 1.0) is None
    assert seeds_needed(1e-6, 1.0) is None
    assert seeds_needed(0.1, 0.0) == 2
    assert power_of(100.0, 1.0, 4) == pytest.approx(1.0)


def test_the_improvement_is_relative_to_random_architectures() -> None:
    assert relative_improvement(0.9724, 0.9648) == pytest.approx(100 * (0.9724 - 0.9648) / 0.9648)
    assert relative_improvement(0.5, 0.5) == 0
