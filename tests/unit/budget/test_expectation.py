"""How long a command will take whose lengths are given: the arithmetic, with steps of known speed."""

import io
from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from dartboard.budget import expectation
from dartboard.budget.arithmetic import SearchRate, TrainingRate
from dartboard.budget.expectation import expected_seconds, is_short
from dartboard.display import PlainDisplay, terminal
from dartboard.runs import Observer
from dartboard.session import Session, open_session
from dartboard.settings import resolve_settings
from dartboard.workflow import opening

TINY = {
    "space": "nas-bench-201",
    "preset": "smoke",
    "device": "cpu",
    "data.max_train_images": 60,
    "search": {"epochs": 10, "steps_per_epoch": 5},
    "train": {"epochs": 20, "steps_per_epoch": 3, "hold_out": False},
}
SEARCH = 10 * (5 * 2.0 + 1.0)
TRAIN = 20 * 3 * 3.0
TEST = 12 * 0.25


def session(folder: Path, *layers: Mapping[str, Any]) -> AbstractContextManager[Session]:
    settings = resolve_settings(TINY, *layers)
    return open_session(settings, folder / "run", resume=False, observer=Observer())


@pytest.fixture(autouse=True)
def known_speed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A step of a search takes 2 seconds, scoring the supernet 1, a step of a training 3, an image 0.25."""
    monkeypatch.setattr(expectation, "measure_search", lambda _: SearchRate(2.0, 1.0, available=7, memory=0))
    monkeypatch.setattr(expectation, "measure_training", lambda *_: TrainingRate(3.0, 0.25, available=9, memory=0))


@pytest.mark.parametrize(
    ("layer", "expected"),
    [
        ({}, {"search": SEARCH, "train": TRAIN, "evaluation": TEST}),
        ({"method": "random"}, {"train": TRAIN, "evaluation": TEST}),
        ({"seeds": 3}, {"search": 3 * SEARCH, "train": TRAIN, "evaluation": TEST}),
        (
            {"seeds": 2, "choose": "best-short-train", "short_train_epochs": 5},
            {"search": 2 * SEARCH + 2 * TRAIN / 4, "train": TRAIN, "evaluation": TEST},
        ),
        (
            {"finalists": 4, "short_train_epochs": 10},
            {"search": SEARCH, "finalists": 4 * TRAIN / 2, "train": TRAIN, "evaluation": TEST},
        ),
        ({"train.runs": 2}, {"search": SEARCH, "train": 2 * TRAIN, "evaluation": 2 * TEST}),
        (
            {"baselines": True},
            {"search": SEARCH, "train": TRAIN, "evaluation": TEST, "baselines": 3 * (TRAIN + TEST)},
        ),
    ],
)
def test_the_phases_add_up_from_steps_and_images(
    tmp_path: Path, layer: dict[str, Any], expected: dict[str, float]
) -> None:
    with session(tmp_path, layer) as opened:
        assert expected_seconds(opened, ("search", "train"), None) == pytest.approx(expected)


def test_trials_for_decisions_are_part_of_the_search(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rate = SearchRate(2.0, 1.0, available=7, memory=0, trials=100.0)
    with session(tmp_path) as opened:
        before = expectation.expected_seconds(opened, ["search"], None)["search"]
        monkeypatch.setattr(expectation, "measure_search", lambda _: rate)
        assert expectation.expected_seconds(opened, ["search"], None)["search"] == before + 100


def test_a_search_alone_trains_nothing(tmp_path: Path) -> None:
    with session(tmp_path) as opened:
        assert expected_seconds(opened, ("search",), None) == {"search": SEARCH}


def test_what_takes_few_steps_is_not_timed(tmp_path: Path) -> None:
    with session(tmp_path, {"search.epochs": 1, "train.epochs": 1}) as opened:
        assert is_short(opened, ("search", "train"))
        assert opening.begin(opened, ("search", "train"), "run").expected == {}
    with session(tmp_path / "other", {"search.epochs": 100, "train.epochs": 100}) as opened:
        assert not is_short(opened, ("search", "train"))
        assert opening.begin(opened, ("search", "train"), "run").expected["search"] > 0
        assert opening.begin(opened, ("search", "train"), "run").expected == {}, "a run that goes on is timed again"


class Told(Observer):
    """Keeps all that is told of time."""

    def __init__(self) -> None:
        self.rows: dict[str, str] = {}
        self.notes: list[str] = []
        self.left: list[float] = []

    def plan(self, rows: Mapping[str, str]) -> None:
        self.rows |= rows

    def note(self, sentence: str) -> None:
        self.notes.append(sentence)

    def expect(self, seconds: float) -> None:
        self.left.append(seconds)


def test_a_run_of_days_is_said_before_it_begins_and_every_phase_says_what_is_left(tmp_path: Path) -> None:
    told, settings = Told(), resolve_settings(TINY, {"search.epochs": 30_000, "train.epochs": 20_000})
    with open_session(settings, tmp_path / "run", resume=False, observer=told) as opened:
        begun = opening.begin(opened, ("search", "train"), "run")
        for phase in ("search", "train"):
            with begun.phase(phase):
                pass
    assert told.rows["expected time"].startswith("about ")
    assert ": search " in told.rows["expected time"]
    assert "This is expected to take" in told.notes[0]
    assert "--budget 2h" in told.notes[0]
    searching, training = begun.expected["search"], begun.expected["train"] + begun.expected["evaluation"]
    assert told.left == [searching + training, training]


def test_plain_lines_tell_the_time_left_of_all_runs_of_a_comparison(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(terminal.time, "monotonic", lambda: now[0])
    plain = PlainDisplay(Console(file=io.StringIO()))
    assert plain._whole() == ""
    plain.more_runs(2, None)
    plain.expect(100.0)
    assert plain._whole() == "about 5 min"
    now[0] = 40.0
    assert plain._whole() == "about 4 min 20 s"
    plain.more_runs(1, 50.0)
    assert plain._whole() == "about 1 min 40 s"
    now[0] = 1000.0
    assert plain._whole() == "about 0.0 s"
