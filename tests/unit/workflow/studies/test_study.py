"""A study from its first trial to its tables: interrupted, extended, with trials that fail."""

import json
from pathlib import Path
from typing import Any

import pytest

import dartboard
from dartboard.errors import Interrupted, RunDirectoryError
from dartboard.records import Study, StudyRecord
from dartboard.reports import study_tables, write_study
from dartboard.runs import Observer
from dartboard.workflow.studies import StudyTable, Trial, begin_study, expand, request, run_trial
from dartboard.workflow.studies.trial import chosen_seed

TINY: dict[str, Any] = {
    "preset": "smoke",
    "device": "cpu",
    "data": {"max_train_images": 80},
    "search": {"epochs": 3, "steps_per_epoch": 1, "validation_images": 16},
    "train": {"epochs": 1},
}


def study(**content: Any) -> Study:
    return expand(request({"settings": TINY, **content}, name="mine"), "dartboard study")


def made(found: Study, folder: Path) -> StudyTable:
    """The study with all of its trials made in this process."""
    begin_study(found, folder, resume=True)
    table = StudyTable(found, folder)
    table.refresh()
    for trial in table.missing():
        run_trial(trial, folder, Observer())
    return table


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("study") / "mine"


@pytest.fixture(scope="module")
def record(folder: Path) -> StudyRecord:
    return made(study(methods="darts,random", seeds=2, choose="best-supernet"), folder).write({})


def test_a_study_fills_its_tables_from_its_trials(record: StudyRecord, folder: Path) -> None:
    [table] = record.tables
    assert (record.done, record.trials, len(table.runs), table.wanted) == (4, 4, 4, 4)
    assert [method.method for method in table.methods] == ["darts", "random"]
    first, random = table.methods
    assert first.test_accuracy is not None
    assert first.difference is not None
    assert random.difference is None
    assert StudyRecord.read(folder) == record


def test_the_seed_that_a_rule_takes_stands_beside_the_mean(record: StudyRecord, folder: Path) -> None:
    chosen = record.tables[0].methods[0].chosen
    assert chosen is not None
    runs = {run.seed: run for run in record.tables[0].runs if run.method == "darts"}
    assert chosen.test_accuracy == runs[chosen.seed].test_accuracy
    row = Study.read(folder).blocks[0].rows[0]
    assert chosen_seed("best-supernet", row.searched, (), folder) == (chosen.seed, False)


def test_tables_are_of_errors_in_percent_and_name_the_device(record: StudyRecord, folder: Path) -> None:
    [(title, [table, *_])] = study_tables(record)
    assert title == "nas-bench-201 on digits"
    told = dict(zip(table.headings, table.rows[0], strict=True))
    accuracy = record.tables[0].methods[0].test_accuracy
    assert accuracy is not None
    assert told["test error (%)"].startswith(f"{100 * (1 - accuracy.mean):.2f}")
    assert {"top-5 error (%)", "parameters", "multiply-adds", "skip connections", "memory"} <= told.keys()
    assert "test error (%), 1 of 2 by best-supernet" in told
    assert any(note.startswith("Times and memory are those on cpu") for note in table.notes)
    page = write_study(folder).read_text(encoding="utf-8")
    assert "nas-bench-201 on digits" in page
    assert (folder / "table.csv").read_text(encoding="utf-8").count("\n") == 5
    assert "\\toprule" in (folder / "table.tex").read_text(encoding="utf-8")
    assert dartboard.report(folder) == folder / "report.html"


def test_a_larger_study_makes_what_is_missing_and_nothing_else(record: StudyRecord, folder: Path) -> None:
    larger = study(methods="darts,random", seeds=3, choose="best-supernet")
    with pytest.raises(RunDirectoryError, match="already holds a study; add --resume"):
        begin_study(larger, folder, resume=False)
    table = StudyTable(larger, folder)
    table.refresh()
    assert {trial.labels["seed"] for trial in table.missing()} == {"2"}
    assert len(table.missing()) == 2
    del record


def test_another_study_is_refused_and_nothing_is_changed(record: StudyRecord, folder: Path, tmp_path: Path) -> None:
    before = (folder / "study.json").read_bytes()
    with pytest.raises(RunDirectoryError, match=r"another study \('mine'\), of whose 4 trials none"):
        begin_study(study(methods="gdas"), folder, resume=True)
    assert (folder / "study.json").read_bytes() == before
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "holiday.txt").write_text("sun")
    with pytest.raises(RunDirectoryError, match="holds no study"):
        begin_study(study(methods="gdas"), tmp_path / "mine", resume=True)
    assert [each.name for each in (tmp_path / "mine").iterdir()] == ["holiday.txt"]
    (tmp_path / "file").write_text("")
    with pytest.raises(RunDirectoryError, match="it is a file"):
        begin_study(study(methods="gdas"), tmp_path / "file", resume=True)
    del record


def test_a_trial_is_plain_data() -> None:
    for each in study(methods="darts", seeds="0-1", choose="best-short-train", train="chosen").trials:
        assert Trial.from_json(json.loads(json.dumps(each))).to_json() == Trial.from_json(each).to_json()


def test_searches_that_trainings_share_give_what_an_ordinary_run_gives_bit_for_bit(tmp_path: Path) -> None:
    found = made(study(methods="darts", seeds=1, vary={"train.lr": [0.1, 0.2]}), tmp_path).write({})
    settings = {"space": "nas-bench-201", "method": "darts", "baselines": False, "train.lr": 0.2}
    alone = dartboard.run(None, TINY, settings, out=tmp_path / "alone", observer=Observer())
    run = found.tables[0].runs[1]
    assert (run.method, run.test_accuracy) == ("darts (train.lr=0.2)", alone.test_accuracy)
    assert run.search_seconds is not None, "of the search that both trainings share"
    assert found.tables[0].differs == ("train.lr",)
    for name in ("model.safetensors", "genotype.json"):
        assert (tmp_path / run.folder / name).read_bytes() == (tmp_path / "alone" / name).read_bytes()


def test_what_failed_is_told_and_does_not_hold_up_the_table(tmp_path: Path) -> None:
    found = study(methods="darts,random", seeds=1, vary={"train.lr": [0.1, 0.2]})
    begin_study(found, tmp_path / "mine", resume=False)
    table = StudyTable(found, tmp_path / "mine")
    searched, *_ = table.trials
    record = table.write({searched: "the loss is nan."})
    assert record.failed == {searched: "the loss is nan."}
    assert [run.failure for run in record.tables[0].runs] == ["the loss is nan."] * 2
    assert record.tables[0].methods[0].failures == 1
    write_study(tmp_path / "mine")


def test_the_directory_of_an_interrupted_study_is_named(tmp_path: Path) -> None:
    from dartboard.workflow.studies import going_on

    with pytest.raises(Interrupted) as told, going_on(tmp_path):
        raise Interrupted(tmp_path / "trials" / "one")
    assert told.value.directory == tmp_path


def test_what_a_study_costs_is_timed_and_nothing_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    plan = dartboard.plan_of_study({"methods": "darts,random", "seeds": 2, "settings": TINY}, observer=Observer())
    assert (plan.trials, plan.done) == (4, 0)
    darts, drawn = plan.kinds
    assert (darts.what, darts.trials, darts.measured) == ("run: darts in nas-bench-201 on digits", 2, True)
    assert darts.seconds >= drawn.seconds
    assert darts.size > drawn.size > 0
    assert list(tmp_path.iterdir()) == []
