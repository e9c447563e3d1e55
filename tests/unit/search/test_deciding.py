"""Edges decided during a search: greedily (SGAS), and by what the supernet misses (DARTS-PT)."""

import math
from dataclasses import dataclass

import pytest
import torch

import dartboard.methods  # noqa: F401 - importing registers the methods
from dartboard.search import (
    Architecture,
    DecideByPerturbation,
    DecideGreedily,
    RandomPerturbation,
    Recipe,
    RelaxedCell,
    Score,
    SearchState,
    StepGates,
    StrongestEdges,
    all_live,
    describe_recipe,
    make_recipe,
)
from dartboard.search.rules.greedy import certainty, greedy_epochs, rescaled, stability
from dartboard.search.rules.perturbing import due_epochs
from dartboard.space import check_genotype, get_space
from unit.search.test_rules import make_state

DARTS = get_space("darts")
CPU = torch.device("cpu")
NONE = torch.Generator()


def cell_of(ops: tuple[str, ...]) -> RelaxedCell:
    return RelaxedCell("normal", DARTS.cell, ops, torch.ones(14, len(ops), dtype=torch.bool))


def test_certainty_is_0_for_equal_operations_and_1_for_a_single_one() -> None:
    cell = cell_of(("none", "a", "b", "c"))
    shares = torch.full((14, 4), 0.25)
    shares[1] = torch.tensor([0.7, 0.3, 0.0, 0.0])  # `none` takes no part
    found = certainty(shares, cell)
    assert found[0].item() == pytest.approx(0, abs=1e-6)
    assert found[1].item() == pytest.approx(1)


def test_stability_is_1_where_nothing_has_changed() -> None:
    cell = cell_of(("none", "a", "b"))
    shares = torch.tensor([[0.2, 0.6, 0.2]]).expand(14, 3)
    assert stability([shares, shares], cell).tolist() == pytest.approx([1.0] * 14)
    turned = torch.tensor([[0.2, 0.2, 0.6]]).expand(14, 3)
    # Now and then overlap in a quarter twice; now and now wholly.
    assert stability([turned, shares], cell)[0].item() == pytest.approx((0.5 + 1) / 2)


def test_values_are_rescaled_by_their_extremes() -> None:
    assert rescaled(torch.tensor([1.0, 3.0, 2.0])).tolist() == [0, 1, 0.5]
    assert rescaled(torch.tensor([2.0, 2.0])).tolist() == [0, 0]


def test_greedy_decisions_fall_when_they_do_in_the_paper() -> None:
    assert greedy_epochs(8, 50) == [10, 15, 20, 25, 30, 35, 40, 45]
    assert greedy_epochs(8, 2)[-1] == 2


@pytest.mark.parametrize("criterion", [1, 2])
def test_after_eight_decisions_every_node_has_exactly_two_edges_and_the_rest_is_given_up(criterion: int) -> None:
    state, rule = make_state(50), DecideGreedily(criterion)  # type: ignore[arg-type]
    with torch.no_grad():
        for alpha in state.alphas.values():
            alpha.copy_(torch.randn(alpha.shape, generator=torch.Generator().manual_seed(1)))
    counts = []
    for epoch in range(1, 51):
        state.epoch = epoch
        rule.after_epoch(state)
        counts.append(sum(op is not None for op in state.decisions.get("normal", {}).values()))
    assert [counts.index(number) + 1 for number in range(1, 9)] == [10, 15, 20, 25, 30, 35, 40, 45]
    for kind, decisions in state.decisions.items():
        assert len(decisions) == 14
        assert "none" not in decisions.values()
        for node in DARTS.cell.nodes:
            assert sum(decisions[row] is not None for row in DARTS.cell.incoming(node)) == 2, kind
    genotype = StrongestEdges()(DARTS, state.mean_gates(), NONE)
    check_genotype(genotype, DARTS)
    decided = {row: op for row, op in state.decisions["normal"].items() if op}
    assert [choice.op for choice in genotype["normal"].choices] == [decided[row] for row in sorted(decided)]


def test_the_most_important_and_certain_edge_comes_first() -> None:
    state = make_state(50)
    with torch.no_grad():
        state.alphas["normal"].zero_()
        state.alphas["normal"][5, 4] = 4.0  # sure of an operation
        state.alphas["normal"][7, 0] = 4.0  # sure of `none`
    state.epoch = 10
    DecideGreedily().after_epoch(state)
    assert state.decisions["normal"] == {5: "sep_conv_3x3"}


