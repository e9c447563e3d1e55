from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

import dartboard.methods  # noqa: F401 - importing registers the methods
from dartboard.engine import SearchSettings
from dartboard.engine.rates import AlphaRate, alpha_rate
from dartboard.engine.stage import StageSearch
from dartboard.parts import AdamUpdate, FirstOrder, Recipe, SgdUpdate, SparseAlpha, WarmUp
from dartboard.parts.architecture import Architecture
from dartboard.parts.fits import does_fit
from dartboard.parts.recipe import METHODS, initial_live, make_recipe
from dartboard.parts.update import rate_for_length
from dartboard.runs import Length, RunDirectory, make_generator
from dartboard.session.rates import alpha_rates, idle_rules
from dartboard.session.search import search_recipe
from dartboard.settings import RunSettings, resolve_settings
from dartboard.space import get_space
from dartboard.testing.small import open_small, small_space_registered
from dartboard.workflow import announce

from .test_loop import DARTS, problem, search

LEARNING = [entry.name for entry in METHODS if make_recipe(entry.name, {}).stages[0].recipe.update]
RATES = {"darts": 3e-4, "pc-darts": 6e-4, "fair-darts": 3e-3, "single-darts": 3e-4, "p-darts": 6e-4}


def asked(name: str, **layers: object) -> RunSettings:
    """Settings of a search by a method in NAS-Bench-201, or in the space of DARTS where it does not fit there."""
    space = next(each for each in ("nas-bench-201", "darts") if does_fit(make_recipe(name, {}), get_space(each)))
    return resolve_settings({"preset": "darts-cifar", "space": space, "method.name": name, **layers})


def rates(name: str, epochs: int, steps: int, **layers: object) -> list[AlphaRate]:
    """The rate of every stage in a search of so many epochs of so many steps."""
    chosen = asked(name, **layers)
    stages = search_recipe(chosen).stages
    each = (alpha_rate(s.recipe, chosen.search.alpha_lr_factor, round(epochs * s.share), steps) for s in stages)
    return [rate for rate in each if rate]


@pytest.mark.parametrize(
    ("published", "own", "wanted"),
    [(3e-4, 19_550, 9.384e-3), (6e-4, 3_430, 3.2928e-3), (3e-3, 9_800, 0.012), (3e-4, 39_100, 0.012), (0.1, 10, 0.1)],
)
def test_the_rate_of_625_steps(published: float, own: int, wanted: float) -> None:
    assert rate_for_length(published, own, 625) == pytest.approx(wanted, rel=1e-12)
    assert rate_for_length(published, own, own) == published


@given(st.floats(1e-5, 0.5), st.integers(1, 10**6), st.integers(0, 10**6))
def test_a_rate_is_never_below_the_published_one_and_raised_to_0_012_at_most(rate: float, own: int, steps: int) -> None:
    found = rate_for_length(rate, own, steps)
    assert rate <= found <= max(rate, 0.012)
    assert rate_for_length(rate, own, steps + 1) <= found, "fewer steps never have a lower rate"


