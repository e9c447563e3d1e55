"""Every kind of event keeps its line, and a log holds nothing else."""

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from dartboard.errors import RunDirectoryError
from dartboard.runs import (
    EVENTS,
    Candidate,
    Contrast,
    DecisionMade,
    Evaluated,
    EventLog,
    KeptWeights,
    MeasurementDone,
    PhaseEnd,
    PredictorJudged,
    Rollback,
    SearchEpoch,
    SearchStop,
    SelectionDone,
    TrainEpoch,
    Watched,
    event_of,
)
from made_up_events import search_epoch, train_epoch

EVERY_KIND = [
    search_epoch(),
    search_epoch(eigenvalue=0.5, best_epoch=3),
    train_epoch(),
    KeptWeights(run=1, epoch=4, validation_accuracy=0.5, validation_balanced_accuracy=0.25),
    SearchStop(reason="enough"),
    Rollback(before=3, epoch=1, reason="it was better there", seconds=2.0),
    DecisionMade(
        by="perturbation",
        about="operation",
        round=1,
        epoch=51,
        step=0,
        kind="normal",
        source=0,
        target=2,
        candidates=(
            Candidate(name="skip_connect", gate=0.5, accuracy=0.25, loss=2.0, images=100),
            Candidate(name="sep_conv_3x3", gate=0.5, accuracy=0.5, loss=1.0, images=100),
        ),
        chosen="skip_connect",
        runner_up="sep_conv_3x3",
        by_gate="skip_connect",
        measure="accuracy",
        images=100,
        images_by="all",
        contrast=Contrast.of(30, 5, 100),
    ),
    PredictorJudged(update=1, known=32, judged=8, kendall=0.5, spearman=None, epochs_spent=700),
    SelectionDone(figures={"tried": 3, "rounds": 1, "validation_accuracy": 0.5}),
    Watched(
        name="skip-advantage",
        epoch=1,
        seconds=0.5,
        figures={"advantage": 0.25, "undefined": None},
        parts=({"cell": 1, "gradients": {"none": 0.0}},),
    ),
    Evaluated(number=3, level=2, epochs=25, accuracy=0.5, seconds=1.5, genotype="|none~0|", failure=None),
    MeasurementDone(name="before", figures={"accuracy": 0.5, "exchanged": ["a"]}, seconds=1.0),
    PhaseEnd(phase="train", seconds=3.0),
]


@pytest.fixture
def log(tmp_path: Path) -> EventLog:
    return EventLog(tmp_path / "events.jsonl")


def fill(log: EventLog, epochs: int) -> None:
    for epoch in range(epochs):
        log.append(search_epoch(epoch=epoch))


def epochs(log: EventLog) -> list[int]:
    return [event.epoch for event in log.read() if isinstance(event, SearchEpoch)]


def test_every_kind_of_event_comes_back_from_its_line_as_it_was(log: EventLog) -> None:
    for event in EVERY_KIND:
        log.append(event)
    assert log.read() == EVERY_KIND
    assert {type(event) for event in EVERY_KIND} == set(EVENTS)


@pytest.mark.parametrize(
    ("event", "line"),
    [
        (SearchStop(reason="enough"), {"event": "stop", "phase": "search", "reason": "enough"}),
        (
            PhaseEnd(phase="data", seconds=2.0, memory=5),
            {"event": "phase", "phase": "data", "seconds": 2.0, "memory": 5},
        ),
        (SelectionDone(figures={"tried": 3}), {"event": "selection", "phase": "search", "tried": 3}),
        (
            Rollback(before=3, epoch=1, reason="so", seconds=2.0),
            {"event": "rollback", "phase": "search", "from": 3, "epoch": 1, "reason": "so", "seconds": 2.0},
        ),
    ],
)
def test_a_line_is_flat(event: Any, line: dict[str, Any]) -> None:
    assert event.to_json() == line
    assert event_of(line) == event


def test_what_rules_have_measured_is_in_the_line_under_its_own_name() -> None:
    done = search_epoch(seconds=1.0).finished({"eigenvalue": 0.5}, 2.0)
    assert (done.figures, done.seconds) == ({"eigenvalue": 0.5}, 2.0)
    assert done.to_json()["eigenvalue"] == 0.5
    assert "figures" not in done.to_json()
    with pytest.raises(ValueError, match="a rule has measured 'seconds', a name that the event"):
        search_epoch().finished({"seconds": 0.5}, 2.0)


def test_events_come_back_oldest_first(log: EventLog) -> None:
    assert log.read() == []
    fill(log, 3)
    assert log.read()[1] == search_epoch(epoch=1)
    assert epochs(log) == [0, 1, 2]


