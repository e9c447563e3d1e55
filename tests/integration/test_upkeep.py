"""`dartboard runs`, `clean` and `doctor` as users type them."""

import json
import os
import re
import shutil
import time
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest
import typer
from filelock import FileLock

import dartboard as package
from dartboard.cli.upkeep import doctor
from dartboard.workflow import EXTRAS, examination

from .command import SMALL
from .conftest import Run

DAY = 86400
KEY = "0123456789abcdef" * 2


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory, write_image_folder: Callable[..., Path]) -> Path:
    """A run that has ended."""
    root = tmp_path_factory.mktemp("runs")
    data = write_image_folder(root / "pets", per_class=10, size=(8, 8))
    layer = {"preset": "smoke", "device": "cpu", "search.steps_per_epoch": 1, "train.epochs": 1, "data.cache": False}
    return package.run(data, layer, {"baselines": True}, out=root / "run").path


def aged(path: Path, days: float) -> Path:
    """Let everything in a folder be so old."""
    for file in path.rglob("*"):
        os.utime(file, times=(time.time() - days * DAY,) * 2)
    os.utime(path, times=(time.time() - days * DAY,) * 2)
    return path


def interrupted(finished: Path, to: Path) -> Path:
    """The run as it was when it was killed in its search."""
    to.mkdir(parents=True)
    for name in ("settings.json", "split.json", "events.jsonl", ".lock"):
        shutil.copy(finished / name, to / name)
    return to


def test_runs_are_listed_newest_first_with_what_came_of_them(dartboard: Run, folder: Path, finished: Path) -> None:
    aged(Path(shutil.copytree(finished, folder / "runs" / "old")), 3)
    aged(interrupted(finished, folder / "else" / "stopped"), 1)
    shutil.copytree(finished, folder / "runs" / "new")
    (folder / "runs" / "notes").mkdir()
    (folder / "runs" / "notes" / "settings.json").write_text("{}")
    found = dartboard("runs", "--json")
    assert found.code == 0, found.err
    told = json.loads(found.out)
    assert [each["folder"] for each in told] == ["runs/new", "else/stopped", "runs/old"], "baselines are parts of runs"
    result = json.loads((finished / "result.json").read_text())
    newest = told[0]
    assert (newest["state"], newest["dataset"], newest["method"]) == ("finished", "pets", result["method"])
    assert newest["accuracy"] == result["test_accuracy"]
    assert any(name in newest["verdict"] for name in result["baselines"])
    assert (told[1]["state"], told[1]["dataset"], told[1]["accuracy"]) == ("interrupted", "pets", None)
    shown = dartboard("runs", "runs", "--sort", "folder", "--reverse").out
    assert shown.index("runs/old") < shown.index("runs/new")
    assert "interrupted" not in shown
    refused = dartboard("runs", "--sort", "size")
    assert (refused.code, "give changed, accuracy" in refused.error) == (2, True)
    assert dartboard("runs", "nowhere").code == 2
    assert "There are no runs in" in dartboard("runs", "runs/notes").out


def test_a_run_at_work_and_a_damaged_one_are_told_from_others(dartboard: Run, folder: Path, finished: Path) -> None:
    at_work = interrupted(finished, folder / "at-work")
    damaged = Path(shutil.copytree(finished, folder / "damaged"))
    (damaged / "result.json").write_text("{")
    with FileLock(at_work / ".lock"):
        told = {each["folder"]: each for each in json.loads(dartboard("runs", "--json").out)}
    assert told["at-work"]["state"] == "running"
    assert told["damaged"]["state"] == "damaged"
    assert "result.json is damaged" in told["damaged"]["verdict"]


def test_a_comparison_is_one_row_with_the_best_of_its_methods(dartboard: Run, folder: Path, pets: Path) -> None:
    made = dartboard("compare", pets, "--methods", "darts,random", "--seeds", "1", *SMALL, "--out", "both")
    assert made.code == 0, made.err
    (told,) = json.loads(dartboard("runs", "--json").out)
    assert (told["kind"], told["state"], told["method"]) == ("comparison", "finished", "darts, random")
    means = {each["method"]: each["test_accuracy"]["mean"] for each in _comparison(folder / "both")["methods"]}
    assert told["accuracy"] == max(means.values())


def _comparison(folder: Path) -> dict[str, list[dict[str, dict[str, float]]]]:
    content: dict[str, list[dict[str, dict[str, float]]]] = json.loads((folder / "comparison.json").read_text())
    return content


