"""A pool keeps everything, tells who is best, and ends where its space does."""

import pytest

from dartboard.parts.discrete import Full, Nosh, Pool, SuccessiveHalving
from dartboard.parts.discrete.protocol import Schedule

from .pools import followed, numbered


def test_the_best_of_a_pool_come_by_level_then_accuracy_and_failures_not_at_all() -> None:
    pool = numbered((0.5, 0.6), (0.9,), (0.4, 0.8), (), (0.7,))
    assert [member.number for member in pool.ranked] == [2, 0, 1, 4]
    failed = pool.with_member(pool.members[2].model_copy(update={"failure": "no."}))
    assert [member.number for member in failed.ranked] == [0, 1, 4]


def test_the_rank_correlations_of_an_update_are_those_of_its_own_members() -> None:
    pool = numbered((0.9,), (0.1,), (0.2,), (0.3,), (0.4,))
    for number, predicted in ((1, 1.0), (2, 2.0), (3, 4.0), (4, 3.0)):
        changes = {"update": 1, "predicted": predicted}
        pool = pool.with_member(pool.members[number].model_copy(update=changes))
    # One of six pairs is turned around: (5 - 1) / 6. Squared differences of ranks 0, 0, 1, 1: 1 - 6 * 2 / (4 * 15).
    assert pool.rank_correlation(1) == pytest.approx(4 / 6)
    assert pool.rank_correlation(1, "spearman") == pytest.approx(0.8)
    assert pool.rank_correlation(2) is None


@pytest.mark.parametrize("schedule", [Full(9, (4,)), Nosh((1, 2, 4), 0.5, 8, 4, 16), SuccessiveHalving.hyperband(4, 2)])
@pytest.mark.parametrize("known", [1, 3, 5])
def test_a_schedule_trains_on_what_there_is_where_the_space_has_no_more(schedule: Schedule, known: int) -> None:
    pool = numbered(*((),) * known, epochs=schedule.epochs).model_copy(update={"exhausted": True})
    ended = followed(schedule, pool)
    assert len(ended.members) == known
    assert all(member.level for member in ended.members)


def test_the_last_update_is_smaller_where_the_pool_would_hold_too_many() -> None:
    schedule = Nosh((2, 4), 0.5, start=4, added=4, members=10)
    pool = followed(schedule, Pool(epochs=(2, 4), evaluated_by="training"))
    assert len(pool.members) == schedule.size == 10
    assert pool.epochs_spent == schedule.total_epochs


@pytest.mark.parametrize("schedule", [Full(3, (50,)), Nosh((1, 2, 4), 0.5, 4, 2, 6), SuccessiveHalving.hyperband(9)])
def test_with_the_one_level_of_a_table_every_architecture_passes_it(schedule: Schedule) -> None:
    one = schedule.at((12,))
    pool = followed(one, Pool(epochs=(12,), evaluated_by="table-12"))
    assert len(pool.members) == schedule.size
    assert [member.epochs for member in pool.members] == [12] * schedule.size
    assert pool.epochs_spent == one.total_epochs