def test_every_event_is_one_line(log: EventLog) -> None:
    log.append(SearchStop(reason="two\nlines"))
    fill(log, 1)
    assert log.path.read_text().count("\n") == 2
    assert log.read()[0] == SearchStop(reason="two\nlines")


def test_a_contrast_counts_images_for_and_against_and_a_decision_of_few_is_weak() -> None:
    assert Contrast.of(30, 5, 100) == Contrast(margin=0.25, margin_images=25, b=30, c=5, z=25 / 35**0.5)
    assert Contrast.of(0, 0, 10).z == 0.0
    decision = next(event for event in EVERY_KIND if isinstance(event, DecisionMade))
    assert not decision.is_weak
    assert decision.model_copy(update={"contrast": Contrast.of(3, 1, 100)}).is_weak
    assert not decision.model_copy(update={"contrast": None}).is_weak


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_figures_that_are_not_finite_become_null(log: EventLog, value: float) -> None:
    log.append(search_epoch(weight_loss=value, eigenvalue=value))
    (event,) = log.read()
    assert isinstance(event, SearchEpoch)
    assert (event.weight_loss, event.figures) == (None, {"eigenvalue": None})


@pytest.mark.parametrize("kept", [1, 10, -2])
def test_a_last_line_cut_short_is_ignored(log: EventLog, kept: int) -> None:
    fill(log, 2)
    whole = log.path.read_bytes()
    fill(log, 1)
    line = log.path.read_bytes()[len(whole) :]
    log.path.write_bytes(whole + line[:kept])
    assert epochs(log) == [0, 1]


@pytest.mark.parametrize(("kept", "left"), [(1, []), (10, []), (-2, [0]), (-1, [0, 1])])
def test_an_event_after_a_line_cut_short_is_kept(log: EventLog, kept: int, left: list[int]) -> None:
    """Of the line nothing is left but where it lacks its end alone."""
    fill(log, 2)
    log.path.write_bytes(log.path.read_bytes()[:kept])
    log.append(search_epoch(epoch=7))
    assert epochs(log) == [*left, 7]
    assert log.path.read_text().endswith("}\n")


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ('{"event": "epo', "it is not JSON"),
        ("[" * 100_000, "it is not JSON"),
        ("[1]", "it holds a list instead of keys and values"),
        ('{"event": "feast", "phase": "search"}', "there is no event 'feast' of the phase 'search'"),
        ('{"event": "epoch", "phase": "sleep"}', "there is no event 'epoch' of the phase 'sleep'"),
        ('{"event": "stop", "phase": "search"}', "reason: field required"),
        ('{"event": "phase", "phase": "data", "seconds": 1.0, "hours": 2}', "hours: extra inputs are not permitted"),
    ],
)
def test_a_damaged_line_is_named(log: EventLog, line: str, reason: str) -> None:
    fill(log, 1)
    log.path.write_text(log.path.read_text() + line + "\n")
    fill(log, 1)
    with pytest.raises(RunDirectoryError) as caught:
        log.read()
    assert str(caught.value).startswith(f"line 2 of {log.path} does not hold what a run writes there ({reason}")
    assert str(caught.value).endswith("; restore it, or begin a new run.")


def test_an_epoch_of_a_run_of_old_lacks_what_was_recorded_later() -> None:
    line = search_epoch().to_json()
    for key in ("stage", "validation_balanced_accuracy"):
        del line[key]
    assert event_of(line) == search_epoch()


def test_a_word_that_no_event_has_is_refused() -> None:
    with pytest.raises(ValidationError, match="loss\n  Extra inputs are not permitted"):
        TrainEpoch(**dict(train_epoch()), loss=1.0)


def test_keep_drops_what_is_not_wanted_and_leaves_whole_lines(log: EventLog) -> None:
    fill(log, 4)
    log.path.write_bytes(log.path.read_bytes() + b'{"event": "epo')
    log.keep(lambda event: isinstance(event, SearchEpoch) and event.epoch < 2)
    assert epochs(log) == [0, 1]
    assert log.path.read_text().endswith("}\n")
    assert [json.loads(line) for line in log.path.read_text().splitlines()] == [each.to_json() for each in log.read()]
    fill(log, 1)
    assert epochs(log) == [0, 1, 0]


def test_keep_without_a_file_makes_none(log: EventLog) -> None:
    log.keep(lambda _event: True)
    assert not log.path.exists()


def test_a_log_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(RunDirectoryError, match=r"events\.jsonl cannot be written: No such file"):
        EventLog(tmp_path / "absent" / "events.jsonl").append(SearchStop(reason="enough"))
    (tmp_path / "events.jsonl").mkdir()
    with pytest.raises(RunDirectoryError, match=r"events\.jsonl cannot be read: Is a directory"):
        EventLog(tmp_path / "events.jsonl").read()
