from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dartboard.runs import Event
from dartboard.training import Allowance, Pace, TrainSettings
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


def events(count: int, *, seconds: float, steps: int = 10, epochs: int = 20) -> list[Event]:
    return [{"epochs": epochs, "steps": steps, "seconds": seconds} for _ in range(count)]


def test_an_allowance_keeps_what_fits() -> None:
    allowance, now = Allowance(100.0, Pace(10, 10)), Pace(10, 10)
    assert allowance.pace(now, events(3, seconds=10.0)) == now
    assert allowance.pace(now, events(3, seconds=10.05)) == now  # within the slack of two in a hundred


@pytest.mark.parametrize(
    ("seconds", "wanted"),
    [
        (4.0, Pace(20, 10)),  # 88 s are left, 220 steps
        (6.0, Pace(20, 8)),  # 82 s, 136 steps
        (11.0, Pace(15, 5)),  # 67 s, 60 steps: 17 epochs would have less than half
        (33.0, Pace(4, 5)),  # hardly anything is left, and half an epoch is needed to end in
        (500.0, Pace(4, 5)),
    ],
)
def test_an_allowance_shortens_what_does_not_fit_but_leaves_an_epoch_to_end_in(seconds: float, wanted: Pace) -> None:
    assert Allowance(100.0, Pace(20, 10)).pace(Pace(20, 10), events(3, seconds=seconds)) == wanted


def test_only_the_beginning_of_a_training_that_may_grow_makes_it_longer() -> None:
    now = Pace(20, 10)
    assert Allowance(100.0, Pace(20, 40)).pace(now, events(3, seconds=2.0)) == Pace(20, 27)
    assert Allowance(100.0, Pace(40, 10)).pace(now, events(3, seconds=2.0)) == Pace(40, 10)
    assert Allowance(100.0, Pace(40, 20)).pace(now, events(3, seconds=2.0)) == Pace(26, 20)
    assert Allowance(100.0, Pace(40, 40)).pace(now, events(6, seconds=2.0)) == now
    assert Allowance(100.0, now).pace(now, events(3, seconds=2.0)) == now


def test_one_epoch_that_something_disturbed_changes_nothing_but_for_the_time_it_took() -> None:
    disturbed = [*events(5, seconds=4.0), *events(1, seconds=12.0)]
    assert Allowance(88.0, Pace(20, 10)).pace(Pace(20, 10), disturbed) == Pace(20, 10)
    assert Allowance(80.0, Pace(20, 10)).pace(Pace(20, 10), disturbed) == Pace(20, 8)


def test_what_a_busy_machine_took_comes_back_when_it_is_idle_again() -> None:
    allowance, so_far = Allowance(100.0, Pace(20, 10)), events(2, seconds=10.0)
    assert allowance.pace(Pace(20, 10), so_far) == Pace(18, 5)
    so_far += events(6, seconds=5.0, steps=5, epochs=18)
    assert allowance.pace(Pace(18, 5), so_far) == Pace(18, 5)
    so_far += events(4, seconds=1.0, steps=5, epochs=18)
    assert allowance.pace(Pace(18, 5), so_far) == Pace(20, 10)


@given(
    st.builds(Pace, st.integers(1, 100), st.integers(1, 500)),
    st.builds(Pace, st.integers(0, 200), st.integers(0, 500)),
    st.floats(1e-3, 1),
    st.floats(0, 0.2),
    st.floats(0.1, 5),
)
def test_at_a_steady_pace_a_training_takes_its_time_and_no_more(
    now: Pace, more: Pace, step: float, scoring: float, share: float
) -> None:
    planned, steps = now
    most = Pace(planned + more.epochs, steps + more.steps)
    scoring *= steps * step
    seconds = share * planned * (steps * step + scoring)
    allowance, done = Allowance(seconds, most), list[Event]()
    while len(done) < now.epochs:
        taken = now.steps * step + scoring
        done.append({"epochs": now.epochs, "steps": now.steps, "seconds": taken})
        now = allowance.pace(now, done)
    assert len(done) <= most.epochs
    assert max(event["steps"] for event in done) <= most.steps
    spent = sum(event["seconds"] for event in done)
    unavoidable = 2 * (steps * step + scoring) if planned > 1 else steps * step + scoring
    assert spent <= max(unavoidable, seconds * 1.05 + step) + 1e-9
    if planned >= 8 and share >= 0.4 and most.epochs * (most.steps * step + scoring) >= seconds:
        assert spent >= 0.9 * seconds - planned * step
