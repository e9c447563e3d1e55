"""Edges decided greedily during a search, and by what a trained supernet is without an operation."""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

import dartboard.methods  # noqa: F401 - importing registers the methods
from dartboard.data import Batch
from dartboard.engine import SearchBatches, SearchProblem, SearchSettings, run_search
from dartboard.engine.state import SearchState
from dartboard.errors import RecipeError, SettingsError
from dartboard.parts import AdamUpdate, ByRemoval, DecideGreedily, FirstOrder, Recipe, Sigmoid, StrongestEdges
from dartboard.parts.architecture import Architecture, StepGates
from dartboard.parts.recipe import initial_live, make_recipe
from dartboard.parts.rules import EpochPlan, Outcome, Scorable, SearchView
from dartboard.parts.rules.greedy import certainty, importance, stability
from dartboard.parts.rules.perturbation import DecideByRemoval
from dartboard.parts.rules.protocol import Rule
from dartboard.parts.trials import NO_TRIALS, Trial, TrialImages, Trials
from dartboard.runs import DecisionMade, Length, Observer, RunDirectory
from dartboard.session import search_genotype
from dartboard.space import SearchSpace, get_space
from dartboard.supernet import FusedSupernet, SupernetSpec
from dartboard.testing import PLANTED, PlantedBatches, PlantedSupernet, open_small
from unit.engine.unscored import UNSCORED

DARTS, NAS_BENCH_201 = get_space("darts"), get_space("nas-bench-201")
CPU = torch.device("cpu")
WITHOUT_NONE = Recipe(only_selectable=True)


def make_state(space: SearchSpace, epochs: int, trials: Any = None, recipe: Recipe | None = None) -> SearchState:
    recipe = recipe or Recipe()
    live = initial_live(recipe, space)
    architecture = Architecture.of(recipe, space, live, CPU)
    alphas = architecture.initial_alphas(torch.Generator().manual_seed(0))
    supernet = nn.Linear(1, 1)
    sgd = torch.optim.SGD(supernet.parameters(), lr=0.1)
    return SearchState(
        supernet, architecture, alphas, sgd, None, epochs, (0, epochs), live, UNSCORED, trials or NO_TRIALS, seed=0
    )


def decided(state: SearchState, kind: str) -> int:
    return sum(op is not None for op in state.plan.decisions.get(kind, {}).values())


def greedy_epochs(state: SearchState, rule: Rule, draw: Callable[[], None] = lambda: None) -> list[int]:
    """Epochs, from 0, at whose end an edge of every kind was decided, once for every decision."""
    epochs = []
    for epoch in range(state.epochs):
        draw()
        before = decided(state, next(iter(state.architecture.cells)))
        state.epoch = epoch + 1
        state.take(rule.after_epoch(state))
        epochs += [epoch] * (decided(state, next(iter(state.architecture.cells))) - before)
    return epochs


ALL_COLUMNS = ((0, 1, 2, 3),)


def test_certainty_is_0_if_shares_are_even_and_1_if_one_operation_has_all() -> None:
    assert certainty(torch.full((1, 4), 0.25), ALL_COLUMNS) == [pytest.approx(0.0, abs=1e-6)]
    assert certainty(torch.tensor([[0.0, 1.0, 0.0, 0.0]]), ALL_COLUMNS) == [1.0]
    halves = 1 - math.log(2) / math.log(3)  # `none` does not count: two of three
    assert certainty(torch.tensor([[0.5, 0.25, 0.25, 0.0]]), ((1, 2, 3),)) == [pytest.approx(halves)]
    assert certainty(torch.tensor([[0.5, 0.5, 0.0, 0.0]]), ((1,),)) == [1.0]


def test_importance_is_what_none_leaves() -> None:
    assert importance(torch.tensor([[0.3, 0.2, 0.5]]), ("none", "skip_connect", "roll")) == [pytest.approx(0.7)]


