"""Runs made elsewhere join a study, if they are what it would make."""

import json
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from dartboard.errors import RunDirectoryError
from dartboard.runs import Observer
from dartboard.workflow.studies.joining import join_runs
from dartboard.workflow.studies.state import StudyState
from dartboard.workflow.studies.trial import Task, Trial, run_trial, trial_key

from ..tiny import TINY, Listener


def trial(seed: int, changes: Mapping[str, Any] | None = None, task: Task = "search") -> Trial:
    settings = {**TINY, "method": "random", "seed": seed, **(changes or {})}
    labels = {"method": "random", "space": "nas-bench-201", "data": "digits", "seed": str(seed)}
    key = trial_key(labels, settings, task)
    return Trial(key, labels, settings, f"trials/{key}", task=task)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a finished search, made elsewhere."""
    folder = tmp_path_factory.mktemp("elsewhere")
    run_trial(trial(0), folder, Observer())
    return folder


def test_a_finished_run_joins_and_costs_nothing_more(tmp_path: Path, made: Path) -> None:
    wanted = [trial(0), trial(1)]
    report = join_runs(wanted, tmp_path, made, observer=Observer())
    assert list(report.joined.values()) == [wanted[0].key]
    assert report.refused == {}
    first, second = StudyState.open(tmp_path).trials()
    assert (first.status, second.status) == ("done", "waiting")
    assert first.origin == next(iter(report.joined))
    before = {path.name: path.stat().st_mtime_ns for path in (tmp_path / wanted[0].folder).iterdir()}
    run_trial(wanted[0], tmp_path, Observer())
    after = {path.name: path.stat().st_mtime_ns for path in (tmp_path / wanted[0].folder).iterdir()}
    assert {name: time for name, time in after.items() if name != ".lock"} == before
    again = join_runs(wanted, tmp_path, made, observer=Observer())
    assert "ended already" in next(iter(again.refused.values()))


@pytest.mark.parametrize(
    ("wanted", "reason"),
    [
        (trial(0, {"search": {**TINY["search"], "epochs": 3}}), "other settings.*search.epochs"),
        (trial(7), "no trial has its method random, space nas-bench-201 and seed 0"),
        (trial(0, task="run"), "it only searched"),
        (trial(0, {"data.max_train_images": 50}), "other settings.*data.max_train_images"),
    ],
    ids=["settings", "seed", "task", "data settings"],
)
def test_another_run_is_refused_with_its_reason(tmp_path: Path, made: Path, wanted: Trial, reason: str) -> None:
    listener = Listener()
    report = join_runs([wanted], tmp_path, made, observer=listener)
    assert report.joined == {}
    ((place, told),) = report.refused.items()
    assert Path(place).is_dir()
    assert re.search(reason, told)
    assert f"{place} does not join: {told}." in listener.notes
    assert not (tmp_path / wanted.folder).exists()


def test_runs_on_other_images_and_unfinished_ones_are_refused(tmp_path: Path, made: Path) -> None:
    wanted = trial(0)
    others, unfinished, unknown = (tmp_path / name for name in ("others", "unfinished", "unknown"))
    for place in (others, unfinished, unknown):
        shutil.copytree(made / wanted.folder, place)
    told = json.loads((others / "dataset.json").read_text(encoding="utf-8"))
    told["contents"] = dict.fromkeys(told["contents"], "0" * 32)
    (others / "dataset.json").write_text(json.dumps(told), encoding="utf-8")
    (unfinished / "result.json").unlink()
    (unknown / "dataset.json").unlink()
    study = tmp_path / "study"
    reasons = {
        Path(place).name: why
        for place, why in join_runs([wanted], study, tmp_path, observer=Observer()).refused.items()
    }
    assert "its images are others (other training images or labels" in reasons["others"]
    assert reasons["unfinished"] == "it has not ended; --resume goes on with it"
    assert "does not record them" in reasons["unknown"]
    assert [each.status for each in StudyState.open(study).trials()] == ["waiting"]


def test_a_folder_without_runs_is_refused_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(RunDirectoryError, match="no folder"):
        join_runs([trial(0)], tmp_path / "study", tmp_path / "none", observer=Observer())
    (tmp_path / "empty").mkdir()
    with pytest.raises(RunDirectoryError, match="no run in"):
        join_runs([trial(0)], tmp_path / "study", tmp_path / "empty", observer=Observer())
    (tmp_path / "study" / "trials").mkdir(parents=True)
    with pytest.raises(RunDirectoryError, match="of the study itself"):
        join_runs([trial(0)], tmp_path / "study", tmp_path / "study" / "trials", observer=Observer())
    assert not (tmp_path / "study" / "state.json").exists()
