"""OLES: operations rest once their gradients on both halves of the images no longer agree."""

import math
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import dartboard.methods  # noqa: F401 - importing registers the methods
from dartboard.engine.loop import run_search
from dartboard.errors import RecipeError
from dartboard.parts import (
    AdamUpdate,
    DenseHypernetwork,
    FirstOrder,
    FirstOrderWatched,
    Recipe,
    StageAccess,
    StageHook,
    WarmUp,
)
from dartboard.parts.gradient.watched import GradientWatcher, Statistic, agreements
from dartboard.parts.recipe import make_recipe
from dartboard.runs import Length, Observer, RunDirectory, SearchEpoch
from dartboard.session.search import search_problem
from dartboard.supernet import FusedSupernet, ReferenceSupernet
from dartboard.testing.small import StopAfter, Stopped, open_small

from .test_acting_within_steps import ENGINES, EPOCHS, LAYERS, STEPS, make, untouched


def pair(ratio: float, cosine: float) -> tuple[Tensor, Tensor]:
    """A unit vector, and one `ratio` times as long at that cosine."""
    own = torch.tensor([1.0, 0.0], dtype=torch.float64)
    other = ratio * torch.tensor([cosine, math.sqrt(1 - cosine**2)], dtype=torch.float64)
    return own, other


@pytest.mark.parametrize(
    ("ratio", "cosine", "wanted"),
    [(1, 0, 0.7071), (2, 0, 0.4472), (4, 0, 0.2425), (2.29, 0, 0.4), (1, -0.68, 0.4), (1, 0.3, 0.806), (4, 0.3, 0.499)],
)
def test_the_codes_comparison_is_chiefly_one_of_sizes(ratio: float, cosine: float, wanted: float) -> None:
    """(1 + r c) / sqrt(1 + 2 r c + r^2) for the cosine c of the gradients and the ratio r of their sizes."""
    own, other = pair(ratio, cosine)
    assert agreements([own], [own + other]).item() == pytest.approx(wanted, abs=1e-3)
    assert agreements([own], [other]).item() == pytest.approx(cosine)


def test_opposed_gradients_agree_in_the_code_and_not_in_truth() -> None:
    own = torch.tensor([1.0, -2.0, 3.0])
    assert agreements([own], [-own / 2]).item() == pytest.approx(-1)
    assert agreements([own], [own - own / 2]).item() == pytest.approx(1)


def test_cosines_run_along_the_output_channels_and_are_averaged_over_all_positions() -> None:
    vector = torch.tensor([3.0, 4.0])
    kernels = torch.randn(2, 5, 3, 2, 2, generator=torch.Generator().manual_seed(0))
    slow = [
        [
            torch.dot(kernels[0][:, i, y, x], kernels[1][:, i, y, x])
            / (kernels[0][:, i, y, x].norm() * kernels[1][:, i, y, x].norm())
            for i in range(3)
            for y in range(2)
            for x in range(2)
        ]
    ]
    found = agreements([vector, kernels[0], vector], [vector.flip(0), kernels[1], vector])
    torch.testing.assert_close(found, torch.tensor([0.96, float(torch.tensor(slow).mean()), 1.0]))


class OneOperation:
    """A stage with one operation of one weight, for a hook that is driven by hand."""

    device = torch.device("cpu")
    operation_weights: Mapping[tuple[int, int, str], tuple[str, ...]] = {(2, 1, "nor_conv_1x1"): ("weight",)}

    def __init__(self) -> None:
        self.supernet = nn.Module()
        self.supernet.weight = nn.Parameter(torch.zeros(2, dtype=torch.float64))


@pytest.mark.parametrize(("cosine", "rests"), [(0.39, True), (0.41, False)])
def test_the_mean_over_a_window_is_compared_and_not_a_sum_of_one_more(cosine: float, rests: bool) -> None:
    """Twenty-one values of 0.39 divided by twenty are 0.4095, which would not stop the operation."""
    watcher = GradientWatcher(FirstOrderWatched(20, 0.4, "clean"), OneOperation())  # type: ignore[arg-type]
    own, other = pair(1.0, cosine)
    moving = []
    for _ in range(21):
        watcher._at_validation = {"weight": other}
        moving.append(watcher.weight_gradients({"weight": own})["weight"] is not None)
    assert moving == [True] * 20 + [not rests]
    assert watcher.figures() == (
        {"resting_operations": 1, "resting_nor_conv_1x1": 1, "resting_in_block_2": 1}
        if rests
        else {"resting_operations": 0}
    )


def searched(
    folder: Path,
    gradient: FirstOrder,
    engine: type[ReferenceSupernet] = FusedSupernet,
    observer: Observer | None = None,
    warm_up: float = 0.0,
) -> tuple[Mapping[str, Any], list[SearchEpoch]]:
    """The checkpoint and the epochs of a search of NAS-Bench-201 cells."""
    recipe = Recipe(gradient=gradient, update=AdamUpdate(lr=0.1), rules=(WarmUp(warm_up),))
    with RunDirectory(folder) as run:
        session = open_small(run, LAYERS)
        problem = replace(search_problem(session), make_supernet=partial(make, engine, session))
        told = observer or session.observer
        length = Length(EPOCHS, STEPS)
        run_search(problem, recipe, session.settings.search, run, length=length, seed=1, observer=told)
        saved = run.load_checkpoint("search", "search")
        epochs = [event for event in run.events.read() if isinstance(event, SearchEpoch)]
    assert saved is not None
    return saved, epochs


