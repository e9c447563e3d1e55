"""A run directory as it is read, whole, in parts and damaged."""

import io
import json
from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

from dartboard.errors import RunDirectoryError
from dartboard.records import RunRecords, Scores, Timetable
from dartboard.runs import PhaseEnd, RunDirectory, TestAccuracies
from made_up_events import search_epoch, train_epoch

from .test_documents import EVERY, GENOTYPE, RESULT

(SCORES,) = (document.to_json() for document in EVERY if isinstance(document, Scores))
PROPERTIES = {
    "split": "Split",
    "timetable": "Timetable",
    "seed_choice": "SeedChoiceRecord",
    "finalists": "Finalists",
    "allowances": "Allowances",
    "scores": "Scores",
    "baselines": "Baselines",
    "reselection": "ReselectionRecord",
    "analysis": "AnalysisRecord",
    "result": "Result",
}
CARD = {
    "genotype": GENOTYPE.to_json(),
    "init_channels": 8,
    "layers": 1,
    "stem": "cifar",
    "classes": ["0", "1"],
    "image_shape": [1, 8, 8],
    "mean": [0.5],
    "std": [0.5],
}


@pytest.fixture
def run(tmp_path: Path) -> RunDirectory:
    with RunDirectory(tmp_path / "run") as directory:
        directory.claim({"seed": 7, "decisions": [], "yardsticks": True})
        return directory


def test_what_is_not_there_is_none_or_nothing(run: RunDirectory) -> None:
    records = RunRecords(run.path)
    names = [*PROPERTIES, "genotype", "predictions", "examples", "model_card"]
    assert [getattr(records, name) for name in names] == [None] * len(names)
    assert (records.events, records.search_epochs, records.train_epochs, records.description) == ((), (), {}, "")


def test_every_document_is_read_as_what_it_is(run: RunDirectory) -> None:
    for document in EVERY:
        document.write(run.path)
    records = RunRecords(run.path)
    written = {type(document).__name__: document for document in EVERY}
    for name, kind in PROPERTIES.items():
        assert getattr(records, name) == written[kind]


def test_settings_of_old_are_told_in_the_words_of_today(run: RunDirectory) -> None:
    assert RunRecords(run.path).settings == {"seed": 7, "automatic_choices": [], "baselines": True}


def test_events_are_told_by_what_they_are_of(run: RunDirectory) -> None:
    search = [search_epoch(epoch=1), search_epoch(epoch=2)]
    train = [train_epoch(run=1), train_epoch(run=0), train_epoch(run=1, epoch=2)]
    for event in (*search, PhaseEnd(phase="search", seconds=1.0), *train):
        run.events.append(event)
    records = RunRecords(run.path)
    assert records.events == tuple(run.events.read())
    assert records.search_epochs == tuple(search)
    assert records.train_epochs == {0: (train[1],), 1: (train[0], train[2])}


def test_a_file_is_read_when_it_is_first_asked_for_and_once(run: RunDirectory) -> None:
    records = RunRecords(run.path)
    Timetable(seconds={"search": 1.0}).write(run.path)
    assert records.timetable == Timetable(seconds={"search": 1.0})
    Timetable(seconds={"search": 2.0}).write(run.path)
    assert records.timetable == Timetable(seconds={"search": 1.0})


def test_the_architecture_is_that_of_its_file_or_of_the_result(run: RunDirectory) -> None:
    RESULT.write(run.path)
    assert RunRecords(run.path).genotype == GENOTYPE
    run.write("genotype.json", GENOTYPE.to_json() | {"space": "another"})
    genotype = RunRecords(run.path).genotype
    assert genotype is not None
    assert genotype.space == "another"


def test_arrays_cards_and_descriptions_are_read_too(run: RunDirectory) -> None:
    numbers = np.arange(3)
    np.savez(run.path / "predictions.npz", labels=numbers, predicted=numbers, probabilities=np.eye(3))
    np.savez(run.path / "examples.npz", images=numbers, labels=numbers, predicted=numbers, confidence=np.ones(3))
    run.write("model.json", CARD)
    (run.path / "description.md").write_text("Digits.")
    records = RunRecords(run.path)
    assert records.predictions is not None
    assert records.examples is not None
    assert records.model_card is not None
    assert (records.predictions["labels"].tolist(), records.examples["confidence"].tolist()) == ([0, 1, 2], [1.0] * 3)
    assert (records.model_card.init_channels, records.description) == (8, "Digits.")


@pytest.mark.parametrize(
    ("name", "content", "asked"),
    [
        ("scores.json", "{", "scores"),
        ("scores.json", '{"runs": 3}', "scores"),
        ("scores.json", json.dumps({**SCORES, "confusion": [[1, 2]]}), "scores"),
        ("scores.json", json.dumps({**SCORES, "test_images": 0}), "scores"),
        ("settings.json", "[]", "settings"),
        ("settings.json", '{"search": 3}', "settings"),
        ("settings.json", '{"data": null}', "settings"),
        ("genotype.json", '{"space": "darts", "normal": [[1]], "normal_concat": []}', "genotype"),
        ("model.json", "{}", "model_card"),
        ("predictions.npz", "no archive", "predictions"),
        ("examples.npz", "", "examples"),
        ("events.jsonl", '{"event": "epoch", "phase": "search"}', "events"),
        ("timetable.json", '{"schema": 9}', "timetable"),
    ],
)
def test_a_damaged_file_is_named_when_it_is_asked_for(run: RunDirectory, name: str, content: str, asked: str) -> None:
    (run.path / name).write_text(content)
    records = RunRecords(run.path)
    assert records.baselines is None
    with pytest.raises(RunDirectoryError, match=name):
        getattr(records, asked)


def test_a_missing_folder_and_a_foreign_one_are_refused_with_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(RunDirectoryError, match=r"there is no folder .*nowhere"):
        RunRecords(tmp_path / "nowhere")
    (tmp_path / "holiday.txt").touch()
    with pytest.raises(RunDirectoryError, match="is no run directory of dartboard"):
        RunRecords(tmp_path)


def test_an_archive_without_all_arrays_is_named(run: RunDirectory) -> None:
    np.savez(run.path / "predictions.npz", labels=np.arange(3))
    with pytest.raises(RunDirectoryError, match=r"predictions\.npz is damaged \('predicted is not a file"):
        _ = RunRecords(run.path).predictions


def test_pickles_in_arrays_are_not_loaded(run: RunDirectory) -> None:
    buffer = io.BytesIO()
    np.savez(buffer, labels=np.array([{"a": 1}], dtype=object))
    (run.path / "predictions.npz").write_bytes(buffer.getvalue())
    with pytest.raises(RunDirectoryError, match=r"predictions\.npz is damaged"):
        _ = RunRecords(run.path).predictions


@pytest.mark.parametrize("value", [-0.1, 1.5, 1e308, float("nan")])
def test_an_accuracy_is_a_fraction(value: float) -> None:
    with pytest.raises(ValidationError):
        TestAccuracies(test_accuracy=value)
