"""A random architecture and a plain ResNet beside the network found."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score

from dartboard.records import Result, RunRecords

from .command import SMALL
from .conftest import Run

DATA = ("--set", "data.max_train_images=60")


def test_baselines_are_whole_runs_and_stand_in_result_and_report(dartboard: Run, folder: Path) -> None:
    outcome = dartboard("run", *DATA, *SMALL, "--baselines", "--out", "run", "--json")
    assert outcome.code == 0, outcome.err
    result = Result.model_validate(json.loads(outcome.out))
    assert set(result.baselines) == {"by-hand", "random", "resnet"}
    for name, baseline in result.baselines.items():
        own = Result.model_validate_json((folder / "run" / "baselines" / name / "result.json").read_text())
        assert own.test_accuracy == baseline.test_accuracy
        assert own.dataset.test == result.dataset.test
        assert result.test_accuracy is not None
        assert baseline.difference == pytest.approx(result.test_accuracy - baseline.test_accuracy)
        assert baseline.interval[0] <= baseline.difference <= baseline.interval[1]
    page = (folder / "run" / "report.html").read_text()
    assert "Was the search worth it?" in page
    assert '<code class="muted">baselines/resnet</code>' in page
    assert '<a href="baselines' not in page
    assert (folder / "run" / "baselines" / "resnet" / "report.html").is_file()

    again = dartboard("run", *DATA, *SMALL, "--baselines", "--out", "run", "--json", "--resume")
    assert json.loads(again.out) == json.loads(outcome.out)


def test_where_classes_count_alike_balanced_accuracies_are_compared(dartboard: Run, folder: Path) -> None:
    outcome = dartboard("run", *DATA, *SMALL, "--baselines", "--set", "objective=balanced-accuracy", "--out", "run")
    assert outcome.code == 0, outcome.err
    result = Result.model_validate_json((folder / "run" / "result.json").read_text())
    assert result.balanced_accuracy is not None
    for name, baseline in result.baselines.items():
        with np.load(folder / "run" / "baselines" / name / "predictions.npz") as predictions:
            assert baseline.balanced_accuracy == pytest.approx(
                balanced_accuracy_score(predictions["labels"], predictions["predicted"])
            )
        assert baseline.difference == pytest.approx(result.balanced_accuracy - baseline.balanced_accuracy)
        assert baseline.interval[0] <= baseline.difference <= baseline.interval[1]
        assert f"{baseline.balanced_accuracy:.2%} balanced accuracy" in outcome.out
        assert f"{baseline.balanced_accuracy:.2%}" in (folder / "run" / "report.html").read_text()
    assert re.search(rf"^balanced accuracy +{result.balanced_accuracy:.2%}$", outcome.out, re.MULTILINE)
    ((trained,),) = RunRecords(folder / "run").train_epochs.values()
    assert result.validation_balanced_accuracy == trained.validation_balanced_accuracy is not None
    assert f"validation, balanced  {result.validation_balanced_accuracy:.2%}" in outcome.out


def test_nothing_is_compared_without_being_asked(dartboard: Run, folder: Path) -> None:
    outcome = dartboard("run", *DATA, *SMALL, "--no-baselines", "--out", "run", "--json")
    assert json.loads(outcome.out)["baselines"] == {}
    assert not (folder / "run" / "baselines").exists()