def test_stability_is_1_for_equal_histories_and_what_is_in_common_otherwise() -> None:
    now = torch.tensor([[0.5, 0.3, 0.1, 0.1]])
    assert stability(now, [now] * 4, ALL_COLUMNS) == [pytest.approx(1.0)]
    other = torch.tensor([[0.1, 0.3, 0.5, 0.1]])
    assert stability(now, [now, other], ALL_COLUMNS) == [pytest.approx((1.0 + 0.6) / 2)]
    assert stability(now, [], ALL_COLUMNS) == [0.0]


@pytest.mark.parametrize("criterion", [1, 2])
def test_sgas_decides_after_9_14_to_44_of_50_epochs_two_edges_a_node_and_batches_grow(criterion: Any) -> None:
    state, sizes = make_state(DARTS, 50), [64]
    generator = torch.Generator().manual_seed(1)

    def draw() -> None:
        if 64 + state.plan.extra_images != sizes[-1]:
            sizes.append(64 + state.plan.extra_images)
        for alpha in state.alphas.values():
            alpha += 0.1 * torch.randn(alpha.shape, generator=generator)

    assert greedy_epochs(state, DecideGreedily(criterion), draw) == [9, 14, 19, 24, 29, 34, 39, 44]
    draw()
    assert sizes == [64, 72, 80, 88, 96, 104, 112, 120, 128]
    for kind in DARTS.cell_kinds:
        assert len(state.plan.decisions[kind]) == 14
        for node in DARTS.cell.nodes:
            assert sum(state.plan.decisions[kind][row] is not None for row in DARTS.cell.incoming(node)) == 2
    gates = state.architecture.mean_gates(state.alphas)
    genotype = StrongestEdges()(DARTS, gates, torch.Generator())
    for kind, cell in genotype.cells:
        rows = {row: op for row, op in state.plan.decisions[kind].items() if op is not None}
        assert {(c.target, c.source): c.op for c in cell.choices} == {
            (DARTS.cell.edges[row].target, DARTS.cell.edges[row].source): op for row, op in rows.items()
        }


def test_sgas_decides_every_edge_once_where_all_are_kept_and_several_at_once_in_few_epochs() -> None:
    state = make_state(NAS_BENCH_201, 50)
    assert greedy_epochs(state, DecideGreedily()) == [9, 16, 23, 30, 37, 44]
    assert all(op is not None for op in state.plan.decisions["cell"].values())
    short = make_state(DARTS, 3)
    assert greedy_epochs(short, DecideGreedily()) == [1] * 2 + [2] * 6
    assert greedy_epochs(make_state(DARTS, 1), DecideGreedily()) == [0] * 8
    assert greedy_epochs(make_state(DARTS, 50), DecideGreedily(last=30 / 50))[-1] == 30


def test_sgas_takes_the_most_important_and_certain_edge_and_its_best_operation_but_none() -> None:
    state = make_state(DARTS, 50)
    none, skip, sep = (DARTS.ops.index(name) for name in ("none", "skip_connect", "sep_conv_3x3"))
    alpha = state.alphas["normal"].zero_()
    alpha[3, skip] = 4.0  # certain, and important
    alpha[5, sep] = 9.0
    alpha[5, none] = 20.0  # more certain, but hardly there
    state.epoch = 10
    state.take(DecideGreedily().after_epoch(state))
    assert state.plan.decisions["normal"] == {3: "skip_connect"}
    alpha[5, none] = 9.2  # `none` has the largest share, and is not chosen
    alpha[0, none] = 20.0  # another edge is the least important
    state.epoch = 15
    state.take(DecideGreedily().after_epoch(state))
    assert state.plan.decisions["normal"][5] == "sep_conv_3x3"


