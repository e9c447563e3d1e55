"""Two networks that learn from each other: their loss, who moves when, and what the deep one runs."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from dartboard.data import Batch
from dartboard.engine import SearchBatches, SearchProblem, SearchSettings, SupernetRequest, run_search
from dartboard.engine.state import SearchState
from dartboard.errors import RecipeError
from dartboard.parts import AdamUpdate, Distillation, FadingMagnitude, FirstOrder, Recipe, SgdUpdate, Unrolled, WarmUp
from dartboard.parts.companions import Companion, CompanionNetwork, output_divergence
from dartboard.parts.recipe import make_recipe
from dartboard.parts.relaxation.protocol import RelaxedCell
from dartboard.parts.rules import EpochPlan
from dartboard.parts.rules.protocol import Rule
from dartboard.runs import Length, Observer, RunDirectory
from dartboard.space import get_space
from dartboard.supernet import FusedSupernet, Mixing, ReferenceSupernet, SupernetSpec
from dartboard.testing import PLANTED, PlantedBatches, PlantedSupernet
from unit.engine.test_loop import Fixed

CPU = torch.device("cpu")
TOGETHER = Recipe(companion=Distillation(), gradient=FirstOrder(), update=SgdUpdate(lr=0.1))


def test_equal_outputs_do_not_diverge_and_others_do_by_the_mean_over_all_numbers() -> None:
    """One row of shares (1/4, 3/4) against (1/2, 1/2): the sum over the row is 0.1308 nats, over two numbers."""
    deep = torch.tensor([[0.0, math.log(3)]], dtype=torch.float64)
    assert output_divergence(deep, deep.clone(), 2.0).item() == 0
    even = torch.zeros(1, 2, dtype=torch.float64)
    expected = (0.25 * math.log(0.5) + 0.75 * math.log(1.5)) / 2
    assert output_divergence(even, deep, 1.0).item() == pytest.approx(expected, abs=1e-12)
    assert output_divergence(even, 2 * deep, 2.0).item() == pytest.approx(expected, abs=1e-12)
    assert output_divergence(deep, even, 1.0).item() != pytest.approx(expected, abs=1e-3), "it has a direction"


class Constant(nn.Module):
    """A network whose logits are a map, with a head that doubles it."""

    def make_heads(self) -> list[nn.Module]:
        head = nn.Linear(2, 2, bias=False)
        with torch.no_grad():
            head.weight.copy_(2 * torch.eye(2))
        return [head]


def joint_loss(searched: Tensor, deep: Tensor, **part: float) -> Tensor:
    companion = CompanionNetwork(Distillation(**part), Constant(), Constant())  # type: ignore[arg-type]
    return companion.joint_loss((searched, [searched]), (deep, [deep]), torch.tensor([0]))


def test_the_joint_loss_of_equal_networks_is_their_cross_entropy_over_the_weight() -> None:
    even = torch.zeros(1, 2)
    assert joint_loss(even, even).item() == pytest.approx(2 * math.log(2))
    assert joint_loss(even, even, weight=4.0).item() == pytest.approx(math.log(2) / 2)


def test_the_joint_loss_compares_all_outputs_each_times_its_share_and_both_networks_hear_of_it() -> None:
    searched, deep = torch.tensor([[0.3, -0.2]], requires_grad=True), torch.tensor([[-0.4, 1.0]], requires_grad=True)
    # The head doubles the logits; both outputs have a share of one half.
    outputs = [torch.cat([each, 0.5 * each]) for each in (searched, deep)]
    own = sum(nn.functional.cross_entropy(each, torch.tensor([0])) for each in (searched, deep))
    expected = own / 2 + 3.0**2 * 2 * output_divergence(outputs[0], outputs[1], 3.0)
    found = joint_loss(searched, deep, weight=2.0, temperature=3.0)
    torch.testing.assert_close(found, expected)
    slopes, wanted = (torch.autograd.grad(value, [searched, deep]) for value in (found, expected))
    torch.testing.assert_close(slopes, wanted)
    (alone,) = torch.autograd.grad(nn.functional.cross_entropy(deep, torch.tensor([0])) / 2, [deep])
    assert not torch.allclose(slopes[1], alone), "the divergence reaches the deep network too"


@dataclass(frozen=True)
class Look(Rule):
    """Calls back around every epoch."""

    look: Callable[[SearchState], None]

    def before_epoch(self, search: SearchState, plan: EpochPlan) -> EpochPlan:
        self.look(search)
        return plan

    def after_epoch(self, search: SearchState) -> None:
        self.look(search)


def companion_of(state: SearchState) -> Companion:
    (hook,) = state.hooks
    assert isinstance(hook, Companion)
    return hook


def movements(folder: Path, recipe: Recipe, settings: SearchSettings, epochs: int = 1) -> list[tuple[bool, bool, bool]]:
    """For every epoch, whether supernet, companion and alpha moved."""
    seen: list[list[list[Tensor]]] = []

    def look(state: SearchState) -> None:
        parts = (state.supernet.parameters(), companion_of(state).network.parameters(), state.alphas.values())
        seen.append([[tensor.detach().clone() for tensor in part] for part in parts])

    given = SearchBatches(*[PlantedBatches(PLANTED, 3)] * 3)
    problem = SearchProblem(PLANTED.space, lambda _: PlantedSupernet(PLANTED), lambda _: given, CPU)
    watched = replace(recipe, rules=(*recipe.rules, Look(look)))
    with RunDirectory(folder) as run:
        run_search(problem, watched, settings, run, length=Length(epochs, 3), seed=0, observer=Observer())
    pairs = zip(seen[::2], seen[1::2], strict=True)
    return [
        tuple(any(not torch.equal(*each) for each in zip(*parts, strict=True)) for parts in zip(*pair, strict=True))
        for pair in pairs
    ]  # type: ignore[misc]


def test_the_step_of_alpha_moves_the_deep_network_and_not_the_supernet(tmp_path: Path) -> None:
    frozen = SearchSettings(weight_lr=0.0, weight_lr_min=0.0)
    assert movements(tmp_path, TOGETHER, frozen) == [(False, True, True)]


def test_the_step_of_the_weights_moves_neither_alpha_nor_the_deep_network(tmp_path: Path) -> None:
    resting = replace(TOGETHER, companion=Distillation(lr=0.0), update=SgdUpdate(lr=0.0))
    assert movements(tmp_path, resting, SearchSettings(weight_lr_min=0.0)) == [(True, False, False)]


def test_until_alpha_learns_the_deep_network_rests(tmp_path: Path) -> None:
    warm = replace(TOGETHER, rules=(WarmUp(0.5),))
    assert movements(tmp_path, warm, SearchSettings(), epochs=2) == [(True, False, False), (True, True, True)]


def test_the_penalty_falls_from_five_to_zero_in_a_fifth_of_the_epochs_after_the_warm_up() -> None:
    (penalty,) = make_recipe("cdarts", {}).penalties
    assert isinstance(penalty, FadingMagnitude)
    factors = [penalty.factor(epoch / 32) for epoch in (0, 2, 5, 7, 8, 31)]
    assert factors == pytest.approx([5, 5, 2.5, 5 / 6, 0, 0])
    assert FadingMagnitude(1.0, start=0.0, end=0.2).factor(0.1) == pytest.approx(0.5)


def test_the_penalty_sums_the_size_of_poolings_and_skip_connections_that_are_live() -> None:
    space = get_space("darts")
    live = torch.ones(14, 8, dtype=torch.bool)
    live[0] = False
    alpha = torch.randn(14, 8, generator=torch.Generator().manual_seed(0), requires_grad=True)
    cells = {kind: RelaxedCell(kind, space.cell, space.ops, live) for kind in space.cell_kinds}
    held = [space.ops.index(name) for name in ("max_pool_3x3", "avg_pool_3x3", "skip_connect")]
    value = FadingMagnitude()(dict.fromkeys(space.cell_kinds, alpha), cells, 0.0)
    assert value.item() == pytest.approx(5 * 2 * alpha[1:, held].abs().sum().item(), rel=1e-5)
    (slope,) = torch.autograd.grad(value, [alpha])
    expected = torch.zeros(14, 8)
    expected[1:, held] = 10 * alpha[1:, held].sign()
    torch.testing.assert_close(slope, expected)


@pytest.mark.parametrize("name", ["darts", "nas-bench-201"])
def test_both_engines_give_the_maps_within_beside_the_same_logits_and_heads_take_them(name: str) -> None:
    space = get_space(name)
    plan = space.plan(in_channels=3, num_classes=4, init_channels=4, layers=3)
    found = []
    for engine in (ReferenceSupernet, FusedSupernet):
        torch.manual_seed(0)
        supernet = engine(SupernetSpec(space, plan))
        gates = {kind: torch.full(space.alpha_shape, 0.2) for kind in space.cell_kinds}
        images = torch.randn(2, 3, 16, 16, generator=torch.Generator().manual_seed(1))
        logits, maps = supernet.tapped(images, gates)
        torch.testing.assert_close(logits, supernet(images, gates))
        assert [head(each).shape for head, each in zip(supernet.make_heads(), maps, strict=True)] == [(2, 4)] * 2
        found.append((logits, maps))
    # Two orders of summation in float32.
    torch.testing.assert_close(found[0], found[1], rtol=1e-3, atol=1e-4)


def test_beside_eight_cells_the_deep_network_has_twenty() -> None:
    assert get_space("darts").skeleton.deepen(8, Distillation().deeper) == 20


def test_the_deep_network_runs_only_the_architecture_found_so_far(tmp_path: Path) -> None:
    space, made = get_space("nas-bench-201"), []

    def make_supernet(request: SupernetRequest) -> nn.Module:
        layers = space.skeleton.deepen(1, request.deeper)
        plan = space.plan(in_channels=1, num_classes=3, init_channels=4, layers=layers)
        torch.manual_seed(0)
        made.append(FusedSupernet(SupernetSpec(space, plan)))
        return made[-1]

    def look(state: SearchState) -> None:
        companion = companion_of(state)
        if companion.runs is None:
            return
        assert companion.runs.active is not None
        moved = companion.optimizer.state
        for cell in made[1].backbone.blocks:
            for row, edge in enumerate(getattr(cell, "edges", ())):
                chosen = companion.runs.active["cell"][row]
                assert len(chosen) == 1
                for name, op in edge.items():
                    assert all((weight in moved) == (space.ops.index(name) in chosen) for weight in op.parameters())
        state.records["looked"] = True

    images = torch.randn(3, 1, 16, 16, generator=torch.Generator().manual_seed(0))
    given = SearchBatches(*[Fixed([Batch(images, torch.arange(3))])] * 3)
    recipe = replace(TOGETHER, companion=Distillation(deeper=1), rules=(Look(look),))
    problem = SearchProblem(space, make_supernet, lambda _: given, CPU)
    with RunDirectory(tmp_path) as run:
        run_search(problem, recipe, SearchSettings(), run, length=Length(1, 1), seed=0, observer=Observer())
        saved = run.load_checkpoint("search", "search")
    assert saved is not None
    assert saved["records"] == {"looked": True}
    assert [len(supernet.backbone.blocks) for supernet in made] == [5, 8]


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"gradient": Unrolled()}, "needs a first-order gradient"),
        ({"images": "same-batch"}, "on other batches than those of the weights"),
        ({"mixing": Mixing(channel_share=2)}, "needs the default mixing, no hypernetwork and no earlier stages"),
    ],
)
def test_a_companion_refuses_what_it_does_not_understand(changes, sentence: str) -> None:
    with pytest.raises(RecipeError, match=sentence):
        replace(TOGETHER, **changes, update=AdamUpdate())
