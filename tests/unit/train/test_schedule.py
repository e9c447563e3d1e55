from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dartboard.train import Allowance, TrainSettings
from dartboard.train.schedule import Schedule, learning_rate


@given(st.integers(1, 300), st.integers(1, 50), st.data())
def test_a_schedule_that_never_changes_is_at_its_steps(epochs: int, steps: int, data: st.DataObject) -> None:
    epoch, step = data.draw(st.integers(0, epochs)), data.draw(st.integers(0, steps - 1))
    assert Schedule.of(epochs).position(epoch, step, steps) == epoch * steps + step


@given(st.integers(2, 100), st.lists(st.integers(1, 120), min_size=1, max_size=5), st.integers(1, 20))
def test_a_schedule_that_changes_never_jumps_and_always_ends_at_its_end(
    planned: int, changes: list[int], steps: int
) -> None:
    schedule, positions = Schedule.of(planned), list[float]()
    for done, change in enumerate([*changes, 0], 1):
        if done > schedule.epochs:
            break
        positions += [schedule.position(done - 1, step, steps) for step in range(steps)]
        before = schedule.position(done, 0, steps)
        if change and done < schedule.epochs:
            schedule.change(done, done + change)
        assert schedule.position(done, 0, steps) == pytest.approx(before)
    assert schedule.position(schedule.epochs, 0, steps) == pytest.approx(planned * steps)
    assert all(later > earlier for earlier, later in pairwise(positions))


def test_a_stored_schedule_goes_on_where_it_was() -> None:
    schedule = Schedule.of(10)
    schedule.change(4, 20)
    again = Schedule(**schedule.to_json())
    assert again == schedule
    assert again.position(12, 0, 1) == pytest.approx(7.0)


@pytest.mark.parametrize("kind", ["cosine", "one-cycle"])
def test_the_rate_of_a_shortened_training_still_falls_to_its_end(kind: str) -> None:
    settings, steps = TrainSettings.model_validate({"schedule": kind, "lr": 0.1, "lr_min": 0.0}), 10
    schedule = Schedule.of(40)
    schedule.change(20, 25)
    rates = [
        learning_rate(settings, schedule.position(epoch, step, steps), 40 * steps, steps)
        for epoch in range(20, 25)
        for step in range(steps)
    ]
    assert rates == sorted(rates, reverse=True)
    assert rates[0] == pytest.approx(learning_rate(settings, 20 * steps, 40 * steps, steps))
    assert rates[-1] < 0.1 * rates[0]


def test_an_allowance_keeps_what_fits() -> None:
    assert Allowance(100.0, usual=10, most=10).epochs(10, 3, 30.0, 10.0) == 10
    assert Allowance(100.0, usual=10, most=20).epochs(10, 3, 30.0, 10.1) == 10  # within the slack of two in a hundred


@pytest.mark.parametrize(("spent", "last", "wanted"), [(50.0, 10.0, 8), (99.0, 10.0, 4), (500.0, 10.0, 4)])
def test_an_allowance_shortens_what_does_not_fit_but_leaves_an_epoch_to_end_in(
    spent: float, last: float, wanted: int
) -> None:
    assert Allowance(100.0, usual=20, most=20).epochs(20, 3, spent, last) == wanted


def test_only_the_beginning_of_a_training_that_may_grow_makes_it_longer() -> None:
    assert Allowance(100.0, usual=20, most=40).epochs(20, 3, 6.0, 2.0) == 40
    assert Allowance(100.0, usual=20, most=40).epochs(20, 6, 12.0, 2.0) == 20
    assert Allowance(100.0, usual=20, most=20).epochs(20, 3, 6.0, 2.0) == 20


def test_what_a_busy_machine_took_comes_back_when_it_is_idle_again() -> None:
    allowance = Allowance(100.0, usual=20, most=40)
    assert allowance.epochs(20, 2, 20.0, 10.0) == 10
    assert allowance.epochs(10, 5, 40.0, 5.0) == 17
    assert allowance.epochs(17, 9, 45.0, 2.0) == 20


@given(st.integers(1, 100), st.floats(0.01, 100), st.floats(0.01, 1e4), st.integers(0, 200))
def test_at_a_steady_pace_a_training_ends_within_its_allowance(
    planned: int, pace: float, seconds: float, more: int
) -> None:
    allowance, epochs, done = Allowance(seconds, planned, planned + more), planned, 0
    while done < epochs:
        done += 1
        epochs = allowance.epochs(epochs, done, done * pace, pace)
    assert done <= planned + more
    unavoidable = 2 * pace if planned > 1 else pace
    assert done * pace <= max(unavoidable, seconds * 1.02) + 1e-9
