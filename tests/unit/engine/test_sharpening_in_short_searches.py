from pathlib import Path

import pytest

import dartboard.methods  # noqa: F401 - importing registers the methods
from dartboard.engine import SearchSettings, run_search
from dartboard.parts import Recipe
from dartboard.parts.curvature import AlphaCurvature
from dartboard.parts.recipe import make_recipe
from dartboard.runs import Epoch, Event, Length, Observer, RunDirectory, SearchEpoch, SearchStop
from dartboard.testing import timeless

from .test_loop import Killed, problem, search


@pytest.fixture
def sharpening(monkeypatch: pytest.MonkeyPatch) -> None:
    """A curvature that doubles from one measurement to the next."""
    measured: list[float] = []

    def doubling(_: AlphaCurvature) -> float:
        measured.append(2.0 ** len(measured))
        return measured[-1]

    monkeypatch.setattr(AlphaCurvature, "largest_eigenvalue", doubling)


def epochs(events: list[Event]) -> list[SearchEpoch]:
    return [event for event in events if isinstance(event, SearchEpoch)]


@pytest.mark.usefixtures("sharpening")
def test_a_short_search_that_sharpens_stops_and_returns_an_earlier_architecture(tmp_path: Path) -> None:
    _, events = search(tmp_path / "robust", problem(), make_recipe("robust-darts", {}), epochs=10)
    _, plain = search(tmp_path / "plain", problem(), make_recipe("darts-2nd", {}), epochs=10)
    assert [event.epoch for event in epochs(events)] == [1, 2, 3, 4, 5, 6], "of 10: judged at the sixth measurement"
    (stop,) = (event for event in events if isinstance(event, SearchStop))
    assert stop.reason.endswith("the architecture is read from epoch 3")
    for event, twin in zip(epochs(events), epochs(plain), strict=False):
        assert event.gates == twin.gates, "until then it is DARTS of second order"
        assert "eigenvalue" in event.figures
    assert len(epochs(plain)) == 10


@pytest.mark.usefixtures("sharpening")
def test_a_short_search_that_sharpens_goes_back_and_has_more_decay(tmp_path: Path) -> None:
    _, events = search(tmp_path / "ada", problem(), make_recipe("robust-darts-ada", {}), epochs=10)
    back = [event for event in events if event.event == "rollback"]
    assert (back[0].before, back[0].epoch) == (6, 3)
    assert len(back) == 2
    assert [event.epoch for event in epochs(events)] == list(range(1, 11))
    _, plain = search(tmp_path / "plain", problem(), make_recipe("darts-2nd", {}), epochs=10)
    assert timeless(epochs(events)[-1:]) != timeless(plain[-1:])


def test_the_curvature_is_measured_in_every_epoch_of_a_short_search(tmp_path: Path) -> None:
    _, events = search(tmp_path / "ten", problem(), make_recipe("robust-darts", {"factor": 1e9}), epochs=10)
    assert all("eigenvalue" in event.figures for event in epochs(events))
    _, events = search(tmp_path / "fifty", problem(), make_recipe("robust-darts", {"factor": 1e9}), epochs=50)
    assert [event.epoch - 1 for event in epochs(events) if "eigenvalue" in event.figures] == list(range(0, 50, 2))


WITHIN = {"within_epochs": True}


def long_epochs(folder: Path, recipe: Recipe, count: int, observer: Observer | None = None) -> list[SearchEpoch]:
    """The epochs, of 12 steps each, of a search of so many."""
    with RunDirectory(folder) as run:
        length, watching = Length(count, 12), observer or Observer()
        run_search(problem(steps=12), recipe, SearchSettings(), run, length=length, seed=0, observer=watching)
        return epochs(run.events.read())


@pytest.mark.usefixtures("sharpening")
@pytest.mark.parametrize(("count", "ends"), [(3, 2), (4, 2), (10, 5)])
def test_a_search_of_few_epochs_can_stop_if_it_measures_within_them(tmp_path: Path, count: int, ends: int) -> None:
    """The 12th of 25 measurements is the first that is tested, after 44 % of the steps."""
    done = long_epochs(tmp_path, make_recipe("robust-darts", WITHIN), count)
    assert [event.epoch for event in done] == list(range(1, ends + 1))
    assert all("eigenvalue" in event.figures for event in done)
    assert make_recipe("robust-darts", WITHIN).idle_in(3) == []


def test_measuring_within_epochs_changes_nothing_else_and_is_resumed_as_it_was(tmp_path: Path) -> None:
    class StopAtFirst(Observer):
        def epoch(self, _event: Epoch) -> None:
            raise Killed

    recipe = make_recipe("robust-darts", {**WITHIN, "factor": 1e9})
    plain = long_epochs(tmp_path / "plain", make_recipe("darts-2nd", {}), 3)
    whole = long_epochs(tmp_path / "whole", recipe, 3)
    assert [event.gates for event in whole] == [event.gates for event in plain]
    with pytest.raises(Killed):
        long_epochs(tmp_path / "parted", recipe, 3, StopAtFirst())
    assert timeless(long_epochs(tmp_path / "parted", recipe, 3)) == timeless(whole)
