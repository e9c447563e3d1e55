"""What the plan of a training chooses beside its length."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dartboard.budget import timing, trainings
from dartboard.budget.arithmetic import TrainingRate
from dartboard.data import given_arrays
from dartboard.runs import Observer
from dartboard.session import Session
from dartboard.settings import search_request
from dartboard.space import Genotype
from dartboard.training import more_steps
from dartboard.workflow.open import open_request


@pytest.mark.parametrize(
    ("side", "step", "given", "wanted"),
    [
        (16, 1.0, {}, {"crop_padding": 1}),
        (32, 1.0, {}, {"crop_padding": 2}),
        (96, 1.0, {}, {"crop_padding": 6, "min_scale": 1.0}),
        (96, 1.0, {"train.augment.min_scale": 0.5}, {}),
        (32, 1.0, {"train.augment.crop_padding": 3}, {}),
        (32, 0.001, {}, {}),
        (8, 1.0, {}, {"crop_padding": 0}),
    ],
)
def test_images_that_are_seen_rarely_are_varied_less(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    side: int,
    step: float,
    given: dict[str, Any],
    wanted: dict[str, float],
) -> None:
    """A step of any network takes so many seconds; images of 8 pixels are for cells, which have another recipe."""
    rate = TrainingRate(step, image=1e-6, available=2, memory=0)
    monkeypatch.setattr(timing, "time_training", lambda *_, **__: rate)
    monkeypatch.setattr(trainings, "computes_in_bfloat16", lambda _device: False)
    # Neighbouring pixels are alike, as in pictures: noise would be taken for boards, which are never shifted.
    slopes = np.random.default_rng(0).integers(0, 255 // side, (1100, 2, 1, 1, 3)) * np.arange(side)[:, None, None]
    images = ((slopes[:, 0] + slopes[:, 1].swapaxes(1, 2)) // 2).astype(np.uint8)
    arrays = given_arrays((images, np.arange(1100) % 3))
    layer = {"method": "random", "device": "cpu", "budget": "60s", "data.image_size": side, **given}
    asked = search_request(None, [layer], ("search", "train"))
    with open_request(asked, tmp_path / "run", resume=False, observer=Observer(), arrays=arrays) as session:
        chosen = {each.setting: each.value for each in session.settings.automatic_choices}
    prefix = "train.augment."
    found = {name.removeprefix(prefix): value for name, value in chosen.items() if name.startswith(prefix)}
    found.pop("flip", None)
    assert found == wanted


@pytest.mark.parametrize(("amx", "side", "timed"), [(True, 16, ["bfloat16"]), (False, 16, ["float32", "bfloat16"])])
def test_where_a_processor_multiplies_bfloat16_no_time_goes_to_float32(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, amx: bool, side: int, timed: list[str]
) -> None:
    precisions: list[str] = []

    def time_training(_session: Session, _genotype: Genotype, **size: Any) -> TrainingRate:
        precisions.append(size["precision"])
        return TrainingRate(0.5 if size["precision"] == "bfloat16" else 1.0, image=1e-6, available=2, memory=0)

    monkeypatch.setattr(timing, "time_training", time_training)
    monkeypatch.setattr(trainings, "computes_in_bfloat16", lambda _device: True)
    monkeypatch.setattr(trainings, "multiplies_in_bfloat16", lambda _device: amx)
    images = np.random.default_rng(0).integers(0, 255, (1100, side, side, 3), dtype=np.uint8)
    arrays = given_arrays((images, np.arange(1100) % 3))
    asked = search_request(None, [{"method": "random", "device": "cpu", "budget": "60s"}], ("search", "train"))
    with open_request(asked, tmp_path / "run", resume=False, observer=Observer(), arrays=arrays) as session:
        assert session.settings.train.precision == "bfloat16"
    assert list(dict.fromkeys(precisions)) == timed


def test_the_plan_counts_the_steps_that_small_images_leave_time_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rate = TrainingRate(0.5, image=1e-6, available=2, memory=0)
    monkeypatch.setattr(timing, "time_training", lambda *_, **__: rate)
    monkeypatch.setattr(trainings, "computes_in_bfloat16", lambda _device: False)
    slopes = np.random.default_rng(0).integers(0, 7, (1100, 2, 1, 1, 3)) * np.arange(32)[:, None, None]
    arrays = given_arrays((((slopes[:, 0] + slopes[:, 1].swapaxes(1, 2)) // 2).astype(np.uint8), np.arange(1100) % 3))

    def seen(*, growing: bool) -> tuple[float, int | None]:
        layer = {"method": "random", "device": "cpu", "budget": "60s", "train.progressive_resizing": growing}
        asked = search_request(None, [layer], ("search", "train"))
        out = tmp_path / str(growing)
        with open_request(asked, out, resume=False, observer=Observer(), arrays=arrays) as session:
            reasons = {each.setting: each.reason for each in session.settings.automatic_choices}
            told = re.search(r"sees each image ([\d.]+) times", reasons["train.augment.crop_padding"])
            assert told is not None
            return float(told[1]), session.settings.train.epochs

    (small_first, epochs), (whole, same) = seen(growing=True), seen(growing=False)
    assert epochs == same
    assert small_first / whole == pytest.approx(more_steps(), rel=0.01)
