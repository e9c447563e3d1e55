"""Flooding: the loss of the weights is turned round below a level, and the record keeps the plain loss."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

import dartboard.methods  # noqa: F401 - importing registers the methods
from dartboard.errors import RecipeError
from dartboard.parts import AdamUpdate, BetaDecay, FirstOrder, Flooding, Recipe, Unrolled
from dartboard.parts.gradient import Bilevel, Gradient, differentiate
from dartboard.parts.penalties import WeightGradients, WeightStep
from dartboard.parts.recipe import make_recipe
from dartboard.runs import Event, Observer, RunDirectory, SearchEpoch
from dartboard.testing import PLANTED, MethodCase, search_planted, search_small

RECIPE = Recipe(gradient=FirstOrder(), update=AdamUpdate(lr=0.03))
ALWAYS, NEVER = 100.0, 0.0


def epochs_of(folder: Path, recipe: Recipe, epochs: int = 1) -> list[dict[str, Any]]:
    """The events of a planted search, without what differs from run to run."""
    search_planted(PLANTED, recipe, folder, 0, epochs=epochs, steps=3)
    with RunDirectory(folder) as run:
        events = [event.to_json() for event in run.events.read() if isinstance(event, SearchEpoch)]
    return [{name: value for name, value in event.items() if name not in ("seconds", "time")} for event in events]


@pytest.mark.parametrize(("loss", "value", "factor"), [(0.5, 0.5, 1), (0.2, 0.2, 1), (0.1, 0.3, -1)])
def test_a_loss_below_the_level_is_turned_round(loss: float, value: float, factor: float) -> None:
    plain = torch.tensor(loss, dtype=torch.float64, requires_grad=True)
    flooded = Flooding(0.2).join_weights(plain)
    assert flooded.item() == pytest.approx(value)
    (slope,) = torch.autograd.grad(flooded, [plain])
    assert slope.item() == factor


def test_descent_bounces_around_the_level() -> None:
    """By hand: w^2 / 2 with a level of 0.5 and a rate of 0.1 falls to w = 1 and turns round there."""
    w, path = torch.tensor(2.0, dtype=torch.float64), []
    for _ in range(10):
        path.append(w.item())
        leaf = w.clone().requires_grad_()
        w = w - 0.1 * differentiate(Flooding(0.5).join_weights(leaf.square() / 2), {"w": leaf})["w"]
    wanted = [2, 1.8, 1.62, 1.458, 1.3122, 1.18098, 1.062882, 0.956594, 1.052253, 0.947028]
    assert path == pytest.approx(wanted, abs=1e-6)


def test_a_level_of_zero_is_the_search_without_a_flood_bit_for_bit(tmp_path: Path) -> None:
    plain = epochs_of(tmp_path / "plain", RECIPE, 2)
    (*_, last) = flooded = epochs_of(tmp_path / "flooded", replace(RECIPE, weight_penalties=(Flooding(NEVER),)), 2)
    assert last.pop("flooded_batches") == 0
    assert [{**event, "flooded_batches": None} for event in flooded] == [
        {**event, "flooded_batches": None} for event in plain
    ]


def test_the_record_has_the_plain_loss_and_the_share_of_flooded_batches(tmp_path: Path) -> None:
    """The first step sees the same loss with and without a flood, and goes the other way after it."""
    penalties = (Flooding(ALWAYS),)
    search_planted(PLANTED, RECIPE, tmp_path / "plain", 0, epochs=1, steps=1)
    search_planted(PLANTED, replace(RECIPE, weight_penalties=penalties), tmp_path / "flooded", 0, epochs=1, steps=1)
    events: list[list[Event]] = []
    saved = []
    for name in ("plain", "flooded"):
        with RunDirectory(tmp_path / name) as run:
            events.append([event for event in run.events.read() if isinstance(event, SearchEpoch)])
            state = run.load_checkpoint("search", "search")
            assert state is not None
            saved.append(state["supernet"]["shift"])
    (plain,), (flooded,) = events
    assert isinstance(plain, SearchEpoch)
    assert isinstance(flooded, SearchEpoch)
    assert flooded.weight_loss == plain.weight_loss
    assert flooded.figures == {"flooded_batches": 1.0}
    torch.testing.assert_close(saved[1], -saved[0], rtol=1e-2, atol=1e-6)  # decay is not turned round


def test_virtual_steps_go_down_the_flooded_loss_and_alpha_does_not_see_it(tmp_path: Path) -> None:
    seen: list[tuple[Tensor, Tensor]] = []

    class Asking(Gradient):
        def __call__(self, problem: Bilevel) -> dict[str, Tensor]:
            given = problem.weights, problem.alphas
            assert problem.next_train_loss is not None
            seen.append((problem.train_loss(*given).detach(), problem.next_train_loss()(*given).detach()))
            seen.append((problem.validation_loss(*given).detach(),) * 2)
            return FirstOrder()(problem)

    recipe = replace(RECIPE, gradient=Asking(), weight_penalties=(Flooding(ALWAYS),))
    search_planted(PLANTED, recipe, tmp_path, 0, epochs=1, steps=1)
    (virtual, further), (validation, _) = seen
    assert min(virtual, further) > ALWAYS  # twice the level less a loss of a few nats
    assert 0 < validation < 10


def test_a_second_order_gradient_feels_the_flood(tmp_path: Path) -> None:
    recipe = replace(RECIPE, gradient=Unrolled("exact"))
    plain = epochs_of(tmp_path / "plain", recipe)
    flooded = epochs_of(tmp_path / "flooded", replace(recipe, weight_penalties=(Flooding(ALWAYS),)))
    assert plain[0]["gates"] != flooded[0]["gates"]


@pytest.mark.parametrize(
    ("level", "share", "told"),
    [(0.1, 0.0, "the flood had no effect there"), (0.1, 0.25, "25% of the training batches"), (0.0, 0.0, "")],
)
def test_the_run_says_what_the_flood_did(level: float, share: float, told: str) -> None:
    remark = Flooding(level).remark({"flooded_batches": share})
    assert told in remark
    assert bool(told) == bool(remark)
    assert Flooding(level).remark({}) == ""


@pytest.mark.usefixtures("small_space")
def test_a_short_search_with_beta_darts_plus_plus_says_that_its_flood_had_no_effect(tmp_path: Path) -> None:
    class Noting(Observer):
        notes: list[str]

        def note(self, sentence: str) -> None:
            self.notes.append(sentence)

    observer = Noting()
    observer.notes = []
    search_small(tmp_path, MethodCase("beta-darts-plus-plus"), observer=observer)
    assert [note for note in observer.notes if "flood had no effect" in note]


def test_the_method_is_beta_darts_with_a_flood() -> None:
    recipe = make_recipe("beta-darts-plus-plus", {})
    assert recipe.weight_penalties == (Flooding(0.1),)
    assert recipe.penalties == (BetaDecay(25.0),)
    assert make_recipe("beta-darts-plus-plus", {"flood": 0}) == make_recipe("beta-darts", {})


def test_what_joins_the_loss_of_the_weights_alone_is_refused_where_alpha_shares_it() -> None:
    with pytest.raises(RecipeError, match="Flooding joins the loss of the weights only"):
        replace(RECIPE, images="same-batch", weight_penalties=(Flooding(0.1),))


def test_two_penalties_that_make_the_gradient_are_refused() -> None:
    class Making:
        def weight_gradients(self, step: WeightStep) -> WeightGradients:
            return WeightGradients(dict.fromkeys(step.weights), {})

    with pytest.raises(RecipeError, match="cannot both make the gradient"):
        replace(RECIPE, weight_penalties=(Making(), Making()))