def test_by_criterion_2_a_stable_edge_comes_before_one_whose_shares_move() -> None:
    found = {}
    for criterion, history in ((1, 4), (2, 4), (2, 1)):
        state = make_state(DARTS, 50)
        rule = DecideGreedily(criterion, history)  # type: ignore[arg-type]
        alpha = state.alphas["normal"].zero_()
        for epoch in range(10):
            alpha[2] = 0.0
            # Certain in the end, but of another operation in all epochs but the last two.
            alpha[2, 4 if epoch >= 8 else 5] = 5.0
            alpha[7, 3] = 4.0
            state.epoch = epoch + 1
            state.take(rule.after_epoch(state))
        (found[criterion, history],) = state.plan.decisions["normal"]
    assert found == {(1, 4): 2, (2, 4): 7, (2, 1): 2}


def test_without_none_certainty_alone_decides() -> None:
    state = make_state(DARTS, 50, recipe=WITHOUT_NONE)
    state.alphas["normal"][6, 3] = 5.0
    state.epoch = 10
    state.take(DecideGreedily().after_epoch(state))
    assert list(state.plan.decisions["normal"]) == [6]


def test_sgas_refuses_what_makes_no_sense() -> None:
    with pytest.raises(RecipeError, match="the last decision cannot come before the first"):
        DecideGreedily(first=0.8, last=0.2)
    with pytest.raises(RecipeError, match="the gates of Sigmoid do not"):
        Recipe(relaxation=Sigmoid(), rules=(DecideGreedily(),))


class Table:
    """Stands for a trained supernet: what is taken out costs accuracy by a table."""

    images = TrialImages(Any, 1000)  # type: ignore[arg-type]

    def __init__(self, cost: dict[tuple[str, int, int], float], edges: dict[tuple[str, int], float]) -> None:
        self.cost, self.edges = cost, edges
        self.seen: list[dict[str, torch.Tensor]] = []

    def __call__(self, tried: Sequence[StepGates], start: int, stop: int) -> list[Trial]:
        assert (start, stop) == (0, 1000), "every candidate is tried once, on all images"
        self.seen += [drawn.gates for drawn in tried[1:]]
        return [self.trial(drawn.gates) for drawn in tried]

    def trial(self, given: dict[str, torch.Tensor]) -> Trial:
        value = 1.0
        for (kind, row, column), cost in self.cost.items():
            gates = given[kind]
            if gates[row, column] == 0 and gates[row].any():
                value -= cost
        for (kind, row), cost in self.edges.items():
            if f"{kind}.edges" in given and given[f"{kind}.edges"][row] == 0:
                value -= cost
        return Trial(torch.arange(1000) < round(1000 * value), -1000 * value)


def costs(space: SearchSpace, best: int) -> tuple[dict[tuple[str, int, int], float], dict[tuple[str, int], float]]:
    """Every edge needs column `best` + row % 2 most; edges with higher rows are needed more."""
    ops = {
        (kind, row, column): 1e-3 * (1 + 2 * (column == best + row % 2))
        for kind in space.cell_kinds
        for row in range(len(space.cell.edges))
        for column in range(len(space.ops))
    }
    edges = {(kind, row): 0.01 * row for kind in space.cell_kinds for row in range(len(space.cell.edges))}
    return ops, edges


