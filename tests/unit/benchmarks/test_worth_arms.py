"""What is said of the worth of searches follows from the runs on record, and no more than they allow."""

from itertools import count
from typing import Any

import pytest

import dartboard
from worth_arms import METHODS, RIVALS, as_table, more, verdict

TERMS = {"space": "conv-stages", "seconds": 120, "share": 0.25, "quick": False}


def runs(**accuracies: list[float]) -> list[dict[str, Any]]:
    """Runs on two data sets in turn, whose seeds count up; the names have _ in place of -."""
    return [
        {
            "data": "cifar10" if number % 2 else "fashion",
            "arm": arm.replace("_", "-"),
            "seed": number // 2,
            "accuracy": accuracy,
            "seconds": 120.0 + number,
            "cpu_seconds": 110.0,
            "round_seconds": 3.0 + 9 * (number % 2) if "best" in arm else None,
            "init_channels": 16 + 8 * (number % 2),
        }
        for arm, own in accuracies.items()
        for number, accuracy in zip(count(), own, strict=False)
    ]


def page(of: list[dict[str, Any]]) -> list[str]:
    """The lines of the whole table."""
    records = {"runs": {str(number): run for number, run in enumerate(of)}, "terms": TERMS}
    return as_table({**records, "machine": "a machine", "torch": "2", "date": "today"}).splitlines()


def table(of: list[dict[str, Any]]) -> list[list[str]]:
    """The cells of the rows of arms."""
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in page(of) if line.startswith("| ")][1:]


def test_a_search_that_is_worse_than_the_best_of_several_drawn_is_said_to_lose() -> None:
    told = verdict(
        runs(
            gdas=[0.80, 0.70, 0.80, 0.70],
            darts=[0.79, 0.69, 0.79, 0.69],
            best_of_4=[0.81, 0.72, 0.81, 0.72],
            by_hand=[0.7, 0.5, 0.7, 0.5],
            random=[0.85, 0.65, 0.75, 0.75],
        )
    )
    assert told.startswith("The best of 2 methods by these figures themselves, which flatters it, is `gdas`; it ")
    # Differences of -1, -2, -1 and -2 deviate by 0.577; over the root of 4 that is 0.289.
    assert "loses to `best-of-4` (-1.50 ± 0.29 points, standard error of 4 pairs of runs)" in told
    # 10, 20, 10 and 20 deviate by 5.77.
    assert "beats `by-hand` (+15.00 ± 2.89 points" in told
    assert "cannot be told from `random` (+0.00 ± " in told


def test_too_few_pairs_of_runs_tell_nothing() -> None:
    told = verdict(runs(gdas=[0.8, 0.7], by_hand=[0.6, 0.6], random=[0.6]))
    assert "has +15.00 points over `by-hand` in 2 pairs of runs, too few to tell" in told
    assert "in one pair of runs" in told
    assert told.startswith("The only method on record is `gdas`; it ")


def test_nothing_is_said_of_searches_before_they_can_be_compared() -> None:
    assert verdict(runs(random=[0.8])) == "No search is on record yet."
    first, second = runs(gdas=[0.8]), [{**run, "seed": 1} for run in runs(darts=[0.8])]
    assert "in common yet" in verdict(first + second)


def test_the_best_method_is_the_best_where_all_have_run() -> None:
    """That on a further data set one of them is much worse says more of the data set than of the method."""
    assert verdict(runs(gdas=[0.8, 0.1], darts=[0.7])).endswith("is `gdas`.")


def test_runs_are_compared_by_data_set_and_seed() -> None:
    recorded = runs(gdas=[0.8, 0.7, 0.9], random=[0.7, 0.65])
    assert more(recorded, "gdas", "random") == pytest.approx([10.0, 5.0])
    assert more(recorded, "gdas", "by-hand") == []


def test_the_table_has_a_row_for_each_arm_and_dashes_where_nothing_ran() -> None:
    rows = table(runs(gdas=[0.8, 0.7, 0.9], by_hand=[0.7, 0.6, 0.7, 0.6]))
    assert rows == [
        ["by-hand", "70.00 ± 0.00", "-", "16", "2", "60.00 ± 0.00", "-", "24", "2", "120 to 123", "110"],
        ["gdas", "85.00 ± 7.07", "+15.00 ± 7.07", "16", "2", "70.00", "+10.00", "24", "1", "120 to 122", "110"],
    ]
    assert table(runs(random=[0.8]) + runs(gdas=[0.5, 0.5]))[0][5:9] == ["-"] * 4


def test_contests_whose_rounds_are_too_short_to_tell_much_are_counted() -> None:
    assert page(runs(gdas=[0.8], best_of_4=[0.8, 0.7, 0.8]))[-1].startswith(
        "In 2 of 3 contests the rounds were shorter"
    )
    assert "contests" not in page(runs(gdas=[0.8], random=[0.8]))[-1]


def test_the_methods_are_registered_and_the_best_of_several_have_that_many_contestants() -> None:
    assert set(METHODS) <= {method["name"] for method in dartboard.list_methods()}
    # The contest has the first one drawn beside the others.
    assert [1 + RIVALS[f"best-of-{number}"]["contest_random"] for number in (4, 8)] == [4, 8]
