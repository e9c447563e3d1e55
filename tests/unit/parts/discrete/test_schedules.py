"""Schedules are pure functions of the pool, and cost what the papers say."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dartboard.errors import RecipeError
from dartboard.parts.discrete import Advance, Full, Nosh, Pool, Propose, SuccessiveHalving

from .pools import evaluated, followed, numbered

EMPTY = Pool(epochs=(5, 15, 45), evaluated_by="training")
PUBLISHED = Nosh((5, 15, 45), 0.5, start=32, added=8, members=40)


def residents(pool: Pool) -> list[int]:
    return [len(pool.residents(level)) for level in (1, 2, 3)]


def test_a_start_of_32_costs_560_epochs_and_an_update_140() -> None:
    start = followed(PUBLISHED, EMPTY, until=32)
    assert start.epochs_spent == 560
    assert start.epochs_of_full_training == 1440
    assert residents(start) == [16, 8, 8]
    updated = followed(PUBLISHED, start)
    assert updated.epochs_spent - start.epochs_spent == 140
    assert residents(updated) == [20, 10, 10]
    assert PUBLISHED.total_epochs == 700
    assert Nosh((10, 25, 50), 0.5, 32, 8, 96).total_epochs == 760 + 8 * 190


def test_residents_old_and_new_compete_for_the_next_level() -> None:
    schedule = Nosh((5, 15, 45), 0.5, start=4, added=2, members=6)
    pool = followed(schedule, EMPTY, until=4)
    assert [member.level for member in pool.members] == [1, 1, 2, 3]
    pool = pool.joined(*numbered((), (), (), (), (), ()).members[4:])
    step = schedule.next(pool)
    assert step == Advance((4, 5), 1)
    pool = evaluated(pool, step, lambda _: 0.0)
    assert schedule.next(pool) == Advance((1,), 2), "the old one is better than the two new ones"


def test_a_failed_training_counts_as_passed_and_goes_no_further() -> None:
    schedule = Nosh((5, 15, 45), 0.5, start=2, added=1, members=2)
    pool = numbered((0.0,), (0.5,))
    pool = pool.with_member(pool.members[1].model_copy(update={"failure": "the loss is infinite."}))
    assert schedule.next(pool) == Advance((0,), 2)


@given(
    st.integers(2, 12),
    st.integers(1, 5),
    st.integers(0, 4),
    st.sampled_from([0.3, 0.5, 0.7]),
    st.permutations(range(9)),
)
def test_the_pool_never_shrinks_and_nothing_is_trained_twice(
    start: int, added: int, updates: int, share: float, ranks: list[int]
) -> None:
    schedule = Nosh((2, 4, 8), share, start, added, start + updates * added)
    pool, sizes = Pool(epochs=(2, 4, 8), evaluated_by="training"), [0]
    while (step := schedule.next(pool)) is not None:
        if isinstance(step, Propose):
            first = len(pool.members)
            new = numbered(*((),) * (first + step.wanted), epochs=(2, 4, 8)).members[first:]
            pool = pool.joined(*new)
        else:
            pool = evaluated(pool, step, lambda member: ranks[member.number % 9] / 10)
        sizes.append(len(pool.members))
    assert sizes == sorted(sizes)
    assert len(pool.members) == schedule.size
    assert pool.epochs_spent == schedule.total_epochs


def test_hyperband_has_the_brackets_of_the_paper() -> None:
    schedule = SuccessiveHalving.hyperband(81, 3)
    assert schedule.epochs == (1, 3, 9, 27, 81)
    survivors = [
        [schedule._survivors(members, lowest, level) for level in range(lowest, 6)]
        for members, lowest in schedule.brackets
    ]
    assert survivors == [[81, 27, 9, 3, 1], [34, 11, 3, 1], [15, 5, 1], [8, 2], [5]]
    pool = followed(schedule, Pool(epochs=schedule.epochs, evaluated_by="training"))
    assert len(pool.members) == schedule.size == 143
    assert pool.epochs_spent == schedule.total_epochs


def test_every_step_of_a_full_schedule_ends_before_the_next_is_proposed() -> None:
    schedule = Full(3, (7,))
    pool = followed(schedule, Pool(epochs=(7,), evaluated_by="training"))
    assert [member.epochs for member in pool.members] == [7, 7, 7]
    assert schedule.next(numbered((0.5,), (), epochs=(7,))) == Advance((1,), 1)


@pytest.mark.parametrize("schedule", [PUBLISHED, Full(100, (5,)), SuccessiveHalving.hyperband(27)])
@pytest.mark.parametrize("share", [0.5, 0.2, 0.05])
def test_a_smaller_schedule_is_cheaper_and_still_reaches_its_last_level(
    schedule: Nosh | Full | SuccessiveHalving, share: float
) -> None:
    smaller = schedule.shrunk(share)
    assert smaller.total_epochs < schedule.total_epochs
    assert smaller.epochs == schedule.epochs
    pool = followed(smaller, Pool(epochs=smaller.epochs, evaluated_by="training"))
    assert pool.best is not None
    assert pool.best.level == len(smaller.epochs)


@pytest.mark.parametrize("epochs", [(), (0, 3), (5, 5), (9, 3)])
def test_levels_that_do_not_rise_are_refused(epochs: tuple[int, ...]) -> None:
    with pytest.raises(RecipeError, match="give rising numbers"):
        Nosh(epochs)


def test_other_nonsense_is_refused() -> None:
    with pytest.raises(RecipeError, match="between 0 and 1"):
        Nosh(share=1.0)
    with pytest.raises(RecipeError, match="at least 2"):
        SuccessiveHalving((1,), ((2, 1),), factor=1)
