"""What is left of a budget is shared among the trainings that are still to come."""

from types import SimpleNamespace
from typing import Any

import pytest

from dartboard.budget.allowances import remaining_allowance
from dartboard.budget.arithmetic import reserve
from dartboard.records.allowances import Allowance
from dartboard.runs import Length

LENGTH = Length(4, 10)


def session(left: float) -> Any:
    """A run of which `left` seconds of the budget are left for trainings and tests."""
    spent = 100.0 - reserve(100.0) - left
    return SimpleNamespace(settings=SimpleNamespace(budget=100.0, train=SimpleNamespace(runs=1)), spent=spent)


def allotted(**seconds: float) -> dict[str, Allowance]:
    return {
        name: Allowance(epochs=5, steps=10, seconds=each, test_seconds=1.0, most_epochs=60, most_steps=20)
        for name, each in seconds.items()
    }


def test_a_later_network_gets_the_length_of_the_first_and_its_share_of_the_time() -> None:
    allowances = allotted(found=50.0, random=20.0, resnet=10.0)
    found = remaining_allowance(session(32.0), allowances, "random", length=LENGTH, worked=3.0)
    assert (found.epochs, found.steps, found.most_epochs, found.most_steps) == (4, 10, 4, 10)
    assert found.seconds == pytest.approx(20 / 30 * (32 - 2) + 3)
    assert found.time_limit.most == LENGTH


def test_where_no_time_was_left_for_any_training_each_gets_an_equal_part_of_what_there_is() -> None:
    allowances = allotted(found=0.0, random=0.0, resnet=0.0)
    assert remaining_allowance(session(-5.0), allowances, "random", length=LENGTH, worked=0.0).seconds == 0.0
    assert remaining_allowance(session(12.0), allowances, "random", length=LENGTH, worked=0.0).seconds == 5.0
