"""Friedman's test and the critical difference against the example that Demsar (2006) prints."""

import numpy as np
import pytest
from scipy.stats import friedmanchisquare

from dartboard.statistics import critical_difference, rank_test, same_groups

EXAMPLE = np.array(
    [
        [0.763, 0.599, 0.954, 0.628, 0.882, 0.936, 0.661, 0.583, 0.775, 1.0, 0.940, 0.619, 0.972, 0.957],
        [0.768, 0.591, 0.971, 0.661, 0.888, 0.931, 0.668, 0.583, 0.838, 1.0, 0.962, 0.666, 0.981, 0.978],
        [0.771, 0.590, 0.968, 0.654, 0.886, 0.916, 0.609, 0.563, 0.866, 1.0, 0.965, 0.614, 0.9751, 0.946],
        [0.798, 0.569, 0.967, 0.657, 0.898, 0.931, 0.685, 0.625, 0.875, 1.0, 0.962, 0.669, 0.975, 0.970],
    ]
)
"""Table 6 of the paper: areas under curves of C4.5, C4.5+m, C4.5+cf and C4.5+m+cf on 14 data sets.

For the data set voting it prints 0.975 twice and ranks them 2 and 3; here the digit that makes the ranks is added."""


def test_ranks_statistic_and_critical_difference_are_those_of_the_published_example() -> None:
    test = rank_test(EXAMPLE)
    assert test is not None
    assert test.ranks == pytest.approx((3.143, 2.000, 2.893, 1.964), abs=5e-4)
    k, n = EXAMPLE.shape
    plain = 12 * n / (k * (k + 1)) * (sum(rank**2 for rank in test.ranks) - k * (k + 1) ** 2 / 4)
    assert plain == pytest.approx(9.28, abs=0.005)
    assert (n - 1) * plain / (n * (k - 1) - plain) == pytest.approx(3.69, abs=0.005)
    assert test.critical_difference == pytest.approx(1.25, abs=0.005)
    assert critical_difference(4, 14, 0.10) == pytest.approx(1.12, abs=0.005)


def test_the_statistic_is_corrected_for_ties_as_that_of_scipy() -> None:
    test = rank_test(EXAMPLE)
    assert test is not None
    assert test.chi_square == pytest.approx(friedmanchisquare(*EXAMPLE).statistic)
    # Both take the 9,999 orders for about as likely as the F distribution says.
    assert test.permutation_p == pytest.approx(test.p, abs=0.01)


def test_what_a_bar_joins_is_what_the_paper_draws() -> None:
    # At 0.10 the paper's figure 1 joins C4.5+m+cf, C4.5+m and C4.5+cf, and C4.5+cf with C4.5.
    assert same_groups((3.143, 2.000, 2.893, 1.964), 1.12) == ((3, 1, 2), (2, 0))
    assert same_groups((1.0, 2.0, 3.0), 0.5) == ()
    assert same_groups((1.0, 2.0, 3.0), 5.0) == ((0, 1, 2),)


def test_blocks_that_all_agree_and_blocks_that_tell_nothing() -> None:
    agreed = rank_test([[0.9] * 4, [0.8] * 4, [0.7] * 4])
    assert agreed is not None
    assert agreed.ranks == (1, 2, 3)
    assert agreed.p == 0
    # All four blocks agree in (3!) of (3!)^4 orders: the smallest p that four blocks of three methods allow is 1 / 216.
    assert agreed.permutation_p == pytest.approx(1 / 216, abs=0.003)
    even = rank_test([[0.5, 0.5]] * 3)
    assert even is not None
    assert (even.ranks, even.chi_square, even.permutation_p) == ((2, 2, 2), 0, 1)


def test_only_blocks_that_every_method_has_count_and_two_methods_need_no_ranks() -> None:
    test = rank_test([[0.9, np.nan, 0.8], [0.8, 0.8, 0.9], [0.7, 0.8, 0.7]])
    assert test is not None
    assert test.blocks == 2
    assert rank_test([[0.9, 0.8], [0.8, 0.7]]) is None
    assert rank_test([[0.9], [0.8], [0.7]]) is None
