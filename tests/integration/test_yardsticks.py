"""A random architecture and a plain ResNet beside the network found."""

import json
from pathlib import Path

import pytest

from dartboard.pipeline import Result

from .command import SMALL
from .conftest import Run

DATA = ("--set", "data.max_train_images=60")


def test_yardsticks_are_whole_runs_and_stand_in_result_and_report(dartboard: Run, folder: Path) -> None:
    outcome = dartboard("run", *DATA, *SMALL, "--yardsticks", "--out", "run", "--json")
    assert outcome.code == 0, outcome.err
    result = Result.model_validate(json.loads(outcome.out))
    assert set(result.yardsticks) == {"random", "resnet"}
    for name, yardstick in result.yardsticks.items():
        own = Result.model_validate_json((folder / "run" / "yardsticks" / name / "result.json").read_text())
        assert own.test_accuracy == yardstick.test_accuracy
        assert own.dataset.test == result.dataset.test
        assert result.test_accuracy is not None
        assert yardstick.difference == pytest.approx(result.test_accuracy - yardstick.test_accuracy)
        assert yardstick.interval[0] <= yardstick.difference <= yardstick.interval[1]
    page = (folder / "run" / "report.html").read_text()
    assert "Was the search worth it?" in page
    assert 'href="yardsticks/resnet/report.html"' in page
    assert (folder / "run" / "yardsticks" / "resnet" / "report.html").is_file()

    again = dartboard("run", *DATA, *SMALL, "--yardsticks", "--out", "run", "--json", "--resume")
    assert json.loads(again.out) == json.loads(outcome.out)


def test_nothing_is_compared_without_being_asked(dartboard: Run, folder: Path) -> None:
    outcome = dartboard("run", *DATA, *SMALL, "--no-yardsticks", "--out", "run", "--json")
    assert json.loads(outcome.out)["yardsticks"] == {}
    assert not (folder / "run" / "yardsticks").exists()
