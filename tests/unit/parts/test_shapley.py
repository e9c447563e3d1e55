"""Shapley-NAS: alpha moves by what operations contribute to the accuracy of the supernet."""

from collections.abc import Mapping
from functools import partial
from itertools import pairwise, permutations
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

import dartboard.methods  # noqa: F401 - importing registers the methods
from dartboard.errors import RecipeError
from dartboard.parts import AdamUpdate, FirstOrder, HardGumbel, Recipe, SgdUpdate, ShapleyMoves, Softmax
from dartboard.parts.architecture import Architecture, StepGates
from dartboard.parts.recipe import initial_live, make_recipe
from dartboard.parts.rules.shapley import contributions, shapley_scores, standardized
from dartboard.parts.scoring import Scorer
from dartboard.runs import RunDirectory, SearchEpoch
from dartboard.space import get_space
from dartboard.testing import PLANTED, search_planted


def game(order: tuple[int, ...], worth: Any, stop: float = 0.0) -> list[float]:
    """The contributions in a game: `worth` of the set of the players that are present."""
    players = set(order)
    return contributions(order, lambda removed: worth(players - set(order[:removed])), worth(players), stop)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=6), st.randoms())
def test_where_players_add_up_each_contributes_what_it_adds(values: list[float], random: Any) -> None:
    order = tuple(random.sample(range(len(values)), len(values)))
    found = game(order, lambda present: sum(values[player] for player in present))
    assert found == pytest.approx(values)
    scores = shapley_scores(torch.tensor([found, values], dtype=torch.float64))
    torch.testing.assert_close(scores, torch.tensor(values, dtype=torch.float64), atol=1e-9, rtol=0)


def test_two_that_need_each_other_share_the_worth_and_their_scores_are_zero() -> None:
    """In either order the first that leaves takes all with it."""
    samples = torch.tensor([game(order, lambda present: float(len(present) == 2)) for order in permutations((0, 1))])
    assert samples.tolist() == [[1, 0], [0, 1]]
    assert samples.mean(dim=0).tolist() == [0.5, 0.5]
    assert shapley_scores(samples).tolist() == [0, 0]


def test_once_the_accuracy_is_below_the_share_the_others_are_not_tried() -> None:
    values, tried = (0.6, 0.2, 0.2), []

    def worth(present: set[int]) -> float:
        tried.append(len(present))
        return sum(values[player] for player in present)

    assert game((0, 1, 2), worth, stop=0.5) == pytest.approx([0.6, 0, 0])
    assert tried == [3, 2]


@given(st.permutations(range(5)), st.lists(st.floats(0, 1), min_size=32, max_size=32))
def test_the_contributions_of_a_whole_sample_are_the_accuracy_less_that_of_the_empty_net(
    order: list[int], values: list[float]
) -> None:
    found = game(tuple(order), lambda present: values[sum(1 << player for player in present)])
    assert sum(found) == pytest.approx(values[31] - values[0])


def test_scores_are_standardised_and_equal_ones_are_zero() -> None:
    scores = standardized(torch.tensor([1.0, 2.0, 6.0]))
    assert scores.mean().item() == pytest.approx(0, abs=1e-6)
    assert scores.std().item() == pytest.approx(1)
    assert standardized(torch.full((4,), 3.0)).tolist() == [0, 0, 0, 0]
    assert standardized(torch.tensor([3.0])).tolist() == [0]


def test_alpha_follows_the_moving_average_of_the_scores() -> None:
    """By hand: a score of 1 thrice from zero gives averages of 0.2, 0.36, 0.488 and alphas of 0.02, 0.056, 0.1048."""
    rule, alpha = ShapleyMoves(), torch.zeros(1, requires_grad=True)
    optimizer = SgdUpdate(0.1).optimizer({"cell": alpha}, {})
    average, averages, alphas = 0.0, [], []
    for _ in range(3):
        average = rule.momentum * average + (1 - rule.momentum) * 1.0
        alpha.grad = torch.tensor([-average])
        optimizer.step()
        averages.append(average)
        alphas.append(alpha.item())
    assert averages == pytest.approx([0.2, 0.36, 0.488])
    assert alphas == pytest.approx([0.02, 0.056, 0.1048])


@pytest.mark.parametrize(
    ("epochs", "moves", "wanted"),
    [(50, 25, list(range(25, 50))), (50, 5, [25, 30, 35, 40, 45]), (2, 25, [1]), (1, 9, [])],
)
def test_alpha_moves_in_the_second_half_evenly_spread(epochs: int, moves: int, wanted: list[int]) -> None:
    assert ShapleyMoves(moves=moves).due(epochs) == wanted


@pytest.mark.parametrize(("space", "players"), [("darts", 196), ("nas-bench-201", 30)])
def test_the_players_and_the_images_that_are_planned(space: str, players: int) -> None:
    recipe, found = make_recipe("shapley-nas", {}), get_space(space)
    architecture = Architecture.of(recipe, found, initial_live(recipe, found), torch.device("cpu"))
    assert recipe.rules[0].scored_images(architecture) == 25 * 10 * (players + 1) * 1024


