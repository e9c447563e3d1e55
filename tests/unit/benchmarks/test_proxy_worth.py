"""What the benchmark of proxies makes of recorded figures."""

import math
from pathlib import Path

import numpy as np
import pytest

from dartboard.estimate import find_table
from made_up_tables import TEXTS, write_tables
from proxy_worth import agreement, draw, numbers

RECORDS = {
    "values": {"naswot": "1 2 3", "synflow": "10 30 20", "az-nas": "1/1/1/1 2/2/2/2 nan/3/3/3", "ntk-cond": "5 inf"},
    "parts": {name: [""] for name in ("naswot", "synflow", "ntk-cond")}
    | {"az-nas": ["expressivity", "progressivity", "trainability", "complexity"]},
}


def test_figures_are_read_back_as_larger_is_better_and_combined_by_ranks() -> None:
    found = dict(numbers(RECORDS))
    assert found["naswot"] == [1, 2, 3]
    assert found["ntk-cond"] == [-5, -math.inf]
    assert found["az-nas: complexity"] == [1, 2, 3]
    first, second, third = (math.log(place / 3) for place in (1, 2, 3))
    wanted = [second + 3 * first, third + 3 * second, first + 3 * third]
    assert found["az-nas"] == pytest.approx(wanted)
    assert found["mean rank of naswot, synflow, az-nas"] == pytest.approx([-3, -5 / 3, -4 / 3])


def test_orders_are_compared_by_hand() -> None:
    values, accuracies = np.array([1.0, 2, 3, 4, 5]), np.array([10.0, 20, 30, 50, 40])
    found = agreement(values, accuracies)
    assert (found["kendall"], found["spearman"]) == (pytest.approx(0.8), pytest.approx(0.9))
    assert agreement(values[:4], accuracies[:4])["kendall"] is None
    assert agreement(np.ones(5), accuracies)["spearman"] is None


def test_fewer_architectures_are_the_first_of_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DARTBOARD_DATA", str(tmp_path))
    write_tables(tmp_path)
    table = find_table(12)
    more = draw(table, len(TEXTS), 0)
    assert draw(table, 5, 0) == more[:5]
    assert len({each.to_text() for each in more}) == len(TEXTS)
