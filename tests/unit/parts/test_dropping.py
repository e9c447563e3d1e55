import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from dartboard.data import Batch
from dartboard.errors import RecipeError
from dartboard.parts import AdamUpdate, Dropping, EdgeSoftmax, FadingSkipDropout, GrowDropping, Recipe
from dartboard.parts.architecture import Architecture, all_live
from dartboard.parts.dropping import SeenBatch
from dartboard.parts.gradient.problem import Bilevel
from dartboard.parts.rules import EpochPlan, SearchView
from dartboard.parts.rules.protocol import Rule
from dartboard.space import get_space
from unit.engine.test_loop import DARTS, Linear, problem, search
from unit.engine.test_state import make_state

SPACE = get_space("darts")
CELLS = Architecture.of(Recipe(), SPACE, all_live(SPACE), torch.device("cpu")).cells


def batch(size: int = 400, height: int = 8, width: int = 10) -> Batch:
    return Batch(torch.ones(size, 3, height, width), torch.zeros(size, dtype=torch.int64))


def seen(dropping: Dropping, given: Batch, seed: int = 0) -> SeenBatch:
    return dropping(given, CELLS, torch.Generator().manual_seed(seed))


def test_nothing_dropped_leaves_batch_and_gates_and_draws_nothing() -> None:
    given, generator = batch(4), torch.Generator().manual_seed(0)
    before = generator.get_state()
    found = Dropping()(given, CELLS, generator)
    assert found.images is given.images
    assert found.gated({"normal": torch.ones(14, 8)}).keys() == {"normal"}
    assert torch.equal(generator.get_state(), before)


def test_paths_are_lost_with_their_chance_and_the_others_scaled_so_that_the_mean_stays() -> None:
    masks = seen(Dropping(paths=0.6), batch()).paths
    assert masks.keys() == {"normal", "reduce"}
    for mask in masks.values():
        assert mask.shape == (400, 14)
        assert mask.unique().tolist() == pytest.approx([0.0, 2.5])
        # 5600 draws: three standard deviations of their share are 0.02.
        assert (mask == 0).double().mean().item() == pytest.approx(0.6, abs=0.02)
    assert not torch.equal(masks["normal"], masks["reduce"])


def test_lost_paths_join_the_weights_of_edges() -> None:
    found = seen(Dropping(paths=0.5), batch(3))
    weights = torch.linspace(0.1, 1.4, 14)
    gates = {"normal": torch.ones(14, 8), "reduce": torch.ones(14, 8), "normal.edges": weights}
    gated = found.gated(gates)
    assert torch.equal(gated["normal.edges"], weights * found.paths["normal"])
    assert torch.equal(gated["reduce.edges"], found.paths["reduce"])
    assert "reduce.edges" not in gates


def holes(images: Tensor) -> Tensor:
    """Blank pixels of every image, which has no channel that differs."""
    blank = images == 0
    assert (blank == blank[:, :1]).all()
    return blank[:, 0].flatten(1).sum(dim=1)


def test_squares_are_lost_with_their_chance_in_half_the_shorter_side() -> None:
    found = seen(Dropping(squares=0.25), batch())
    counts = holes(found.images)
    assert int(counts.max()) == 16
    assert int(counts[counts > 0].min()) >= 4, "a centre in the corner leaves a quarter"
    # 400 draws: three standard deviations of their share are 0.065.
    assert (counts > 0).double().mean().item() == pytest.approx(0.25, abs=0.065)
    assert (holes(seen(Dropping(squares=1.0), batch()).images) > 0).all()


def test_a_square_grows_with_its_side() -> None:
    assert int(holes(seen(Dropping(squares=1.0, side=0.25), batch()).images).max()) == 4


@pytest.mark.parametrize("paths", [1.0, -0.1])
def test_a_chance_that_leaves_no_network_is_refused(paths: float) -> None:
    with pytest.raises(RecipeError, match="choose a chance of at least 0 and below 1"):
        Dropping(paths=paths)


def test_both_chances_grow_linearly_from_nothing_to_what_is_asked_for() -> None:
    state = make_state(0)
    found = []
    for epoch in range(5):
        state.epoch = epoch
        state.plan_epoch([GrowDropping(Dropping(0.4, 1.0, 0.3))])
        found.append(state.plan.dropping)
    assert [dropping.paths for dropping in found] == pytest.approx([0.0, 0.1, 0.2, 0.3, 0.4])
    assert [dropping.squares for dropping in found] == pytest.approx([0.0, 0.25, 0.5, 0.75, 1.0])
    assert {dropping.side for dropping in found} == {0.3}


