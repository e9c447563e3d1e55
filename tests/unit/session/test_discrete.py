"""Searches that train architectures one by one: they go on after a kill, keep to a budget, and say what they cannot."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from dartboard.errors import NonFiniteLossError, RunDirectoryError, SettingsError
from dartboard.parts.discrete import Pool
from dartboard.records import RunRecords
from dartboard.reports.sections.pool import PoolSection
from dartboard.runs import Evaluated, RunDirectory
from dartboard.session import discrete as session_discrete
from dartboard.session import search_genotype
from dartboard.settings.request import check_method
from dartboard.settings.tree import resolve_settings
from dartboard.testing import outcome
from dartboard.testing.small import open_small

pytestmark = pytest.mark.usefixtures("small_space")

POOL: Mapping[str, Any] = {
    "method.name": "rank-nosh",
    "method.options": {"levels": (1, 2), "start": 2, "added": 2, "members": 4, "networks": 1, "candidates": 9},
    "search.steps_per_epoch": 2,
}


def search(folder: Path, *layers: Mapping[str, Any]) -> None:
    with RunDirectory(folder) as run:
        search_genotype(open_small(run, POOL, *layers))


class Killed(Exception):
    """The process ends."""


def test_a_kill_between_a_training_and_its_record_costs_nothing_but_the_scoring(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    search(tmp_path / "whole")
    accuracy, calls = session_discrete._accuracy, iter(range(100))

    def killed(*arguments: Any) -> float:
        if next(calls) == 2:
            raise Killed
        return accuracy(*arguments)

    with monkeypatch.context() as patched:
        patched.setattr(session_discrete, "_accuracy", killed)
        with pytest.raises(Killed):
            search(tmp_path / "killed")
    search(tmp_path / "killed")
    assert outcome(tmp_path / "killed") == outcome(tmp_path / "whole")


def test_a_training_that_pauses_goes_on_as_if_it_had_not(tmp_path: Path) -> None:
    search(tmp_path / "paused", {"method.options": {**POOL["method.options"], "added": 1, "members": 2}})
    options = {"levels": (2,), "start": 2, "added": 1, "members": 2, "networks": 1}
    search(tmp_path / "through", {"method.options": options})
    paused, through = (Pool.read(tmp_path / name).best for name in ("paused", "through"))
    assert paused is not None
    assert through is not None
    by_text = {each.architecture.to_text(): each for each in Pool.read(tmp_path / "through").members}
    assert paused.level == 2
    assert paused.accuracies[-1] == by_text[paused.architecture.to_text()].accuracies[-1]


def test_the_pool_tells_what_was_spared_and_the_report_shows_it(tmp_path: Path) -> None:
    search(tmp_path)
    pool = Pool.read(tmp_path)
    assert pool.epochs_spent == 6 < pool.epochs_of_full_training == 8
    events = [event for event in RunDirectory(tmp_path).events.read() if isinstance(event, Evaluated)]
    assert [(event.number, event.level) for event in events][:3] == [(0, 1), (1, 1), (events[2].number, 2)]
    section = PoolSection()
    told = section.read(RunRecords(tmp_path))
    assert told is not None
    assert told.reached == (4, 2)
    assert "4 architectures trained" in section.lines(told)["evaluated"]
    assert "Kendall" not in section.html(told)
    assert json.loads((tmp_path / "genotype.json").read_text()) == told.best.genotype


def test_the_report_tells_how_well_the_predictor_ordered_what_it_proposed(tmp_path: Path) -> None:
    search(tmp_path)
    pool = Pool.read(tmp_path)
    for number, predicted, accuracy in ((1, 0.5, 0.3), (2, -1.0, 0.2), (3, 2.0, 0.7)):
        changes = {"update": 1, "predicted": predicted, "accuracies": (accuracy,)}
        pool = pool.with_member(pool.members[number].model_copy(update=changes))
    pool.write(tmp_path)
    told = PoolSection().read(RunRecords(tmp_path))
    assert told is not None
    assert told.correlations == (pytest.approx(1.0),)
    assert "update by update: 1.00." in PoolSection().html(told)


def test_when_the_time_is_over_the_best_so_far_is_taken(tmp_path: Path) -> None:
    search(tmp_path, {"search.seconds": 1e-3})
    pool = Pool.read(tmp_path)
    assert [member.level for member in pool.members] == [1, 0]
    assert json.loads((tmp_path / "genotype.json").read_text()) == pool.members[0].genotype


def test_architectures_that_fail_are_left_behind_and_a_pool_of_failures_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    accuracy, calls = session_discrete._accuracy, iter(range(100))

    def failing(*arguments: Any) -> float:
        if next(calls) == 0:
            raise NonFiniteLossError("the loss is infinite.")
        return accuracy(*arguments)

    monkeypatch.setattr(session_discrete, "_accuracy", failing)
    search(tmp_path / "one")
    first = Pool.read(tmp_path / "one").members[0]
    assert (first.accuracies, first.failure) == ((0.0,), "the loss is infinite.")

    def never(*_: Any) -> float:
        raise NonFiniteLossError("the loss is infinite.")

    monkeypatch.setattr(session_discrete, "_accuracy", never)
    with pytest.raises(NonFiniteLossError, match="no architecture could be trained"):
        search(tmp_path / "all")


def test_the_pool_of_another_search_is_refused_and_kept(tmp_path: Path) -> None:
    search(tmp_path, {"search.seconds": 1e-3})
    before = (tmp_path / "pool.json").read_bytes()
    (tmp_path / "genotype.json").unlink()
    with pytest.raises(RunDirectoryError, match="the pool of another search"):
        search(tmp_path, {"method.options": {**POOL["method.options"], "levels": (1, 3)}})
    assert (tmp_path / "pool.json").read_bytes() == before


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"search.curvature_every": 1}, "search.curvature_every"),
        ({"search.snapshots": 2}, "search.snapshots"),
        ({"search.guard": "fallback"}, "search.guard=fallback"),
        ({"train.start": "supernet"}, "train.start=supernet"),
        ({"space": "darts", "search.evaluate": "table"}, "search.evaluate=table"),
    ],
)
def test_what_only_a_supernet_can_have_is_refused(changed: dict[str, Any], named: str) -> None:
    settings = resolve_settings({"method": "random-search", "space": "nas-bench-201"}, changed)
    with pytest.raises(SettingsError, match=named):
        check_method(settings)