@pytest.mark.parametrize("statistic", ["as-code", "clean"])
def test_a_threshold_that_none_is_below_is_darts_bit_for_bit(statistic: Statistic, tmp_path: Path) -> None:
    watched, _ = searched(tmp_path / "watched", FirstOrderWatched(1, -2.0, statistic), ReferenceSupernet)
    plain, _ = searched(tmp_path / "plain", FirstOrder(), ReferenceSupernet)
    assert watched["resting"] == []
    assert torch.equal(watched["alphas"]["cell"], plain["alphas"]["cell"])
    for name, weight in plain["supernet"].items():
        assert torch.equal(weight, watched["supernet"][name]), name


class AfterSteps(Observer):
    """Copies the weights once so many steps are taken."""

    def __init__(self, steps: int) -> None:
        self.left = steps
        self.hook: GradientWatcher | None = None
        self.weights: dict[str, Tensor] = {}

    def step(self) -> None:
        self.left -= 1
        if self.left == 0:
            assert self.hook is not None
            self.weights = {
                name: weight.detach().clone() for name, weight in self.hook._stage.supernet.named_parameters()
            }


class Shown(FirstOrderWatched):
    """Shows its hook to an observer."""

    observer: AfterSteps

    def attach(self, stage: StageAccess) -> StageHook:
        hook = super().attach(stage)
        assert isinstance(hook, GradientWatcher)
        self.observer.hook = hook
        return hook


@pytest.mark.parametrize("engine", ENGINES)
def test_the_weights_of_an_operation_that_rests_stay_while_alpha_and_the_others_learn(
    engine: type[ReferenceSupernet], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No cosine reaches 2, so all operations with weights rest after the first step, which is a whole window."""
    observer = AfterSteps(1)
    monkeypatch.setattr(Shown, "observer", observer, raising=False)
    after, epochs = searched(tmp_path, Shown(1, 2.0, "clean"), engine, observer)
    places = [place for place, names in untouched(tmp_path / "new", engine).named_by_op() if names]
    resting = {
        name for place, names in untouched(tmp_path / "new", engine).named_by_op() for name in names if place in places
    }
    assert [tuple(place) for place in after["resting"]] == sorted(places)
    assert epochs[0].figures["resting_operations"] == len(places)
    assert epochs[0].figures["resting_nor_conv_3x3"] == len(places) / 2
    for name, weight in observer.weights.items():
        assert torch.equal(weight, after["supernet"][name]) == (name in resting), name
    assert (after["alphas"]["cell"].abs() > 0.1).any()


@pytest.mark.parametrize("statistic", ["as-code", "clean"])
@pytest.mark.parametrize("at", [(1, 1), (2, 0)], ids=["within a window", "after an epoch"])
def test_a_search_that_is_stopped_and_resumed_stops_the_same_operations(
    statistic: Statistic, at: tuple[int, int], tmp_path: Path
) -> None:
    gradient = FirstOrderWatched(4, 0.75 if statistic == "as-code" else 0.05, statistic)
    whole, _ = searched(tmp_path / "whole", gradient)
    assert 0 < len(whole["resting"]) < 60, "choose another threshold, at which some rest"
    with pytest.raises(Stopped):
        searched(tmp_path / "cut", gradient, observer=StopAfter(*at))
    resumed, _ = searched(tmp_path / "cut", gradient)
    assert resumed["resting"] == whole["resting"]
    for name, weight in whole["supernet"].items():
        assert torch.equal(weight, resumed["supernet"][name]), name
    assert torch.equal(whole["alphas"]["cell"], resumed["alphas"]["cell"])


def test_no_operation_stops_while_alpha_rests(tmp_path: Path) -> None:
    saved, _ = searched(tmp_path, FirstOrderWatched(1, 2.0), warm_up=0.99)
    assert saved["resting"] == []


@pytest.mark.parametrize(("steps", "told"), [(20, "2 windows of 20 steps"), (30, "")])
def test_a_search_of_few_windows_is_told_before_it_begins(steps: int, told: str) -> None:
    search: Any = SimpleNamespace(stage_epochs=2, steps=steps)
    sentences = FirstOrderWatched().advice(search)
    assert [told in sentence for sentence in sentences] == ([True] if told else [])


def test_recipes_without_two_gradients_of_the_same_weights_are_refused() -> None:
    recipe = Recipe(gradient=FirstOrderWatched(), update=AdamUpdate())
    with pytest.raises(RecipeError, match="compares the gradients on two batches"):
        replace(recipe, images="same-batch")
    with pytest.raises(RecipeError, match="those of a hypernetwork"):
        replace(recipe, hypernetwork=DenseHypernetwork())


def test_the_method_compares_as_the_authors_code_does_over_twenty_steps() -> None:
    assert make_recipe("oles", {}).gradient == FirstOrderWatched(20, 0.4, "as-code")
