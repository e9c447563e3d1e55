import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import dartboard.methods  # noqa: F401 - importing registers the methods
from dartboard.budget import searches, trainings
from dartboard.budget.arithmetic import SearchRate, TrainingRate
from dartboard.data import given_arrays
from dartboard.errors import BudgetError, DartboardError, SettingsError
from dartboard.runs import Observer
from dartboard.settings import Request
from dartboard.settings.tree import RunSettings
from dartboard.workflow import open_request

BOTH = ("search", "train")
SMALL: dict[str, Any] = {"budget": "5m", "device": "cpu", "data.max_train_images": 200}


def request(*layers: dict[str, Any], steps: Any = BOTH) -> Request:
    return Request(layers, steps)


def test_what_is_given_is_everything_that_is_neither_null_nor_auto() -> None:
    asked = request({"train": {"epochs": 3, "steps_per_epoch": None}}, {"space": "auto", "method": "gdas"})
    assert asked.given >= {"train.epochs", "method.name"}
    assert not asked.given & {"train.steps_per_epoch", "space"}


def test_without_a_budget_only_the_rules_decide(tmp_path: Path) -> None:
    with open_request(request({"device": "cpu"}), tmp_path / "run", resume=False, observer=Observer()) as session:
        settings = session.settings
    assert (settings.space, settings.method.name) == ("nas-bench-201", "single-darts")
    assert [choice.setting for choice in settings.automatic_choices] == ["space", "method.name"]
    assert settings.train.epochs is None
    assert not session.timetable


@pytest.mark.parametrize("preset", ["smoke", "darts-cifar", "nas-bench-201"])
def test_presets_that_name_a_space_leave_nothing_open(preset: str, tmp_path: Path) -> None:
    asked = request({"preset": preset, "data.max_train_images": 100})
    assert not asked.is_open
    with open_request(asked, tmp_path / "run", resume=False, observer=Observer()) as session:
        assert session.settings.automatic_choices == ()
        assert session.settings.method.name == "darts"


def test_a_budget_decides_sizes_and_lengths_with_reasons(tmp_path: Path) -> None:
    with open_request(request(SMALL), tmp_path / "run", resume=False, observer=Observer()) as session:
        settings, timetable = session.settings, session.timetable
    decided = {choice.setting: choice.value for choice in settings.automatic_choices}
    assert decided.keys() >= {
        "search.init_channels",
        "search.layers",
        "search.epochs",
        "search.steps_per_epoch",
        "search.seconds",
        "train.init_channels",
        "train.layers",
        "train.epochs",
        "train.keep",
    }
    assert all(choice.reason for choice in settings.automatic_choices)
    assert settings.train.init_channels == decided["train.init_channels"]
    assert settings.search.seconds == decided["search.seconds"]
    assert timetable.keys() >= {"data", "search", "train", "evaluation"}
    assert 0 < sum(timetable.values()) <= 300


def test_every_choice_can_be_overridden_by_itself(tmp_path: Path) -> None:
    own = {
        "train.steps_per_epoch": 2,
        "train.init_channels": 8,
        "train.layers": 2,
        "search.epochs": 11,
        "baselines": False,
        "method": "gdas",
    }
    with open_request(request(SMALL, own), tmp_path / "run", resume=False, observer=Observer()) as session:
        settings = session.settings
    assert (settings.train.init_channels, settings.train.layers, settings.search.epochs) == (8, 2, 11)
    assert settings.method.name == "gdas"
    decided = {choice.setting for choice in settings.automatic_choices}
    assert settings.train.steps_per_epoch == 2
    assert not decided & {
        "train.steps_per_epoch",
        "train.init_channels",
        "train.layers",
        "search.epochs",
        "baselines",
        "method.name",
    }
    assert "train.epochs" in decided