def removal_epochs(state: SearchState, rule: DecideByRemoval, told: list[DecisionMade] | None = None) -> list[int]:
    """The epochs, from 0, of the rounds; every round decides once for every kind of cells."""
    told = [] if told is None else told
    state.on_decision = told.append
    for epoch in range(state.epochs):
        state.epoch = epoch
        state.plan_epoch([rule])
    kinds = len(state.architecture.cells)
    assert [decision.round for decision in told] == [1 + number // kinds for number in range(len(told))]
    return [decision.epoch - 1 for decision in told[::kinds]]


@pytest.mark.parametrize("measure", ["accuracy", "loss"])
def test_operations_and_edges_are_kept_that_the_supernet_misses_most(measure: Any) -> None:
    table = Table(*costs(DARTS, 3))
    state = make_state(DARTS, 81, table, WITHOUT_NONE)
    assert removal_epochs(state, DecideByRemoval(ByRemoval(measure))) == list(range(0, 81, 5))
    for kind in DARTS.cell_kinds:
        for node in DARTS.cell.nodes:
            rows = DARTS.cell.incoming(node)
            for row in rows:
                # The two edges that cost most are those with the highest rows.
                expected = DARTS.ops[3 + row % 2] if row in rows[-2:] else None
                assert state.plan.decisions[kind][row] == expected
    gates = state.architecture.mean_gates(state.alphas)
    for kind in DARTS.cell_kinds:
        assert set(gates[kind].unique().tolist()) == {0.0, 1.0}
        assert gates[kind].sum() == 8


def test_what_is_taken_out_is_0_and_the_other_gates_stay_as_they_are() -> None:
    table = Table({}, {})
    state = make_state(DARTS, 81, table, WITHOUT_NONE)
    before = state.architecture.mean_gates(state.alphas)["normal"]
    verdict = ByRemoval()(Scorable.of(state, state.plan), "normal", 4)
    assert verdict.chosen == (DARTS.ops[1],)  # among equals the first
    assert verdict.facts["tie"] == "index"
    assert len(table.seen) == 7
    for column, gates in zip(range(1, 8), table.seen, strict=True):
        expected = before.clone()
        expected[4, column] = 0.0
        assert torch.equal(gates["normal"], expected)


def test_where_all_edges_are_kept_none_is_a_candidate_and_no_edge_is_given_up() -> None:
    state = make_state(NAS_BENCH_201, 25, Table(*costs(NAS_BENCH_201, 0)), WITHOUT_NONE)
    assert removal_epochs(state, DecideByRemoval()) == [0, 5, 10, 15, 20, 24]
    assert sorted(state.plan.decisions["cell"].items()) == [(row, NAS_BENCH_201.ops[row % 2]) for row in range(6)]
    assert NAS_BENCH_201.ops[0] == "none"


def test_edges_come_in_an_order_of_the_seed() -> None:
    orders = []
    for seed in (0, 0, 1):
        state = make_state(DARTS, 81, Table({}, {}), WITHOUT_NONE)
        state.seed = seed
        removal_epochs(state, DecideByRemoval())
        orders.append(list(state.plan.decisions["normal"]))
    assert orders[0] == orders[1] != orders[2]
    assert orders[0][:14] != sorted(orders[0][:14])


def test_without_validation_images_it_is_said_in_a_sentence() -> None:
    with pytest.raises(SettingsError, match="there are none; give the dataset more images"):
        make_state(DARTS, 81, None, WITHOUT_NONE).plan_epoch([DecideByRemoval()])


def test_scores_leave_every_buffer_of_the_supernet_as_it_was() -> None:
    plan = DARTS.plan(in_channels=3, num_classes=3, init_channels=4, layers=3)
    supernet = FusedSupernet(SupernetSpec(DARTS, plan)).train()
    before = {name: value.clone() for name, value in supernet.state_dict().items()}

    class Images:
        def in_order(self) -> Any:
            yield Batch(torch.randn(4, 3, 8, 8), torch.tensor([0, 1, 2, 0]))

    state = make_state(DARTS, 81, Trials(supernet, TrialImages(Images, 4), CPU), None)  # type: ignore[arg-type]
    assert ByRemoval()(Scorable.of(state, state.plan), "normal", 0).chosen != ("none",)
    after = supernet.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)


