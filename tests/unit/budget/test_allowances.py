"""What is left of a budget is shared among the trainings that are still to come."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import dartboard.methods  # noqa: F401 - importing registers the methods
from dartboard.budget import timing, trainings
from dartboard.budget.allowances import contest_pace, contestants, remaining_allowance
from dartboard.budget.arithmetic import TrainingRate, reserve
from dartboard.data import given_arrays
from dartboard.records.allowances import Allowance
from dartboard.runs import Length, Observer
from dartboard.session import Session
from dartboard.settings import search_request
from dartboard.space import PUBLISHED, Genotype, parse_genotype
from dartboard.workflow.open import open_request

LENGTH = Length(4, 10)


def session(left: float) -> Any:
    """A run of which `left` seconds of the budget are left for trainings and tests."""
    spent = 100.0 - reserve(100.0) - left
    return SimpleNamespace(settings=SimpleNamespace(budget=100.0, train=SimpleNamespace(runs=1)), spent=spent)


def allotted(**seconds: float) -> dict[str, Allowance]:
    return {
        name: Allowance(epochs=5, steps=10, seconds=each, test_seconds=1.0, most_epochs=60, most_steps=20)
        for name, each in seconds.items()
    }


def test_a_later_network_gets_the_length_of_the_first_and_its_share_of_the_time() -> None:
    allowances = allotted(found=50.0, random=20.0, resnet=10.0)
    found = remaining_allowance(session(32.0), allowances, "random", length=LENGTH, worked=3.0)
    assert (found.epochs, found.steps, found.most_epochs, found.most_steps) == (4, 10, 4, 10)
    assert found.seconds == pytest.approx(20 / 30 * (32 - 2) + 3)
    assert found.time_limit.most == LENGTH


def test_where_no_time_was_left_for_any_training_each_gets_an_equal_part_of_what_there_is() -> None:
    allowances = allotted(found=0.0, random=0.0, resnet=0.0)
    assert remaining_allowance(session(-5.0), allowances, "random", length=LENGTH, worked=0.0).seconds == 0.0
    assert remaining_allowance(session(12.0), allowances, "random", length=LENGTH, worked=0.0).seconds == 5.0


def test_no_network_is_timed_twice_in_a_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The plan times the known network of the space; the contest times the others, in the precision of the plan."""
    timed: list[tuple[Genotype, int, int, str]] = []

    def time_training(session: Session, genotype: Genotype, **size: Any) -> TrainingRate:
        train = session.settings.train.model_copy(update=size)
        timed.append((genotype, train.init_channels, train.layers, train.precision))
        step = 1e-4 * train.init_channels * (0.5 if train.precision == "bfloat16" else 1.0)
        return TrainingRate(step, image=1e-6, available=9, memory=0)

    monkeypatch.setattr(timing, "time_training", time_training)
    monkeypatch.setattr(trainings, "computes_in_bfloat16", lambda _device: True)
    monkeypatch.setattr(trainings, "multiplies_in_bfloat16", lambda _device: False)
    images = np.random.default_rng(0).integers(0, 255, (3000, 16, 16, 1), dtype=np.uint8)
    arrays = given_arrays((images, np.arange(3000) % 3))
    layer = {"space": "conv-stages", "method": "random", "device": "cpu", "budget": "1h"}
    asked = search_request(None, [layer], ("search", "train"))
    known = PUBLISHED["conv-stages-by-hand"]
    stage = "dense_5x5 skip_connect skip_connect"
    found = parse_genotype(f"conv-stages: {stage} | {stage} | {stage}")
    with open_request(asked, tmp_path / "run", resume=False, observer=Observer(), arrays=arrays) as session:
        planned, networks = list(timed), contestants(session, found)
        pace = contest_pace(session, networks)
        train = session.settings.train
    assert (known, train.init_channels, train.layers, "bfloat16") in planned
    assert len(planned) == len(set(planned)) > 2
    assert [each.name for each in networks] == ["found", "by-hand", "resnet"]
    others = [each.genotype for each in networks if each.genotype != known]
    assert [genotype for genotype, *_ in timed[len(planned) :]] == others
    assert len(set(pace.steps.values())) == 1
