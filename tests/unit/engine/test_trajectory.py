"""Snapshots along a search, and what selections read from them."""

from pathlib import Path

import pytest

from dartboard.engine.finished.analyses.trajectory import Snapshots, Trajectory
from dartboard.engine.finished.search import FinishedSearch, snapshot_epochs
from dartboard.errors import SettingsError, UnknownNameError
from dartboard.runs import RunDirectory, SearchEpoch
from dartboard.session.search import search_problem, search_recipe
from dartboard.session.searching import search_genotype
from dartboard.session.sizes import search_length
from dartboard.space import Genotype, get_space
from dartboard.testing.small import open_small, outcome

LAYERS = {
    "space": "nas-bench-201",
    "method.name": "darts",
    "search.epochs": 4,
    "search.steps_per_epoch": 2,
    "search.validation_images": 12,
}


def finished(run: RunDirectory, **layers: object) -> FinishedSearch:
    """The search of a run directory, which is searched first."""
    session = open_small(run, LAYERS, layers)
    search_genotype(session)
    return FinishedSearch(
        search_problem(session),
        search_recipe(session.settings),
        session.settings.search,
        run,
        length=search_length(session),
        seed=session.settings.seed,
    )


def test_snapshots_are_kept_along_the_search_and_change_nothing(tmp_path: Path) -> None:
    with RunDirectory(tmp_path / "plain") as run:
        finished(run)
    with RunDirectory(tmp_path / "kept") as run:
        finished(run, **{"search.snapshots": 2})
    plain, kept = outcome(tmp_path / "plain"), outcome(tmp_path / "kept")
    assert kept["events"] == plain["events"]
    assert sorted(kept["checkpoints"]) == ["search.pt", "snapshot-2.pt", "snapshot-4.pt"]
    assert kept["checkpoints"]["search.pt"] == plain["checkpoints"]["search.pt"] == kept["checkpoints"]["snapshot-4.pt"]
    assert kept["checkpoints"]["snapshot-2.pt"] != kept["checkpoints"]["snapshot-4.pt"]


@pytest.mark.usefixtures("real_tables")
def test_every_snapshot_is_read_by_its_gates_and_by_perturbation(tmp_path: Path) -> None:
    with RunDirectory(tmp_path) as run:
        search = finished(run, **{"search.snapshots": 2})
        events = [event for event in run.events.read() if isinstance(event, SearchEpoch)]
    before, wanted = outcome(tmp_path), Snapshots(epochs=2)
    measurements = wanted.measurements(search)
    found = Trajectory.model_validate(wanted.conclude({each.name: each.measure() for each in measurements}))
    assert [each.name for each in measurements] == [
        f"epoch {epoch} by {name}" for epoch in (2, 4) for name in ("strongest", "perturbation")
    ]
    assert outcome(tmp_path) == before
    by_gates = [point for point in found.points if point.selection == "strongest"]
    for point in by_gates:
        # Plain DARTS reads by the largest gates as well: what it would have derived after that epoch.
        own = Genotype.from_json(events[point.epoch - 1].genotype)
        assert point.genotype == own.to_text()
        assert point.supernet_accuracy == events[point.epoch - 1].validation_accuracy
        assert point.tables["200"]["cifar10_test"] != point.tables["12"]["cifar10_test"]
    assert [point.share for point in by_gates] == [0.5, 1.0]


def test_a_search_without_snapshots_and_unknown_selections_are_refused(tmp_path: Path) -> None:
    with RunDirectory(tmp_path) as run, pytest.raises(SettingsError, match=r"--set search\.snapshots=5"):
        Snapshots().measurements(finished(run))
    with pytest.raises(UnknownNameError, match="no selection 'alpha'"):
        Snapshots(("alpha",)).refuse(get_space("nas-bench-201"))


def test_snapshots_are_at_equal_distances_up_to_the_end() -> None:
    assert snapshot_epochs(5, 50) == (10, 20, 30, 40, 50)
    assert snapshot_epochs(5, 3) == (1, 2, 3)
    assert snapshot_epochs(0, 50) == ()