def test_a_stage_of_one_epoch_drops_nothing() -> None:
    state = make_state(0)
    state.span = (0, 1)
    state.plan_epoch([GrowDropping(Dropping(0.4, 1.0))])
    assert state.plan.dropping == Dropping(0.0, 0.0)


def test_an_edge_softmax_has_weights_for_lost_paths_to_join() -> None:
    architecture = Architecture.of(Recipe(edges=EdgeSoftmax()), SPACE, all_live(SPACE), torch.device("cpu"))
    alphas = architecture.initial_alphas(torch.Generator().manual_seed(0))
    gates = architecture.draw(alphas, torch.Generator(), of_alpha=True).gates
    gated = seen(Dropping(paths=0.2), batch(5)).gated(gates)
    assert gated["normal.edges"].shape == (5, 14)


def test_the_batches_of_both_steps_lose_what_a_rule_says_and_validation_loses_nothing(tmp_path: Path) -> None:
    class Watching(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner, self.seen = Linear(), []

        def forward(self, images: Tensor, gates: Mapping[str, Tensor]) -> Tensor:
            self.seen.append((gates.get("cell.edges"), (images == 0).any().item()))
            return self.inner(images, gates)

    class Drop(Rule):
        def before_epoch(self, _search: SearchView, plan: EpochPlan) -> EpochPlan:
            return replace(plan, dropping=Dropping(0.5, 1.0, 0.5))

    watching = Watching()
    search(tmp_path, problem(steps=1, supernet=watching), replace(DARTS, rules=(Drop(),)), epochs=1)
    alpha, weights, *validation = watching.seen
    for edges, blanked in (alpha, weights):
        assert edges is not None
        assert edges.shape == (5, 6)
        assert blanked
    assert not torch.equal(alpha[0], weights[0])
    assert validation == [(None, False)] * 2


def test_every_loss_on_a_batch_sees_the_same_paths(tmp_path: Path) -> None:
    """Or a difference of two losses would be one of two networks."""
    found: list[bool] = []

    class Twice:
        def __call__(self, given: Bilevel) -> dict[str, Tensor]:
            for loss in (given.train_loss, given.validation_loss):
                found.append(torch.equal(loss(given.weights, given.alphas), loss(given.weights, given.alphas)))
            return {kind: torch.zeros_like(alpha) for kind, alpha in given.alphas.items()}

    class Edgy(Linear):
        def forward(self, images: Tensor, gates: Mapping[str, Tensor]) -> Tensor:
            edges = gates.get("cell.edges", torch.ones(1, 6))
            return super().forward(images, gates) * (1 + edges.cumsum(dim=1)[:, -1:])

    class Drop(Rule):
        def before_epoch(self, _search: SearchView, plan: EpochPlan) -> EpochPlan:
            return replace(plan, dropping=Dropping(0.5, 0.0))

    recipe = Recipe(gradient=Twice(), update=AdamUpdate(), rules=(Drop(),))
    search(tmp_path, problem(supernet=Edgy()), recipe, epochs=1)
    assert found == [True] * 6


def test_the_rules_for_paths_and_for_values_leave_each_other_alone() -> None:
    state = make_state(0)
    state.span, state.epoch = (0, 10), 9
    grow, fade = GrowDropping(Dropping(0.4, 1.0, 0.3)), FadingSkipDropout(start=0.5, resting=0.0)
    state.plan_epoch([grow, fade])
    assert state.plan.dropping == Dropping(0.4, 1.0, 0.3, values=pytest.approx(0.5 * math.exp(-4.5)))
    state.plan_epoch([grow])
    assert state.plan.dropping.values > 0


def test_every_batch_drops_other_values() -> None:
    generator = torch.Generator().manual_seed(0)
    first, second = (Dropping(values=0.3)(batch(4), CELLS, generator).values for _ in range(2))
    assert first is not None
    assert second is not None
    assert first.probability == second.probability == 0.3
    assert first.seed != second.seed
    assert seen(Dropping(paths=0.5), batch(4)).values is None
