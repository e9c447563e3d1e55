"""A budget as a user gives it: what is decided, what is left of it after a kill, and what cannot be done."""

import json
from pathlib import Path
from typing import Any

import pytest

from dartboard.records import Result, RunRecords

from .command import Halt
from .conftest import Run

FEW = ("--set", "data.max_train_images=150", "--device", "cpu")


def decided(document: dict[str, Any]) -> dict[str, Any]:
    return {each["setting"]: each["value"] for each in document["automatic_choices"]}


def test_a_run_within_a_budget_decides_trains_compares_and_says_why(dartboard: Run, folder: Path) -> None:
    outcome = dartboard("run", *FEW, "--budget", "25s", "--baselines", "--out", "run", "--json")
    assert outcome.code == 0, outcome.err
    result = Result.model_validate(json.loads(outcome.out))
    stored = json.loads((folder / "run" / "settings.json").read_text())
    assert decided(stored) == {each.setting: each.value for each in result.automatic_choices}
    assert (result.space, result.method, result.budget) == ("nas-bench-201", "single-darts", 25.0)
    assert set(result.planned) == {"data", "search", "train", "evaluation", "baselines"}
    assert sum(result.planned.values()) < 25
    assert set(result.baselines) == {"by-hand", "random", "resnet"}
    trained = RunRecords(folder / "run").train_epochs[0]
    assert trained[-1].epoch == len(trained)
    assert trained[-1].learning_rate < 0.2 * max(event.learning_rate for event in trained)
    for baseline in result.baselines.values():
        assert baseline.wanted_steps == sum(event.steps for event in trained)
        assert baseline.steps is not None
        assert baseline.steps > 0
    page = (folder / "run" / "report.html").read_text()
    assert "Automatic choices" in page
    assert "at 0.6 of the cost of a DARTS step" in page
    assert "Planned" in page


def test_a_killed_run_goes_on_with_the_same_plan(dartboard: Run, folder: Path) -> None:
    options = ("run", *FEW, "--budget", "20s", "--no-baselines", "--out", "run", "--json")
    killed = dartboard(*options, halt=Halt(40))
    assert killed.code == -9
    before = json.loads((folder / "run" / "settings.json").read_text())
    resumed = dartboard(*options, "--resume")
    assert resumed.code == 0, resumed.err
    result = json.loads(resumed.out)
    assert decided(result) == decided(before)
    assert result["baselines"] == {}
    assert result["test_accuracy"] is not None


def test_a_plan_without_the_clock_can_be_repeated_bit_for_bit(dartboard: Run, folder: Path) -> None:
    plan = dartboard("run", *FEW, "--budget", "20s", "--no-baselines", "--out", "run", halt=Halt(12))
    assert plan.code == -9
    clockless = ("--set", "budget=null", "--set", "search.seconds=null", "--set", "train.epochs=2")
    for name in ("a", "b"):
        outcome = dartboard("run", "--config", "run/settings.json", *clockless, "--out", name, "--json")
        assert outcome.code == 0, outcome.err
        assert json.loads(outcome.out)["planned"] == {}
    weights = [(folder / name / "model.safetensors").read_bytes() for name in ("a", "b")]
    assert weights[0] == weights[1]


@pytest.mark.parametrize(
    ("verb", "wanted"),
    [
        pytest.param(("search",), {"data", "search"}, marks=pytest.mark.slow),
        pytest.param(("search", "--method", "rsps"), {"data", "search"}, marks=pytest.mark.slow),
        (("train", "--genotype", "nas-bench-201-resnet"), {"data", "train", "evaluation"}),
    ],
)
def test_the_other_verbs_keep_to_a_budget_too(
    dartboard: Run, folder: Path, verb: tuple[str, ...], wanted: set[str]
) -> None:
    outcome = dartboard(*verb, *FEW, "--budget", "16s", "--out", "run", "--json")
    assert outcome.code == 0, outcome.err
    assert set(json.loads(outcome.out)["planned"]) == wanted
    if "train" in wanted:
        assert set(json.loads((folder / "run" / "allowances.json").read_text())["networks"]) == {"found"}


def test_a_plan_is_told_without_a_run(dartboard: Run, folder: Path) -> None:
    outcome = dartboard("plan", *FEW, "--budget", "30m", "--json")
    assert outcome.code == 0, outcome.err
    plan = json.loads(outcome.out)
    assert plan["budget"] == 1800
    assert 0 < plan["seconds"]["total"] <= 1800
    assert {"space", "method.name", "train.epochs", "search.seconds"} <= decided(plan).keys()
    assert plan["end"]
    assert not list(folder.iterdir())

    told = dartboard("plan", *FEW, "--budget", "30m", "--set", "train.init_channels=8").out
    assert "train.init_channels" not in told
    assert "expected end" in told


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--budget", "1s"), "a budget of 1.0 s is too small on this machine"),
        (("--budget", "soon"), "the setting 'budget' cannot be 'soon': input should be a length of time"),
        (
            ("--budget", "1m", "--set", "train.epochs=1000000"),
            "with the given settings (train.epochs) the run takes about",
        ),
    ],
)
def test_an_impossible_budget_is_one_sentence(
    dartboard: Run, folder: Path, options: tuple[str, ...], said: str
) -> None:
    outcome = dartboard("run", *FEW, *options, "--out", "run")
    assert outcome.code == 2
    assert said in outcome.error
    assert not (folder / "run").exists()