def accuracies(folder: Path, rule: ShapleyMoves, epochs: int = 4) -> tuple[list[SearchEpoch], Mapping[str, Any]]:
    recipe = Recipe(relaxation=Softmax(), update=SgdUpdate(0.1), rules=(rule,))
    search_planted(PLANTED, recipe, folder, 0, epochs=epochs, steps=5)
    with RunDirectory(folder) as run:
        events = [event for event in run.events.read() if isinstance(event, SearchEpoch)]
        saved = run.load_checkpoint("search", "search")
    assert saved is not None
    return events, saved


def test_a_move_removes_operations_by_gates_of_zero_and_is_the_average_of_the_definition(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One order; the accuracies that the supernet gives, and alpha afterwards, step by step."""
    seen: list[tuple[StepGates, float]] = []
    right = Scorer.accuracy

    def looking(self: Scorer, drawn: StepGates, batch: Any) -> Tensor:
        found = right(self, drawn, batch)
        gates = {name: gate.clone() for name, gate in drawn.gates.items()}
        seen.append((StepGates(gates, drawn.active), found.item()))
        return found

    monkeypatch.setattr(Scorer, "accuracy", looking)
    rule = ShapleyMoves(samples=1, images=32, moves=1, stop=0.0)
    events, saved = accuracies(tmp_path, rule, epochs=2)
    gates = [drawn.gates["cell"] for drawn, _ in seen]
    assert len(seen) == 1 + 15
    for number, (before, after) in enumerate(pairwise(gates), start=1):
        assert int((after == 0).sum()) == number
        assert torch.equal(after[after != 0], before[after != 0])
    assert not gates[-1].any()
    found = torch.zeros(3, 5)
    for (one, accuracy), (two, without) in pairwise(seen):
        found[(one.gates["cell"] != 0) & (two.gates["cell"] == 0)] = accuracy - without
    assert events[0].figures["shapley_accuracy"] == seen[0][1]
    start = saved["records"]["shapley"]["cell"] - 0.2 * standardized(found.double()).float()
    assert start.abs().max() < 0.8 * 5e-3  # what is left of the start of the average
    assert saved["records"]["shapley"]["cell"].abs().max() > 0.1


def test_alpha_stays_before_the_first_move_and_between_moves(tmp_path: Path) -> None:
    events, saved = accuracies(tmp_path, ShapleyMoves(samples=2, images=32, moves=1))
    gates = [torch.tensor(event.gates["cell"]) for event in events]
    assert not torch.equal(gates[0], gates[1])  # the move before the third epoch comes after the second
    assert torch.equal(gates[1], gates[2])
    assert torch.equal(gates[2], gates[3])
    assert [name for event in events for name in event.figures] == ["shapley_accuracy", "shapley_removed"]
    assert set(saved["records"]["shapley"]) == {"cell"}


def test_as_many_images_and_the_same_or_others_are_taken_as_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The two batches of 32 images come by turns."""
    taken: list[Tensor] = []
    right = Scorer.accuracy

    def looking(self: Scorer, drawn: StepGates, batch: Any) -> Tensor:
        if not any(torch.equal(images, batch.images) for images in taken):
            taken.append(batch.images)
        return right(self, drawn, batch)

    monkeypatch.setattr(Scorer, "accuracy", looking)
    counts = []
    for images, same in ((32, False), (32, True), (33, True)):
        taken.clear()
        rule = ShapleyMoves(samples=2, images=images, moves=1, same_images=same)
        accuracies(tmp_path / f"{images}-{same}", rule, epochs=2)
        counts.append(len(taken))
    assert counts == [2, 1, 2]


def test_a_sample_ends_sooner_the_larger_the_share_that_must_be_left(tmp_path: Path) -> None:
    shares = []
    for stop in (0.0, 0.5, 0.99):
        events, _ = accuracies(tmp_path / str(stop), ShapleyMoves(images=64, stop=stop), epochs=2)
        shares.append(events[0].figures["shapley_removed"])
    assert shares[0] == 1
    assert 1 > shares[1] > shares[2] > 0  # type: ignore[operator]


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"relaxation": HardGumbel()}, "HardGumbel draws them"),
        ({"gradient": FirstOrder(), "update": AdamUpdate()}, "a gradient would move it as well"),
    ],
)
def test_recipes_that_move_or_run_otherwise_are_refused(parts: Mapping[str, Any], message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        partial(Recipe, update=SgdUpdate(0.1), rules=(ShapleyMoves(),))(**parts)


def test_the_method_has_the_numbers_of_the_paper() -> None:
    recipe = make_recipe("shapley-nas", {})
    assert recipe.rules == (ShapleyMoves(10, 1024, 25, 0.8, 0.5, 0.5, False),)
    assert recipe.update == SgdUpdate(0.1)
    assert recipe.mixing.channel_share == 4
    assert recipe.published == {"batch_size": 256, "weight_lr": 0.1, "weight_lr_min": 0.0}