@pytest.mark.parametrize("name", LEARNING)
def test_a_search_of_the_published_length_has_the_published_rate(name: str) -> None:
    """On CIFAR-10, where a last batch is left out and some images are set aside."""
    chosen = asked(name).search
    assert chosen.epochs is not None
    images = 48_000 if make_recipe(name, asked(name).method.options).stages[-1].recipe.images != "halves" else 25_000
    for rate in rates(name, chosen.epochs, images // chosen.batch_size):
        assert rate.rate == rate.published


@pytest.mark.parametrize("name", LEARNING)
def test_a_short_search_moves_alpha_as_far_unless_that_takes_more_than_0_012(name: str) -> None:
    for rate in rates(name, 25, 25):
        if rate.published_steps is None:
            assert rate.rate == rate.published
        else:
            reach, published = rate.rate * rate.steps, rate.published * rate.published_steps
            assert reach == pytest.approx(min(published, 0.012 * rate.steps))


def test_rates_of_other_kinds_stay_as_they_are() -> None:
    assert [rate.rate for rate in rates("gaea", 25, 25)] == [0.1]
    assert [rate.rate for rate in rates("enas", 25, 25)] == [1e-3]
    sgd = {"method.options": {"update": "sgd"}}
    (rate,) = rates("single-darts", 25, 25, **sgd)
    assert (rate.rate, rate.published_steps) == (rate.published, None)


def test_a_rate_that_the_user_gives_is_taken_as_it_is() -> None:
    (given_rate,) = rates("darts", 25, 25, **{"method.options": {"alpha_lr": 1e-3}})
    assert given_rate.rate == 1e-3
    (multiplied,) = rates("darts", 25, 25, **{"search.alpha_lr_factor": 2.0})
    assert multiplied.rate == pytest.approx(6e-4)
    both = {"method.options": {"alpha_lr": 1e-3}, "search.alpha_lr_factor": 2.0}
    assert rates("darts", 25, 25, **both)[0].rate == 2e-3


@settings(max_examples=50)
@given(st.integers(1, 60), st.integers(1, 40), st.floats(0, 0.9), st.integers(1, 6))
def test_the_steps_of_alpha_are_those_that_are_planned(epochs: int, steps: int, fraction: float, every: int) -> None:
    recipe = replace(DARTS, rules=(WarmUp(0.99), WarmUp(fraction), SparseAlpha(every)))
    learning = sum(epoch >= fraction * epochs for epoch in range(epochs))
    assert recipe.alpha_steps(epochs, steps) == learning * len(range(0, steps, every))
    assert Recipe().alpha_steps(epochs, steps) == 0


def test_the_optimiser_of_alpha_has_the_rate(tmp_path: Path) -> None:
    def begun(factor: float | None = None, recipe: Recipe = DARTS) -> float:
        chosen, live = SearchSettings(alpha_lr_factor=factor), initial_live(DARTS, get_space("nas-bench-201"))
        stage = StageSearch(problem(), recipe, chosen, 0, (0, 50), Length(50, 3), 0, live)
        optimizer = stage.state.alpha_optimizer
        assert optimizer is not None
        return optimizer.param_groups[0]["lr"]

    assert begun() == 0.012
    assert begun(factor=2.0) == pytest.approx(6e-4)
    assert begun(recipe=replace(DARTS, published_steps=300)) == pytest.approx(6e-4), "300 steps in place of 150"
    assert begun(recipe=replace(DARTS, update=SgdUpdate(lr=0.1))) == 0.1
    _, short = search(tmp_path / "short", problem())
    given_rate = replace(DARTS, update=AdamUpdate(lr=0.012))
    _, same = search(tmp_path / "same", problem(), given_rate, settings=SearchSettings(alpha_lr_factor=1.0))
    assert [event.gates for event in short] == [event.gates for event in same]


def gates_after(name: str, steps: int, gradient: Callable[[Tensor, torch.Generator], Tensor]) -> tuple[Tensor, Tensor]:
    """The gates of a method before and after so many made-up gradients of alpha, at the rate of 625 steps."""
    chosen = asked(name)
    recipe, space = search_recipe(chosen).stages[0].recipe, get_space(chosen.space)
    architecture = Architecture.of(recipe, space, initial_live(recipe, space), torch.device("cpu"))
    alphas = {key: alpha.requires_grad_() for key, alpha in architecture.initial_alphas(make_generator(0)).items()}
    kind = space.cell_kinds[0]
    assert recipe.update is not None
    optimizer = recipe.update.optimizer(alphas, architecture.cells)
    (rate, *_) = rates(name, 25, 25)
    for group in optimizer.param_groups:
        group["lr"] = rate.rate
    generator, before = make_generator(1), architecture.mean_gates(alphas)[kind].detach().clone()
    for _ in range(steps):
        for alpha in alphas.values():
            alpha.grad = gradient(alpha, generator)
        optimizer.step()
    return before, architecture.mean_gates(alphas)[kind].detach()


@pytest.mark.parametrize("name", LEARNING)
def test_no_gate_is_driven_to_an_end_within_40_steps_without_a_signal(name: str) -> None:
    """With gradients of noise of 0.3; at 40 times its own rate, which is 4, GAEA would be at an end."""
    before, after = gates_after(name, 40, lambda alpha, generator: 0.3 * torch.randn(alpha.shape, generator=generator))
    assert not torch.equal(before, after)
    assert (after - before).abs().max() < 0.3
    assert after.max() < max(0.8, float(before.max()) + 0.3)


@pytest.mark.parametrize("name", ["darts", "single-darts", "fair-darts", "pc-darts", "drnas", "gdas", "gaea"])
def test_a_signal_leaves_the_start_within_a_short_search(name: str) -> None:
    def favours_one(alpha: Tensor, _generator: torch.Generator) -> Tensor:
        gradient = torch.full(alpha.shape, 0.01)
        if alpha.ndim == 2:
            gradient[:, 2] = -0.03
        return gradient

    before, after = gates_after(name, 400, favours_one)
    others = [column for column in range(after.shape[1]) if column != 2]
    assert (after[:, 2] > 1.3 * before[:, 2]).all()
    assert (after[:, 2:3] > after[:, others]).all()


def zero_one(alpha: Tensor) -> Tensor:
    """The gradient of 10 times the zero-one loss of Fair DARTS: -(2 / N) (gate - 1/2) gate (1 - gate)."""
    gates = torch.sigmoid(alpha)
    return -10 * 2 / alpha.numel() * (gates - 0.5) * gates * (1 - gates)


@pytest.mark.parametrize(("rate", "steps", "ends"), [(0.012, 500, False), (0.12, 40, True)])
def test_the_gates_of_fair_darts_stay_open_without_a_signal_at_the_rate_of_short_searches(
    rate: float, steps: int, ends: bool
) -> None:
    """196 gates from one half, gradients of noise of 0.001, the zero-one loss and the decay."""
    update = make_recipe("fair-darts", {}).update
    assert isinstance(update, AdamUpdate)
    alpha, generator = torch.zeros(28, 7, requires_grad=True), make_generator(0)
    optimizer = replace(update, lr=rate).optimizer({"normal": alpha}, {})
    for _ in range(steps):
        alpha.grad = 1e-3 * torch.randn(alpha.shape, generator=generator) + zero_one(alpha.detach())
        optimizer.step()
    gates = torch.sigmoid(alpha.detach())
    outside = float(((gates < 0.05) | (gates > 0.95)).float().mean())
    assert (outside > 0.5) == ends
    assert outside == 0 or ends


@pytest.mark.parametrize(("name", "wanted"), RATES.items())
def test_no_method_has_another_rate_by_itself(name: str, wanted: float) -> None:
    assert {rate.published for rate in rates(name, 50, 500)} == {wanted}


def test_the_announcement_tells_rate_steps_and_what_was_published(tmp_path: Path) -> None:
    with small_space_registered(), RunDirectory(tmp_path) as run:
        session = open_small(run, {"method.name": "pc-darts", "search.epochs": 4, "search.batch_size": 4})
        told = announce(session, ("search",))
        (rate,) = alpha_rates(session)
        assert rate.steps == 2 * (len(session.splits.weights) // 4), "alpha rests in the first 2 of 4 epochs"
        assert told["rate of alpha"] == f"0.012 in {rate.steps} steps (published: 0.0006 in 3,430 steps)"
        assert told["not as published"] == "search.batch_size 4 for 256 (your settings)"
        mine = open_small(run, {"method.name": "pc-darts", "search.epochs": 4, "method.options.alpha_lr": 0.05})
        assert announce(mine, ("search",))["rate of alpha"].startswith("0.05 in ")
        assert announce(mine, ("search",))["rate of alpha"].endswith("(published: 0.0006 in 3,430 steps)")
        simplex = open_small(run, {"method.name": "gaea", "search.epochs": 4})
        assert announce(simplex, ("search",))["rate of alpha"].startswith("0.1 in ")
        assert announce(simplex, ("search",))["rate of alpha"].endswith("steps (published)")


def test_what_cannot_act_in_so_few_epochs_is_said_before_the_run_starts(tmp_path: Path) -> None:
    with small_space_registered(), RunDirectory(tmp_path) as run:
        session = open_small(run, {"method.name": "robust-darts", "search.epochs": 4})
        assert "cannot tell a rise" in announce(session, ("search",))["cannot act"]
        staged = open_small(run, {"method.name": "p-darts", "search.epochs": 3})
        assert idle_rules(staged)[0] == "stage 1 of 3: the weights learn alone in all 1 epoch, so alpha never moves"
        assert idle_rules(open_small(run, {"method.name": "robust-darts", "search.epochs": 10})) == ()


def test_the_rate_of_a_stage_without_alpha_is_none() -> None:
    assert alpha_rate(Recipe(), None, 10, 10) is None
    resting = Recipe(gradient=FirstOrder(), update=AdamUpdate(), rules=(WarmUp(0.99),))
    rate = alpha_rate(resting, None, 1, 5)
    assert rate is not None
    assert (rate.rate, rate.steps) == (3e-4, 0)
