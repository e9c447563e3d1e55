"""Shallow and deep networks of the same cells are compared by order and by mean."""

import pytest

from depth_figures import as_table, depth_gap, random_cell


def test_the_gap_is_the_rank_correlation_and_the_change_of_the_mean() -> None:
    shallow = {0: 0.5, 1: 0.6, 2: 0.7, 3: 0.9}
    assert depth_gap({20: {0: 0.6, 1: 0.7, 2: 0.8}, 8: shallow}) == (pytest.approx(1.0), pytest.approx(0.1), 3)
    assert depth_gap({20: {0: 0.8, 1: 0.7, 2: 0.6}, 8: shallow}).tau == pytest.approx(-1.0)
    # One of three pairs changes places.
    assert depth_gap({20: {0: 0.6, 1: 0.8, 2: 0.7}, 8: shallow}).tau == pytest.approx(1 / 3)
    assert depth_gap({20: dict.fromkeys(range(3), 0.5), 8: shallow}).tau is None
    with pytest.raises(ValueError, match="no cell was trained at both depths"):
        depth_gap({8: {0: 0.5}, 20: {1: 0.5}})


def test_cells_are_drawn_one_by_one_and_the_table_says_what_both_depths_give() -> None:
    assert random_cell(3) == random_cell(3) != random_cell(4)
    runs = [
        {"depth": depth, "epochs": 2, "cell": cell, "accuracy": 0.5 + 0.1 * cell + depth / 200}
        for depth in (8, 20)
        for cell in range(3)
    ]
    page = as_table({"runs": dict(enumerate(runs)), "machine": "a machine", "torch": "2", "date": "today"})
    assert "| 0 | 54.00 | 60.00 |" in page
    assert "over 3 cells: 1.00. Mean change from 8 to 20 cells: +6.00 points." in page
