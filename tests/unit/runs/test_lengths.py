import pytest
from hypothesis import given
from hypothesis import strategies as st

from dartboard.runs import Length, TimeLimit, TrainEpoch
from made_up_events import train_epoch


def events(count: int, *, seconds: float, steps: int = 10, epochs: int = 20) -> list[TrainEpoch]:
    return [train_epoch(epochs=epochs, steps=steps, seconds=seconds) for _ in range(count)]


def test_a_time_limit_keeps_what_fits() -> None:
    limit, now = TimeLimit(100.0, Length(10, 10)), Length(10, 10)
    assert limit.fit(now, events(3, seconds=10.0)) == now
    assert limit.fit(now, events(3, seconds=10.05)) == now  # within the slack of two in a hundred


@pytest.mark.parametrize(
    ("seconds", "wanted"),
    [
        (4.0, Length(20, 10)),  # 88 s are left, 220 steps
        (6.0, Length(20, 8)),  # 82 s, 136 steps
        (11.0, Length(15, 5)),  # 67 s, 60 steps: 17 epochs would have less than half
        (33.0, Length(4, 5)),  # hardly anything is left, and half an epoch is needed to end in
        (500.0, Length(4, 5)),
    ],
)
def test_a_time_limit_shortens_what_does_not_fit_but_leaves_an_epoch_to_end_in(seconds: float, wanted: Length) -> None:
    assert TimeLimit(100.0, Length(20, 10)).fit(Length(20, 10), events(3, seconds=seconds)) == wanted


def test_only_the_beginning_of_a_training_that_may_grow_makes_it_longer() -> None:
    now = Length(20, 10)
    assert TimeLimit(100.0, Length(20, 40)).fit(now, events(3, seconds=2.0)) == Length(20, 27)
    assert TimeLimit(100.0, Length(40, 10)).fit(now, events(3, seconds=2.0)) == Length(40, 10)
    assert TimeLimit(100.0, Length(40, 20)).fit(now, events(3, seconds=2.0)) == Length(26, 20)
    assert TimeLimit(100.0, Length(40, 40)).fit(now, events(6, seconds=2.0)) == now
    assert TimeLimit(100.0, now).fit(now, events(3, seconds=2.0)) == now


def test_a_training_for_which_no_other_waits_may_grow_until_its_end() -> None:
    now, late = Length(20, 10), events(15, seconds=2.0)
    assert TimeLimit(100.0, Length(20, 400)).fit(now, late) == now
    assert TimeLimit(100.0, Length(20, 400), alone=True).fit(now, late) == Length(20, 70)
    assert TimeLimit(100.0, Length(20, 40), alone=True).fit(now, late) == Length(20, 40)


def test_one_epoch_that_something_disturbed_changes_nothing_but_for_the_time_it_took() -> None:
    disturbed = [*events(5, seconds=4.0), *events(1, seconds=12.0)]
    assert TimeLimit(88.0, Length(20, 10)).fit(Length(20, 10), disturbed) == Length(20, 10)
    assert TimeLimit(80.0, Length(20, 10)).fit(Length(20, 10), disturbed) == Length(20, 8)


def test_what_a_busy_machine_took_comes_back_when_it_is_idle_again() -> None:
    limit, so_far = TimeLimit(100.0, Length(20, 10)), events(2, seconds=10.0)
    assert limit.fit(Length(20, 10), so_far) == Length(18, 5)
    so_far += events(6, seconds=5.0, steps=5, epochs=18)
    assert limit.fit(Length(18, 5), so_far) == Length(18, 5)
    so_far += events(4, seconds=1.0, steps=5, epochs=18)
    assert limit.fit(Length(18, 5), so_far) == Length(20, 10)


@given(
    st.builds(Length, st.integers(1, 100), st.integers(1, 500)),
    st.builds(Length, st.integers(0, 200), st.integers(0, 500)),
    st.floats(1e-3, 1),
    st.floats(0, 0.2),
    st.floats(0.1, 5),
)
def test_at_a_steady_pace_a_training_takes_its_time_and_no_more(
    now: Length, more: Length, step: float, scoring: float, share: float
) -> None:
    planned, steps = now
    most = Length(planned + more.epochs, steps + more.steps)
    scoring *= steps * step
    seconds = share * planned * (steps * step + scoring)
    limit, done = TimeLimit(seconds, most), list[TrainEpoch]()
    while len(done) < now.epochs:
        taken = now.steps * step + scoring
        done.append(train_epoch(epochs=now.epochs, steps=now.steps, seconds=taken, scoring_seconds=scoring))
        now = limit.fit(now, done)
    assert len(done) <= most.epochs
    assert max(event.steps for event in done) <= most.steps
    spent = sum(event.seconds for event in done)
    unavoidable = 2 * (steps * step + scoring) if planned > 1 else steps * step + scoring
    assert spent <= max(unavoidable, seconds * 1.05 + step) + 1e-9
    if planned >= 8 and share >= 0.4 and most.epochs * (most.steps * step + scoring) >= seconds:
        assert spent >= 0.9 * seconds - planned * step