@pytest.fixture
def cache(tmp_path: Path, dartboard: Run, pets: Path) -> Path:
    """The cache of the commands of a test: an entry in use, one of forty days ago, and what is none of dartboard's."""
    cache = tmp_path / "cache"
    assert dartboard("data", pets).code == 0
    (entry,) = cache.iterdir()
    aged(Path(shutil.copytree(entry, cache / KEY)), 40)
    (cache / "mine").mkdir()
    (cache / "mine" / "thesis.tex").write_text("years of work")
    (cache / ("f" * 32)).mkdir()
    (cache / ("f" * 32) / "photograph.jpg").write_text("no entry, since it has no description")
    outside = tmp_path / "outside"
    shutil.copytree(entry, outside)
    aged(outside, 40)
    (cache / ("e" * 32)).symlink_to(outside)
    return cache


def test_the_cache_is_shown_and_kept_unless_someone_agrees(dartboard: Run, cache: Path) -> None:
    before = sorted(cache.rglob("*"))
    shown = dartboard("clean")
    assert shown.code == 0, shown.err
    assert "2 entries" in shown.out
    assert "Nothing was removed; --yes removes without asking." in shown.out
    told = json.loads(dartboard("clean", "--json").out)
    assert (len(told["entries"]), told["removed"]) == (2, [])
    assert told["bytes"] == sum(path.stat().st_size for key in told["entries"] for path in Path(key["entry"]).iterdir())
    assert sorted(cache.rglob("*")) == before


def test_only_entries_that_were_not_used_for_long_are_removed_and_nothing_else(
    dartboard: Run, cache: Path, tmp_path: Path
) -> None:
    before = {path.name for path in cache.iterdir()}
    outcome = dartboard("clean", "--older-than", "30d", "--yes", "--json")
    assert outcome.code == 0, outcome.err
    assert json.loads(outcome.out)["removed"] == [str(cache / KEY)]
    assert {path.name for path in cache.iterdir()} == before - {KEY}
    assert "1 entry removed" in dartboard("clean", "--yes").out
    assert {path.name for path in cache.iterdir()} == {"mine", "f" * 32, "e" * 32}
    assert (cache / "mine" / "thesis.tex").read_text() == "years of work"
    assert (tmp_path / "outside" / "meta.json").is_file(), "a link is no entry, and what it leads to is not the cache"
    assert "The cache holds nothing that could be removed." in dartboard("clean", "--yes").out
    refused = dartboard("clean", "--older-than", "long", "--yes")
    assert (refused.code, refused.error) == (2, "dartboard: 'long' is no length of time; give one as in 12h or 30d.")


def test_a_use_makes_an_entry_young_again(dartboard: Run, cache: Path, pets: Path) -> None:
    for entry in cache.iterdir():
        if not entry.is_symlink():
            aged(entry, 40)
    assert dartboard("data", pets).code == 0
    removed = json.loads(dartboard("clean", "--older-than", "30d", "--yes", "--json").out)["removed"]
    assert removed == [str(cache / KEY)]


def test_the_doctor_tells_what_is_there_and_what_is_missing(dartboard: Run, folder: Path) -> None:
    outcome = dartboard("doctor", "--json", environment={"DARTBOARD_DATA": "/nowhere"})
    assert outcome.code == 0, outcome.err
    told = json.loads(outcome.out)
    assert told["faults"] == []
    assert {"dartboard", "python", "torch"} <= set(told["versions"])
    assert told["device"].startswith("cpu") or told["device"].startswith("cuda")
    assert (told["threads"], told["environment"]["OMP_NUM_THREADS"]) == (1, "1")
    assert told["warnings"] == ["DARTBOARD_DATA names /nowhere, and there is no such folder."]
    for extra in told["extras"].values():
        assert extra["installed"] == (extra["missing"] == [])
        assert extra["gives"]
    shown = dartboard("doctor")
    assert "a run can work here" in shown.out
    assert list(folder.iterdir()) == []


def test_the_doctor_ends_with_1_where_nothing_can_be_written(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refused(**_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(examination.tempfile, "TemporaryFile", refused)
    with pytest.raises(typer.Exit) as ended:
        doctor()
    assert ended.value.exit_code == 1
    shown = capsys.readouterr().out
    assert f"{Path.cwd()} cannot be written (Permission denied" in shown
    assert "a run cannot work here" in shown


def test_the_doctor_knows_every_extra_of_the_package() -> None:
    project = tomllib.loads((Path(__file__).resolve().parents[2] / "pyproject.toml").read_text(encoding="utf-8"))
    extras = project["project"]["optional-dependencies"]
    assert set(EXTRAS) == set(extras) - {"dev", "browser"}, "those two are for whoever works on dartboard"
    for name, (modules, gives) in EXTRAS.items():
        assert {re.split(r"[>\[]", each)[0].replace("-", "_") for each in extras[name]} == set(modules)
        assert gives