def test_bfloat16_is_taken_where_its_steps_are_faster_and_buys_a_larger_network(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def plan(name: str, speedup: float, own: dict[str, Any], *, capable: bool = True) -> RunSettings:
        def measure(*_: Any, init_channels: int, layers: int, precision: str) -> TrainingRate:
            step = 0.5 + 0.001 * init_channels**2 * layers
            return TrainingRate(step / (speedup if precision == "bfloat16" else 1.0), 1e-5, 3, 0)

        monkeypatch.setattr(trainings, "measure_training", measure)
        monkeypatch.setattr(trainings, "computes_in_bfloat16", lambda _device: capable)
        monkeypatch.setattr(trainings, "multiplies_in_bfloat16", lambda _device: False)
        asked = request(SMALL, {"baselines": False, "method": "random", **own})
        with open_request(asked, tmp_path / name, resume=False, observer=Observer()) as session:
            return session.settings

    plain, faster = plan("plain", 0.5, {}), plan("faster", 2.0, {})
    assert (plain.train.precision, faster.train.precision) == ("float32", "bfloat16")
    assert faster.train.init_channels > plain.train.init_channels
    reasons = {choice.setting: choice.reason for choice in faster.automatic_choices}
    assert "ms in float32" in reasons["train.precision"]
    assert "train.precision" not in {choice.setting for choice in plain.automatic_choices}
    for other in (plan("given", 2.0, {"train.precision": "float32"}), plan("incapable", 2.0, {}, capable=False)):
        assert other.train.precision == "float32"
        assert other.train.init_channels == plain.train.init_channels


HELD_OUT: dict[str, Any] = {
    **{"budget": "1h", "device": "cpu", "baselines": False, "data.validation_fraction": 0.5},
    **{"space": "nas-bench-201", "method": "darts"},
}
"""More than a thousand of the images of `opened_for` are held out."""


def as_measured(
    monkeypatch: pytest.MonkeyPatch, *, search: float = 0.01, train: float = 0.01, trials: float = 0.0
) -> None:
    """Every size takes so many seconds a step, and the trials of decisions by perturbation so many in all."""

    def measure_training(*_: Any, **__: Any) -> TrainingRate:
        return TrainingRate(step=train, image=1e-5, available=5, memory=0)

    def measure_search(*_: Any, **__: Any) -> SearchRate:
        return SearchRate(step=search, scoring=search, available=2, memory=0, trials=trials)

    monkeypatch.setattr(trainings, "measure_training", measure_training)
    monkeypatch.setattr(searches, "measure_search", measure_search)


def opened_for(tmp_path: Path, *layers: dict[str, Any], steps: Any = BOTH) -> tuple[RunSettings, dict[str, float]]:
    """The settings and the timetable of a request for 3,000 small images."""
    images = np.random.default_rng(0).integers(0, 255, (3000, 4, 4, 1), dtype=np.uint8)
    arrays = given_arrays((images, np.arange(3000) % 3))
    asked = request(*layers, steps=steps)
    with open_request(asked, tmp_path / "run", resume=False, observer=Observer(), arrays=arrays) as session:
        return session.settings, dict(session.timetable)


def test_short_trainings_are_planned_for_as_many_finalists_as_are_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    as_measured(monkeypatch)
    settings, timetable = opened_for(tmp_path, HELD_OUT, {"finalists": 4})
    epochs = settings.train.epochs
    assert epochs is not None
    assert settings.short_train_epochs == max(1, round(0.15 * epochs))
    share = settings.short_train_epochs / epochs
    assert timetable["finalists"] == pytest.approx(4 * (share * timetable["train"] + 0.5))
    assert sum(timetable.values()) <= 3600


def test_trials_for_decisions_are_planned_by_themselves_and_take_images_as_they_need_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The learning keeps a quarter of the search's part, and the trainings get what the trials leave."""
    as_measured(monkeypatch, trials=30.0)
    plain, without = opened_for(tmp_path / "darts", HELD_OUT)
    settings, timetable = opened_for(tmp_path / "pt", HELD_OUT, {"method": "darts-pt"})
    assert (plain.search.decision_images, settings.search.decision_images) == ("all", "adaptive")
    assert settings.search.seconds == pytest.approx(timetable["search"] - 30.0, abs=0.01)
    assert timetable["search"] <= without["search"]
    as_measured(monkeypatch, trials=1500.0)
    settings, timetable = opened_for(tmp_path / "long", HELD_OUT, {"method": "darts-pt"})
    assert timetable["search"] > 1500
    assert sum(timetable.values()) <= 3600
    asked, _ = opened_for(tmp_path / "asked", HELD_OUT, {"method": "darts-pt", "search.decision_images": 64})
    assert asked.search.decision_images == 64
    as_measured(monkeypatch, trials=4000.0)
    with pytest.raises(BudgetError, match="too small on this machine"):
        opened_for(tmp_path / "short", HELD_OUT, {"method": "darts-pt"})


@pytest.mark.parametrize("own", [{}, {"finalists": 1}])
def test_unless_asked_for_the_search_has_the_last_word(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, own: dict[str, Any]
) -> None:
    as_measured(monkeypatch)
    settings, timetable = opened_for(tmp_path, HELD_OUT, own)
    assert settings.finalists == 1
    assert "finalists" not in timetable
    assert not {"finalists", "short_train_epochs"} & {choice.setting for choice in settings.automatic_choices}


def test_a_search_with_finalists_leaves_time_for_their_short_trainings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    as_measured(monkeypatch, train=5.0)
    settings, timetable = opened_for(tmp_path, HELD_OUT, {"finalists": 3}, steps=("search",))
    assert timetable.keys() == {"data", "search", "finalists"}
    decided = {choice.setting for choice in settings.automatic_choices}
    assert decided >= {"search.epochs", "train.epochs", "train.init_channels", "short_train_epochs"}
    assert settings.train.epochs is not None
    assert settings.short_train_epochs < settings.train.epochs
    # The number of epochs of a short training is rounded.
    assert 0 < timetable["finalists"] <= 1.01 * 3600 - timetable["search"]
    alone, _ = opened_for(tmp_path / "alone", HELD_OUT, steps=("search",))
    assert not {"train.epochs", "short_train_epochs"} & {choice.setting for choice in alone.automatic_choices}


def test_short_trainings_of_a_given_length_are_planned_with_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    as_measured(monkeypatch)
    settings, timetable = opened_for(tmp_path, HELD_OUT, {"finalists": 3, "short_train_epochs": 30})
    assert settings.short_train_epochs == 30
    assert settings.train.epochs is not None
    assert timetable["finalists"] == pytest.approx(3 * (30 / settings.train.epochs * timetable["train"] + 0.5))
    as_measured(monkeypatch, train=1.0)
    given = {"finalists": 90, "short_train_epochs": 30, "train.epochs": 30}
    with pytest.raises(BudgetError, match=r"\(finalists, short_train_epochs, train.epochs\) the run takes about"):
        opened_for(tmp_path / "long", HELD_OUT, given)


def test_a_training_alone_plans_nothing_for_the_seeds_of_a_search(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As with the settings file of a run that had several."""
    as_measured(monkeypatch)
    layer = {"seeds": 4, "choose": "best-short-train", "finalists": 3}
    settings, timetable = opened_for(tmp_path, HELD_OUT, layer, steps=("train",))
    assert timetable.keys() == {"data", "train", "evaluation"}
    assert "short_train_epochs" not in {choice.setting for choice in settings.automatic_choices}


def test_a_resumed_run_keeps_what_was_decided(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    with open_request(request(SMALL), folder, resume=False, observer=Observer()) as session:
        session.begin()
        first = session.settings
    with open_request(request(SMALL), folder, resume=True, observer=Observer()) as session:
        assert session.settings == first
    with (
        pytest.raises(DartboardError, match="began with other settings"),
        open_request(request(SMALL, {"seed": 1}), folder, resume=True, observer=Observer()),
    ):
        pass


def test_the_settings_file_of_a_run_repeats_its_plan(tmp_path: Path) -> None:
    with open_request(request(SMALL), tmp_path / "first", resume=False, observer=Observer()) as session:
        session.begin()
        first = session.settings
    stored = json.loads((tmp_path / "first" / "settings.json").read_text())
    with open_request(request(stored), tmp_path / "second", resume=False, observer=Observer()) as session:
        assert session.settings == first


@pytest.mark.parametrize(
    ("layer", "said"),
    [
        ({"budget": "2s"}, r"a budget of 2.0 s is too small on this machine: .* give at least --budget \d+s"),
        (
            {"train.epochs": 1_000_000},
            r"with the given settings \(train.epochs\) the run takes about .* longer than the budget",
        ),
    ],
)
def test_a_budget_that_cannot_do_is_refused_with_what_the_least_would_be(
    layer: dict[str, Any], said: str, tmp_path: Path
) -> None:
    with (
        pytest.raises(BudgetError, match=said),
        open_request(request(SMALL, layer), tmp_path / "run", resume=False, observer=Observer()),
    ):
        pass
    assert not (tmp_path / "run").exists()


def test_a_method_that_does_not_fit_the_first_space_gets_one_that_it_fits(tmp_path: Path) -> None:
    with open_request(
        request({"device": "cpu", "method": "dots", "data.max_train_images": 200}),
        tmp_path / "run",
        resume=False,
        observer=Observer(),
    ) as session:
        assert session.settings.space == "darts"
        assert "does not fit" in session.settings.automatic_choices[0].reason


def test_wrong_settings_are_refused_before_any_data_is_read(tmp_path: Path) -> None:
    asked = request({"source": str(tmp_path / "absent"), "space": "drats"})
    with (
        pytest.raises(DartboardError, match="did you mean 'darts'"),
        open_request(asked, tmp_path / "run", resume=False, observer=Observer()),
    ):
        pass


@pytest.mark.parametrize("budget", ["soon", "-5s", "0s", -3, 0])
def test_what_is_no_length_of_time_is_no_budget(budget: Any) -> None:
    with pytest.raises(SettingsError, match="budget"):
        _ = request({"budget": budget}).asked


def test_an_array_dataset_is_looked_at_like_any_other(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    arrays = given_arrays((rng.integers(0, 255, (60, 12, 12, 3), dtype=np.uint8), np.arange(60) % 3))
    with open_request(
        request({"device": "cpu"}), tmp_path / "run", resume=False, observer=Observer(), arrays=arrays
    ) as session:
        assert session.settings.method.name == "random"
