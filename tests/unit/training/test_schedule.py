from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dartboard.training import TrainSettings
from dartboard.training.schedule import Schedule, learning_rate


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


def test_the_linear_schedule_is_that_of_the_trainings_for_imagenet() -> None:
    """250 epochs, the first five of which rise; the last five start where the fall has come to."""
    settings = TrainSettings(lr=0.5, lr_min=0.0, schedule="linear", warmup_fraction=0.02)
    rates = [learning_rate(settings, epoch * 3 + step, 750, 3) for epoch in range(250) for step in range(3)]
    assert rates[::3] == rates[1::3] == rates[2::3]
    by_epoch = rates[::3]
    falling = [0.5 * (245 - epoch) / 245 for epoch in range(245)]
    assert by_epoch[:5] == pytest.approx([(epoch + 1) / 5 * falling[epoch] for epoch in range(5)])
    assert by_epoch[5:245] == pytest.approx(falling[5:])
    assert by_epoch[245:] == pytest.approx([0.5 * (250 - epoch) / (5 * 245) for epoch in range(245, 250)])


def test_a_triangle_rises_from_a_fifth_and_falls_in_straight_lines() -> None:
    settings = TrainSettings(lr=1.0, lr_min=0.07, schedule="triangle", warmup_fraction=0.23)
    rates = [learning_rate(settings, step, 100, 10) for step in range(101)]
    assert rates[:24] == pytest.approx([0.2 + 0.8 * step / 23 for step in range(24)])
    assert rates[23:] == pytest.approx([1 - 0.93 * step / 77 for step in range(78)])


@pytest.mark.parametrize(("fraction", "epochs"), [(0.0, 1), (0.0, 10), (0.2, 1), (0.2, 3), (0.9, 10)])
def test_a_linear_schedule_of_any_length_stays_between_its_ends(fraction: float, epochs: int) -> None:
    settings = TrainSettings(lr=0.5, lr_min=0.1, schedule="linear", warmup_fraction=fraction)
    rates = [learning_rate(settings, epoch, epochs, 1) for epoch in range(epochs)]
    assert all(0.1 < rate <= 0.5 for rate in rates)
    warmup = round(fraction * epochs)
    assert rates[warmup:] == sorted(rates[warmup:], reverse=True)


@pytest.mark.parametrize("kind", ["cosine", "linear", "one-cycle"])
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
