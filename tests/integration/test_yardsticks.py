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
    assert result.multiply_adds is not None
    resnet = result.yardsticks["resnet"].multiply_adds
    assert resnet is not None
    page = (folder / "run" / "report.html").read_text()
    assert "Was the search worth it?" in page
    assert 'href="yardsticks/resnet/report.html"' in page
    assert (folder / "run" / "yardsticks" / "resnet" / "report.html").is_file()

    again = dartboard("run", *DATA, *SMALL, "--yardsticks", "--out", "run", "--json", "--resume")
    assert json.loads(again.out) == json.loads(outcome.out)


def test_the_resnet_costs_about_as_much_as_the_network_found(dartboard: Run, folder: Path) -> None:
    outcome = dartboard("run", *DATA, *SMALL, "--yardsticks", "--set", "train.init_channels=16", "--json")
    assert outcome.code == 0, outcome.err
    result = Result.model_validate(json.loads(outcome.out))
    wide = result.yardsticks["resnet"].multiply_adds
    assert wide is not None
    assert result.multiply_adds is not None
    # Widths are even numbers from 2 on, so a network of few operations has no ResNet as small as itself.
    smallest = 30_000
    assert wide == pytest.approx(result.multiply_adds, rel=0.4) or wide < smallest


def test_nothing_is_compared_without_being_asked(dartboard: Run, folder: Path) -> None:
    outcome = dartboard("run", *DATA, *SMALL, "--no-yardsticks", "--out", "run", "--json")
    assert json.loads(outcome.out)["yardsticks"] == {}
    assert not (folder / "run" / "yardsticks").exists()
