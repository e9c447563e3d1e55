from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dartboard.budget.arithmetic import (
    SearchRate,
    Size,
    TrainingRate,
    choose_size,
    most_epochs,
    search_sizes,
    search_within,
    training_sizes,
    training_within,
    wanted_passes,
)
from dartboard.runs import Length
from dartboard.space import SPACES, get_space
from dartboard.wording import duration, parse_duration

SPACE_NAMES = [entry.name for entry in SPACES]


class Machine(NamedTuple):
    """Takes a fixed time for a step and time in proportion to its work."""

    fixed: float
    per_work: float

    def rate(self, size: Size) -> TrainingRate:
        step = self.fixed + self.per_work * work(size)
        return TrainingRate(step=step, image=step / 100, available=10, memory=0)


def work(size: Size) -> float:
    return float(size.channels**2 * size.layers)


SIZES = [Size(channels, layers) for channels, layers in [(8, 1), (12, 1), (16, 1), (24, 1), (24, 2), (32, 3), (64, 5)]]


@given(st.floats(0, 1), st.floats(1e-6, 1e-2), st.floats(1e-4, 1e3), st.sampled_from([None, *SIZES]))
def test_the_size_chosen_is_the_largest_that_is_fast_enough_and_few_are_measured(
    fixed: float, per_work: float, limit: float, first: Size | None
) -> None:
    machine, measured = Machine(fixed, per_work), []

    def measure(size: Size) -> TrainingRate:
        measured.append(size)
        return machine.rate(size)

    chosen, rate = choose_size(SIZES, work, measure, lambda _, rate: rate.step <= limit, first)
    fast_enough = [size for size in SIZES if machine.rate(size).step <= limit] or SIZES[:1]
    assert chosen == fast_enough[-1]
    assert rate == machine.rate(chosen)
    assert len(measured) == len(set(measured)) <= 6


def test_a_size_is_never_taken_unmeasured_even_where_the_machine_is_not_as_foretold() -> None:
    """A step of the larger networks takes ten times what the small ones promise."""

    def measure(size: Size) -> TrainingRate:
        step = work(size) * (1.0 if size.channels < 24 else 10.0)
        return TrainingRate(step=step, image=0.0, available=1, memory=0)

    chosen, rate = choose_size(SIZES, work, measure, lambda _, rate: rate.step <= 2000)
    assert chosen == Size(16, 1)
    assert rate.step == 256


@pytest.mark.parametrize("name", SPACE_NAMES)
def test_the_sizes_of_every_space_can_be_built_and_grow(name: str) -> None:
    space = get_space(name)
    for sizes in (training_sizes(space), search_sizes(space)):
        assert len(sizes) > 2
        assert len(sizes) == len(set(sizes))
        works = [work(size) for size in sizes]
        assert works == sorted(works)
        for channels, layers in sizes:
            space.plan(in_channels=3, num_classes=5, init_channels=channels, layers=layers)
    assert search_sizes(space)[-1].layers == max(space.skeleton.fewest_layers, min(8, space.reference_size[1]))


def test_fewer_images_are_shown_more_often() -> None:
    passes = [wanted_passes(images) for images in (100, 1437, 5000, 28_709, 50_000, 1_000_000)]
    assert passes == [60, 60, 25, 6, 4, 2]
    assert [wanted_passes(50_000, width) for width in (0.5, 1.0, 1.5, 2.0, 4.0)] == [2, 4, 6, 8, 16]
    short = [wanted_passes(images, short_recipe=True) for images in (100, 1437, 5000, 28_709, 50_000, 1_000_000)]
    assert short == [60, 18, 9, 4, 3, 2]
    assert most_epochs(50_000) == 60


@given(st.floats(1e-4, 10), st.floats(0, 1e-2), st.integers(1, 1000), st.integers(0, 5000), st.floats(1, 1e5))
def test_a_training_takes_no_longer_than_it_may(
    step: float, image: float, available: int, scored: int, seconds: float
) -> None:
    rate = TrainingRate(step=step, image=image, available=available, memory=0)
    length = training_within(rate, seconds, images=64 * available, scored=scored)
    assert rate.seconds(length, scored) == pytest.approx(length.epochs * rate.epoch(length.steps, scored))
    least = 3 * rate.epoch(1, scored)
    assert rate.seconds(length, scored) <= max(seconds, least) * (1 + 1e-9)
    assert length.epochs <= most_epochs(64 * available)
    if length.steps is None:
        assert length.epochs >= 8
    else:
        assert 1 <= length.steps <= available


@given(st.floats(1e-4, 10), st.floats(0, 10), st.integers(1, 1000), st.floats(1, 1e5))
def test_a_search_takes_no_longer_than_it_may_and_mostly_searches(
    step: float, scoring: float, available: int, seconds: float
) -> None:
    rate = SearchRate(step=step, scoring=scoring, available=available, memory=0)
    length, share = search_within(rate, seconds)
    assert length.steps is not None
    assert 1 <= length.steps <= available
    assert 10 <= length.epochs <= 50
    assert 0 < share <= 1
    if length.steps > 1:
        assert rate.seconds(length, share) <= max(seconds, 10 * (available * step + share * scoring)) * (1 + 1e-9)
        assert length.epochs * share * scoring <= max(0.15 * seconds * 2, 1e-9) + 1e-9


def test_what_is_asked_for_is_kept() -> None:
    rate = TrainingRate(step=0.1, image=0.0, available=10, memory=0)
    length = training_within(rate, 60.0, images=640, scored=0, epochs=7)
    assert length == Length(7, None)
    assert rate.seconds(length, scored=0) == pytest.approx(7.0)
    length, _ = search_within(SearchRate(0.1, 0.0, 1000, 0), 100.0, epochs=20)
    assert (length.epochs, length.steps) == (20, 50)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90s", 90),
        ("30m", 1800),
        ("2h", 7200),
        ("1h30m", 5400),
        ("1m30s", 90),
        ("45", 45),
        ("0.5h", 1800),
        ("5 min", 300),
        ("1d", 86400),
        ("2 d 8 h", 201_600),
    ],
)
def test_lengths_of_time_are_read_as_people_write_them(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "soon", "-3m", "0s", "m", "3 weeks", "1e3", "30m2h"])
def test_other_texts_are_no_lengths_of_time(text: str) -> None:
    with pytest.raises(ValueError, match="is no length of time"):
        parse_duration(text)


@given(st.integers(1, 10**6))
def test_a_duration_says_about_what_it_is(seconds: int) -> None:
    text = duration(seconds)
    rounded = 1800 if " d " in text else 60 if seconds >= 3600 else 1
    assert parse_duration(text) == pytest.approx(seconds, rel=0.01, abs=rounded)
