"""Tests of two methods against slow readable references, and what few seeds can never show."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dartboard.statistics import (
    Pair,
    all_pairs,
    exact_p,
    holm,
    limit_sentence,
    pair_sentence,
    paired_tests,
    pairs_with,
    smallest_p,
)

GAPS = st.lists(st.integers(-50, 50), min_size=2, max_size=8)


def enumerated(gaps: list[float]) -> float:
    """Every change of signs, one after another."""
    means = [
        sum(sign * gap for sign, gap in zip(signs, gaps, strict=True)) for signs in product((1, -1), repeat=len(gaps))
    ]
    return float(np.mean([abs(mean) >= abs(sum(gaps)) - 1e-9 for mean in means]))


def enumerated_ranks(gaps: list[float]) -> float:
    """Wilcoxon's test: the same of signed ranks, without zeros."""
    from scipy.stats import rankdata

    left = [gap for gap in gaps if gap]
    return enumerated([float(np.sign(gap) * rank) for gap, rank in zip(left, rankdata(np.abs(left)), strict=True)])


@settings(max_examples=25, deadline=None)
@given(GAPS)
def test_exact_tests_are_those_of_every_change_of_signs(gaps: list[int]) -> None:
    tests = paired_tests(np.array(gaps) / 100 + 0.5, np.full(len(gaps), 0.5))
    assert tests is not None
    assert tests.exact == pytest.approx(enumerated([float(gap) for gap in gaps]), abs=1e-9)
    # 0.5 + gap / 100 - 0.5 is not gap / 100, and yet ties of ranks are seen.
    assert tests.wilcoxon == pytest.approx(enumerated_ranks([float(gap) for gap in gaps]), abs=1e-9)


def test_four_seeds_cannot_go_under_an_eighth_and_six_can_go_under_five_hundredths() -> None:
    assert exact_p([0.1, 0.2, 0.3, 0.4]) == smallest_p(4) == 0.125
    assert exact_p([0.1, 0.2, 0.3, 0.4, 0.5, 0.6]) == smallest_p(6) == 0.03125
    assert limit_sentence(4) == "An exact test with 4 seeds cannot go under p = 0.125, whatever the accuracies are."
    assert limit_sentence(6) == ""


def test_the_t_test_is_that_of_the_textbook() -> None:
    # Student 1908, the sleep data: t = 4.0621 with 9 degrees of freedom, p = 0.002833.
    first = [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4]
    second = [0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0]
    tests = paired_tests(first, second)
    assert tests is not None
    assert tests.t == pytest.approx(0.002833, abs=1e-6)
    assert tests.difference == pytest.approx(1.58)
    assert tests.deviation == pytest.approx(1.2299955, abs=1e-6)


def test_many_blocks_are_drawn_and_agree_with_the_t_test_where_differences_are_normal() -> None:
    gaps = np.random.default_rng(3).normal(0.3, 1, 60)
    tests = paired_tests(gaps, np.zeros(60))
    assert tests is not None
    assert tests.exact == pytest.approx(tests.t, abs=0.01)  # 16,384 draws of a p of about 0.03
    assert tests.exact == exact_p(gaps)


def test_only_blocks_that_both_have_count() -> None:
    tests = paired_tests([0.5, np.nan, 0.7, 0.9], [0.4, 0.2, np.nan, 0.7])
    assert tests is not None
    assert (tests.blocks, tests.difference) == (2, pytest.approx(0.15))
    assert paired_tests([np.nan, 1.0], [1.0, np.nan]) is None
    single = paired_tests([0.5], [0.4])
    assert single is not None
    assert (single.exact, single.t, single.smallest) == (None, None, 1.0)
    with pytest.raises(ValueError, match="the same blocks"):
        paired_tests([1.0], [1.0, 2.0])


def test_methods_that_always_differ_by_the_same_are_not_divided_by_nothing() -> None:
    tests = paired_tests([0.3, 0.4, 0.5], [0.1, 0.2, 0.3])
    assert tests is not None
    assert (tests.t, tests.exact) == (0.0, 0.25)
    even = paired_tests([0.3, 0.4], [0.3, 0.4])
    assert even is not None
    assert (even.exact, even.wilcoxon, even.t) == (1.0, 1.0, 1.0)


def test_holms_correction_is_that_of_the_published_example() -> None:
    # Demsar 2006, section 3.2.2: 0.016, 0.019 and 0.607 against a control; the first two are rejected at 0.05.
    assert holm([0.016, 0.019, 0.607]) == pytest.approx((0.048, 0.048, 0.607))
    assert holm([]) == ()


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_holm_rejects_what_its_steps_reject(p_values: list[float]) -> None:
    rejected = set[int]()
    for rank, place in enumerate(sorted(range(len(p_values)), key=lambda each: p_values[each])):
        if p_values[place] * (len(p_values) - rank) > 0.05:
            break
        rejected.add(place)
    assert {place for place, p in enumerate(holm(p_values)) if p <= 0.05} == rejected


def by(pairs: tuple[Pair, ...]) -> dict[tuple[str, str], Pair]:
    return {(pair.first, pair.second): pair for pair in pairs}


def test_an_exact_test_decides_where_it_could_and_elsewhere_the_verdict_says_what_it_assumes() -> None:
    rng = np.random.default_rng(0)
    noise = rng.normal(0, 0.001, (2, 8))
    far = {"a": 0.9 + noise[0], "b": 0.8 + noise[1]}
    (apart,) = all_pairs(far)
    assert apart.verdict == "apart"
    assert pair_sentence(apart).startswith("a is better than b by ")
    (few,) = all_pairs({name: values[:4] for name, values in far.items()})
    assert few.verdict == "apart if normal"
    assert "an exact test with 4 seeds cannot tell it" in pair_sentence(few)
    (one,) = all_pairs({name: values[:1] for name, values in far.items()})
    assert one.verdict == "not tested"
    assert pair_sentence(one) == (
        "a and b cannot be told apart: they have 1 seed in common, and a test takes two at least."
    )


def test_more_pairs_make_the_same_difference_harder_to_tell() -> None:
    values = {name: np.arange(7) * 0.01 + shift for name, shift in zip("abcd", (0.5, 0.5005, 0.501, 0.5), strict=True)}
    values["a"] = values["a"] + np.array([0.01, 0.02, 0.03, 0.04, 0.05, 0.06, 0.07])
    alone = by(all_pairs({name: values[name] for name in "ab"}))["a", "b"]
    among = by(all_pairs(values))["a", "b"]
    assert (alone.pairs, among.pairs) == (1, 6)
    assert alone.exact == smallest_p(7) == among.exact / 6 if among.exact else False
    assert (alone.verdict, among.verdict) == ("apart", "apart if normal")
    assert [pair.second for pair in pairs_with(values, "d")] == ["d", "d", "d"]
    assert among.seeds_needed is not None
    assert alone.seeds_needed is not None
    assert among.seeds_needed > alone.seeds_needed


def test_a_pair_that_cannot_be_told_apart_has_a_sentence_with_the_seeds_it_would_take() -> None:
    (pair,) = all_pairs({"a": [0.50, 0.52, 0.49, 0.51], "b": [0.49, 0.50, 0.50, 0.51]})
    assert pair_sentence(pair) == (
        "a and b cannot be told apart: their mean difference of 0.50 points over 4 seeds may be chance (exact test, "
        "p = 0.75). A difference of that size takes about 55 seeds."
    )