def test_a_decided_edge_keeps_the_shares_of_its_decision() -> None:
    state = make_state(50)
    with torch.no_grad():
        state.alphas["normal"][5, 4] = 4.0
    state.epoch = 10
    DecideGreedily().after_epoch(state)
    then = state.records["greedy.normal"]["past"][-1][5].clone()
    with torch.no_grad():
        state.alphas["normal"][5] = 0.0
    state.epoch = 11
    DecideGreedily().after_epoch(state)
    assert torch.equal(state.records["greedy.normal"]["past"][-1][5], then)


@pytest.mark.parametrize(
    ("decisions", "epochs", "expected"),
    [
        (17, 81, [5 * number for number in range(17)]),
        (6, 25, [0, 5, 10, 15, 20, 24]),
        (3, 1, [0, 0, 0]),
    ],
)
def test_perturbation_decides_when_the_paper_does(decisions: int, epochs: int, expected: list[int]) -> None:
    assert due_epochs(decisions, epochs) == expected


@dataclass
class Table:
    """A supernet whose accuracy is what remains of the worth of its gates."""

    worth: dict[str, torch.Tensor]

    def __call__(self, drawn: StepGates, batches: int | None = None) -> Score:  # noqa: ARG002
        total = sum(float((self.worth[kind] * (drawn.gates[kind] > 0)).sum()) for kind in self.worth)
        return Score(-total, total)


def tabled(without: tuple[str, ...] = ()) -> tuple[SearchState, Table]:
    state = make_state(17)
    generator = torch.Generator().manual_seed(2)
    worth = {kind: torch.rand(14, 8, generator=generator) / 200 for kind in DARTS.cell_kinds}
    table = Table(worth)
    state.architecture = Architecture.of(Recipe(), DARTS, all_live(DARTS, without), CPU)
    state.score = table  # type: ignore[assignment]
    return state, table


@pytest.mark.parametrize("criterion", ["accuracy", "loss"])
def test_the_operation_that_is_missed_most_stays_and_the_edges_that_are_missed_least_go(criterion: str) -> None:
    state, table = tabled()
    rule = DecideByPerturbation(criterion)  # type: ignore[arg-type]
    for epoch in range(17):
        state.epoch = epoch
        rule.before_epoch(state)
        assert state.records["perturbation"] == epoch + 1
    for kind, worth in table.worth.items():
        decisions = state.decisions[kind]
        best = worth[:, 1:].argmax(dim=1) + 1
        for row, op in decisions.items():
            assert op is None or op == DARTS.ops[best[row]]
        for node in DARTS.cell.nodes:
            rows = DARTS.cell.incoming(node)
            strongest = sorted(rows, key=lambda row: -float(worth[row, best[row]]))[:2]
            assert {row for row in rows if decisions[row] is not None} == set(strongest)
    gates = state.mean_gates()
    assert set(gates["normal"].unique().tolist()) == {0.0, 1.0}
    check_genotype(StrongestEdges()(DARTS, gates, NONE), DARTS)


def test_the_order_of_decisions_is_the_seeds() -> None:
    def first_rows(seed: int) -> list[int]:
        state, _ = tabled()
        state.generators = lambda purpose: torch.Generator().manual_seed(seed + len(purpose))
        DecideByPerturbation().before_epoch(state)
        return [row for rows in state.decisions.values() for row in rows]

    assert first_rows(1) == first_rows(1)
    assert len({tuple(first_rows(seed)) for seed in range(8)}) > 1


def test_the_recipes_are_what_their_names_say() -> None:
    first, second = make_recipe("darts-pt", {}).stages
    assert (first.leaves, second.recipe.rate) == ("weights", 0.1)
    assert math.isclose(first.share, 50 / 131)
    assert make_recipe("darts-pt-fixed", {}).gradient is None
    search, tuning = make_recipe("sdarts-pt", {}).stages
    assert search.recipe.perturbation == RandomPerturbation(0.03, 0.3)
    assert tuning.recipe.perturbation == RandomPerturbation(0.3, 0.3)
    assert make_recipe("sgas-pt", {"criterion": "loss"}).rules == (DecideGreedily(operation="loss"),)


def test_pages_name_the_rate_of_a_stage_that_has_one_of_its_own() -> None:
    search, tuning = describe_recipe(make_recipe("darts-pt", {}))
    assert "rate" not in search
    assert tuning["rate"] == "0.1"