def search_planted_with(rule: Rule, folder: Path, seen: list[SearchState], **changes: Any) -> SearchState:
    """Two epochs on the planted problem; the state at their end."""

    class Spy(Rule):
        def before_epoch(self, search: SearchState, plan: EpochPlan) -> EpochPlan:
            seen.append(search)
            return plan

    recipe = Recipe(gradient=FirstOrder(), update=AdamUpdate(lr=0.03), rules=(Spy(), rule), **changes)
    given = SearchBatches(*[PlantedBatches(PLANTED, 5)] * 3)
    problem = SearchProblem(PLANTED.space, lambda _: PlantedSupernet(PLANTED), lambda _: given, CPU)
    with RunDirectory(folder) as run:
        length = Length(2, 5)
        run_search(problem, recipe, SearchSettings(), run, length=length, seed=0, observer=Observer())
    return seen[-1]


def test_the_alpha_of_a_decided_edge_rests(tmp_path: Path) -> None:
    kept: list[torch.Tensor] = []

    class Decide(Rule):
        def after_epoch(self, search: SearchView) -> Outcome:
            kept.append(search.alphas["cell"].detach().clone())
            return Outcome(plan=search.plan.decided("cell", 1, "reverse") if search.epoch == 1 else None)

    search_planted_with(Decide(), tmp_path, [])
    assert torch.equal(kept[0][1], kept[1][1])
    assert not torch.equal(kept[0][0], kept[1][0])


@pytest.mark.usefixtures("small_space")
def test_batches_grow_as_rules_say_as_far_as_there_are_images(tmp_path: Path) -> None:
    with RunDirectory(tmp_path) as run:
        search_genotype(open_small(run, {"method.name": "sgas", "search.epochs": 2}))
        saved = run.load_checkpoint("search", "search")
    assert saved is not None
    assert saved["extra_images"] == 32  # two nodes of two edges: four decisions
    batches = PlantedBatches(PLANTED, 3).enlarged(8)
    assert next(iter(batches.epoch(torch.Generator()))).images.shape[0] == 40


@pytest.mark.parametrize(
    ("factor", "rates"), [(1.0, (0.025, 0.013)), (0.1, (0.0025, 0.00175)), (0.01, (0.00025, 0.000125))]
)
def test_a_factor_on_the_weights_rate_never_lets_it_rise(factor: float, rates: Any, tmp_path: Path) -> None:
    found: list[float] = []

    class Look(Rule):
        def after_epoch(self, search: SearchState) -> None:
            found.append(search.weight_optimizer.param_groups[0]["lr"])

    search_planted_with(Look(), tmp_path, [], weight_lr_factor=factor)
    assert found == pytest.approx(rates)


def test_the_recipes_differ_in_what_trains_the_supernet_alone() -> None:
    plain, fixed, shaken = (make_recipe(name, {}) for name in ("darts-pt", "darts-pt-fixed", "sdarts-pt"))
    for recipe in (plain, fixed, shaken):
        (first,) = recipe.earlier
        assert first.leaves == "weights"
        assert first.share == pytest.approx(50 / 131)
        assert recipe.weight_lr_factor == 0.1
        assert recipe.published == {"epochs": 131}
    assert replace(plain, gradient=None, update=None, earlier=()) == replace(fixed, earlier=())
    assert plain.earlier[0].recipe.gradient is not None
    assert fixed.earlier[0].recipe.gradient is None
    assert replace(shaken, perturbation=None, earlier=()) == replace(plain, earlier=())
    assert vars(shaken.perturbation)["epsilon_start"] == vars(shaken.perturbation)["epsilon_end"] == 0.3
    assert vars(shaken.earlier[0].recipe.perturbation)["epsilon_start"] == 0.03
    assert make_recipe("darts-pt-fixed", {"measure": "loss"}).rules[1] == DecideByRemoval(ByRemoval("loss"))
    assert make_recipe("darts-pt-fixed", {"tuning": 0.25}).earlier[0].share == 0.75
    for none in (False, True):
        recipe = make_recipe("darts-pt-fixed", {"none": none})
        assert ("none" in initial_live(recipe, DARTS)["normal"][0]) == none
        assert "none" in initial_live(recipe, NAS_BENCH_201)["cell"][0]
