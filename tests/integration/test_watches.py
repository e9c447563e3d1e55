"""Watching a search through the command line."""

import json
from pathlib import Path

from .command import SMALL
from .conftest import Run

WATCHED = ("search", *SMALL, "--method", "darts", "--set", "data.max_train_images=80", "--out", "run")


def test_a_watch_is_asked_for_by_name_and_shows_in_events_report_and_result(dartboard: Run, folder: Path) -> None:
    names = {"skip-advantage", "gradient-correlation:kernel=true"}
    ended = dartboard(*WATCHED, "--watch", ",".join(names), "--guard", "stop", "--json")
    assert ended.code == 0, ended.err
    assert json.loads(ended.out)["collapse"] is None
    lines = [json.loads(line) for line in (folder / "run" / "events.jsonl").read_text().splitlines()]
    assert {line["name"] for line in lines if line["event"] == "watched"} == names
    facts = json.loads((folder / "run" / "facts.json").read_text())["watches"]["watches"]
    assert {each["name"] for each in facts} == names
    page = (folder / "run" / "report.html").read_text()
    for text in ("Watched during the search", "Gradient correlation of the halves"):
        assert text in page
    after = dartboard("analyse", "run", "--what", "watches", "--set", "watch=operator-gradients")
    assert after.code == 0, after.err
    assert "watch operator-gradients" in after.out


def test_watches_and_guards_that_do_not_exist_are_one_sentence_and_leave_nothing(dartboard: Run, folder: Path) -> None:
    ended = dartboard(*WATCHED, "--watch", "gradient-corelation")
    assert ended.code == 2
    assert ended.error.startswith(
        "dartboard: there is no watch 'gradient-corelation'; did you mean 'gradient-correlation'"
    )
    ended = dartboard(*WATCHED, "--guard", "panic")
    assert ended.code == 2
    assert ended.error.startswith("dartboard: the setting 'search.guard' cannot be 'panic'")
    assert list(folder.iterdir()) == []
