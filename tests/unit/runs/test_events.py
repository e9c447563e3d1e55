from pathlib import Path

import pytest

from dartboard.errors import RunDirectoryError
from dartboard.runs import EventLog


@pytest.fixture
def log(tmp_path: Path) -> EventLog:
    return EventLog(tmp_path / "events.jsonl")


def fill(log: EventLog, epochs: int) -> None:
    for epoch in range(epochs):
        log.append({"event": "epoch", "phase": "search", "epoch": epoch})


def epochs(log: EventLog) -> list[int]:
    return [event["epoch"] for event in log.read()]


def test_events_come_back_oldest_first(log: EventLog) -> None:
    assert log.read() == []
    fill(log, 3)
    assert log.read()[1] == {"event": "epoch", "phase": "search", "epoch": 1}
    assert epochs(log) == [0, 1, 2]


def test_every_event_is_one_line(log: EventLog) -> None:
    log.append({"event": "note", "text": "two\nlines", "gates": {"cell": [[0.5, 0.5]]}})
    fill(log, 1)
    assert log.path.read_text().count("\n") == 2
    assert log.read()[0]["gates"] == {"cell": [[0.5, 0.5]]}


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_figures_that_are_not_finite_become_null(log: EventLog, value: float) -> None:
    log.append({"weight_loss": value, "epoch": 0})
    assert log.read() == [{"weight_loss": None, "epoch": 0}]


@pytest.mark.parametrize("kept", [1, 10, -2])
def test_a_last_line_cut_short_is_ignored(log: EventLog, kept: int) -> None:
    fill(log, 2)
    whole = log.path.read_bytes()
    fill(log, 1)
    line = log.path.read_bytes()[len(whole) :]
    log.path.write_bytes(whole + line[:kept])
    assert epochs(log) == [0, 1]


@pytest.mark.parametrize("kept", [1, 10, -2, -1])
def test_an_event_after_a_line_cut_short_is_kept(log: EventLog, kept: int) -> None:
    fill(log, 2)
    log.path.write_bytes(log.path.read_bytes()[:kept])
    log.append({"event": "epoch", "epoch": 7})
    assert epochs(log)[-1] == 7


def test_keep_drops_what_is_not_wanted_and_leaves_whole_lines(log: EventLog) -> None:
    fill(log, 4)
    log.path.write_bytes(log.path.read_bytes() + b'{"event": "epo')
    log.keep(lambda event: event["epoch"] < 2)
    assert epochs(log) == [0, 1]
    assert log.path.read_text().endswith("}\n")
    fill(log, 1)
    assert epochs(log) == [0, 1, 0]


def test_keep_without_a_file_makes_none(log: EventLog) -> None:
    log.keep(lambda _event: True)
    assert not log.path.exists()


def test_a_log_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(RunDirectoryError, match=r"events\.jsonl cannot be written: No such file"):
        EventLog(tmp_path / "absent" / "events.jsonl").append({"event": "note"})
