"""DOTS: groups of operations, pairs of edges, the falling temperature and what is selected."""

import math
from dataclasses import replace
from itertools import pairwise

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

import dartboard.methods  # noqa: F401 - importing registers the methods
from dartboard.engine.schedule import stage_spans
from dartboard.errors import RecipeError
from dartboard.parts import (
    AdamUpdate,
    Cooling,
    EdgeSoftmax,
    GroupSoftmax,
    KeepStrongestOfGroups,
    PairSoftmax,
    Recipe,
    Softmax,
    StrongestEdgePairs,
)
from dartboard.parts.architecture import Architecture, all_live
from dartboard.parts.fits import check_fit
from dartboard.parts.recipe import make_recipe
from dartboard.parts.relaxation import edge_sets, operation_groups
from dartboard.parts.relaxation.protocol import RelaxedCell
from dartboard.space import OPS, CellTopology, check_genotype, get_space, has_weights
from unit.engine.test_state import make_state

DARTS, NB201 = get_space("darts"), get_space("nas-bench-201")
NONE = torch.Generator()
CPU = torch.device("cpu")


def relaxed(live: Tensor | None = None, temperature: float = 1.0, topology: CellTopology = DARTS.cell) -> RelaxedCell:
    live = torch.ones(14, 8, dtype=torch.bool) if live is None else live
    return RelaxedCell("normal", topology, DARTS.ops, live, temperature)


def test_operations_are_grouped_by_whether_they_learn() -> None:
    assert operation_groups(DARTS.ops) == ((0, 1, 2, 3), (4, 5, 6, 7))
    assert operation_groups(NB201.ops) == ((0, 1, 4), (2, 3))
    assert [name for name in ("none", "skip_connect", "avg_pool_3x3", "nor_conv_1x1") if has_weights(name)] == [
        "nor_conv_1x1"
    ]
    assert "unheard_of" not in OPS
    assert has_weights("unheard_of")


def test_each_group_shares_one() -> None:
    alpha = torch.randn(14, 8, generator=torch.Generator().manual_seed(0))
    gates = GroupSoftmax().mean_gates(alpha, relaxed())
    torch.testing.assert_close(gates[:, :4], alpha[:, :4].softmax(dim=1))
    torch.testing.assert_close(gates[:, 4:], alpha[:, 4:].softmax(dim=1))
    assert torch.equal(gates, GroupSoftmax().mean_gates(alpha, relaxed()))
    assert torch.equal(GroupSoftmax().initial_alpha(relaxed(), NONE), torch.zeros(14, 8))


def test_an_edge_shares_among_its_live_operations_and_nothing_in_a_group_that_it_lacks() -> None:
    live = torch.ones(14, 8, dtype=torch.bool)
    live[0, [0, 5]] = False
    live[1, 4:] = False
    live[2] = False
    gates = GroupSoftmax().mean_gates(torch.zeros(14, 8), relaxed(live))
    third, quarter = 1 / 3, 1 / 4
    torch.testing.assert_close(gates[0], torch.tensor([0, third, third, third, third, 0, third, third]))
    torch.testing.assert_close(gates[1], torch.tensor([quarter] * 4 + [0.0] * 4))
    assert torch.equal(gates[2], torch.zeros(8))


def test_every_edge_keeps_the_best_of_each_group() -> None:
    live = torch.ones(14, 8, dtype=torch.bool)
    live[1, 3] = False
    live[2, 4:] = False
    gates = torch.full((14, 8), 0.1)
    gates[0, 2] = gates[1, 3] = 0.9
    gates[0, 7] = gates[2, 5] = 0.2
    kept = KeepStrongestOfGroups()({"normal": gates}, {"normal": relaxed(live)})["normal"]
    assert kept[0] == ["avg_pool_3x3", "dil_conv_5x5"]
    assert kept[1] == ["none", "sep_conv_3x3"]
    assert kept[2] == ["none"]
    assert kept[3] == ["none", "sep_conv_3x3"], "among equals the first"


@pytest.mark.parametrize("ops", [("none", "skip_connect"), ("nor_conv_1x1", "nor_conv_3x3")])
def test_a_space_of_one_kind_of_operations_is_refused(ops: tuple[str, ...]) -> None:
    with pytest.raises(RecipeError, match=r"'darts' has operations of one group only; choose another method"):
        check_fit(Recipe(relaxation=GroupSoftmax()), replace(DARTS, ops=ops))
    check_fit(Recipe(relaxation=GroupSoftmax()), NB201)


def three_edges(sums_to_one: bool, temperature: float = 1.0) -> Tensor:
    """The weights of the edges of the second node, whose first pair has the logit ln 2."""
    gamma = torch.zeros(20)
    gamma[1] = math.log(2) * temperature
    return PairSoftmax(sums_to_one).mean_gates(gamma, relaxed(temperature=temperature))[2:5]


def test_the_weights_of_edges_are_the_published_values() -> None:
    torch.testing.assert_close(three_edges(True), torch.tensor([0.375, 0.375, 0.25]))
    torch.testing.assert_close(three_edges(False), torch.tensor([0.75, 0.75, 0.5]))
    torch.testing.assert_close(three_edges(True, temperature=0.02), torch.tensor([0.375, 0.375, 0.25]))
    gamma = torch.zeros(20)
    gamma[1] = math.log(2)
    shares = PairSoftmax().set_shares(gamma, relaxed())
    torch.testing.assert_close(shares[1:4], torch.tensor([0.5, 0.25, 0.25]))


@given(st.lists(st.floats(-5, 5), min_size=20, max_size=20), st.sampled_from([0.02, 1.0, 10.0]))
def test_a_node_shares_one_or_two_and_its_edges_are_in_their_pairs(drawn: list[float], temperature: float) -> None:
    gamma, cell = torch.tensor(drawn, dtype=torch.float64), relaxed(temperature=temperature)
    shares = PairSoftmax().set_shares(gamma, cell)
    start = 0
    weights = PairSoftmax().mean_gates(gamma, cell)
    torch.testing.assert_close(PairSoftmax(sums_to_one=False).mean_gates(gamma, cell), 2 * weights)
    for sets, rows in zip(edge_sets(DARTS.cell), cell.incoming, strict=True):
        own = dict(zip(sets, shares[start : start + len(sets)], strict=True))
        start += len(sets)
        assert sum(own.values()) == pytest.approx(1)
        assert weights[list(rows)].sum().item() == pytest.approx(1)
        for row in rows:
            assert weights[row].item() == pytest.approx(
                sum(share.item() for pair, share in own.items() if row in pair) / 2
            )
    assert weights[:2].tolist() == [0.5, 0.5], "a node with two edges has but one pair"


def test_there_are_as_many_pairs_as_published() -> None:
    assert [len(sets) for sets in edge_sets(DARTS.cell)] == [1, 3, 6, 10]
    assert PairSoftmax().initial_alpha(relaxed(), NONE).tolist() == [0.0] * 20


def test_a_node_with_fewer_edges_than_are_kept_keeps_them_all() -> None:
    cell = CellTopology(1, 2, "concat", True, edges_per_node=2)
    assert edge_sets(cell) == (((0,),), ((1, 2),))
    weights = [PairSoftmax(one).mean_gates(torch.zeros(2), relaxed(topology=cell)) for one in (True, False)]
    assert [each.tolist() for each in weights] == [[1.0, 0.5, 0.5], [1.0, 1.0, 1.0]]


def test_a_space_that_keeps_every_edge_is_refused() -> None:
    with pytest.raises(RecipeError, match=r"in 'nas-bench-201' every cell keeps all its edges; choose another method"):
        check_fit(make_recipe("dots", {}), NB201)
    check_fit(make_recipe("dots", {}), DARTS)


@pytest.mark.parametrize("edges", [None, EdgeSoftmax()])
def test_pairs_cannot_be_selected_where_nothing_weighs_them(edges: EdgeSoftmax | None) -> None:
    with pytest.raises(RecipeError, match="the recipe has no such shares; put PairSoftmax into the slot edges"):
        Recipe(edges=edges, selection=StrongestEdgePairs())


def temperatures(epochs: int, first: int = 0) -> list[float]:
    state = make_state(0)
    state.span = (first, first + epochs)
    found = []
    for epoch in range(epochs):
        state.epoch = first + epoch
        state.plan_epoch([Cooling(10.0, 0.02, 0.5)])
        found.append(state.plan.temperature)
    return found


def test_the_temperature_is_the_published_one() -> None:
    assert stage_spans([stage.share for stage in make_recipe("dots", {}).stages], 70) == [(0, 30), (30, 70)]
    found = temperatures(40, first=30)
    assert found[:20] == [1.0] * 20
    assert found[20] == 10
    assert found[39] == pytest.approx(0.02)
    assert [after / before for before, after in pairwise(found[20:])] == pytest.approx([0.72102] * 19, abs=5e-6)


@pytest.mark.parametrize("epochs", [1, 2, 3, 5, 100])
def test_other_lengths_fall_between_the_same_temperatures(epochs: int) -> None:
    found = [each for each in temperatures(epochs) if each != 1.0]
    assert found[:1] == ([10.0] if epochs > 1 else [])
    assert found[-1:] == (found[:1] if len(found) < 2 else [pytest.approx(0.02)])


def test_two_operations_are_balanced_at_a_thousandth_of_the_temperature() -> None:
    live = torch.zeros(14, 8, dtype=torch.bool)
    live[:, [3, 4]] = True
    alpha = torch.zeros(14, 8)
    alpha[0, 4] = 0.02 * math.log(3)
    gates = Softmax(initial_scale=0.0, coldness=1e3).mean_gates(alpha, relaxed(live, temperature=20.0))
    torch.testing.assert_close(gates[0, [3, 4]], torch.tensor([0.25, 0.75]))
    torch.testing.assert_close(gates[1, [3, 4]], torch.tensor([0.5, 0.5]))


def test_the_stages_are_the_published_ones() -> None:
    first, second = make_recipe("dots", {}).stages
    assert (first.recipe.images, second.recipe.images) == ("halves", "same-batch")
    assert first.recipe.update == AdamUpdate(lr=3e-4, betas=(0.5, 0.999), weight_decay=1e-3)
    assert second.recipe.update == AdamUpdate(lr=3e-4, betas=(0.9, 0.999), weight_decay=1e-3)
    assert not first.recipe.restarts_rate
    assert not second.recipe.restarts_rate
    recipe = make_recipe("dots", {"normalized_edges": False})
    assert recipe.edges == PairSoftmax(sums_to_one=False)


def selected(edge_alpha: Tensor, gates: Tensor) -> list[tuple[int, int, str]]:
    """What the second stage selects for the normal cell, from the logits of its pairs."""
    recipe = make_recipe("dots", {})
    architecture = Architecture.of(recipe, DARTS, all_live(DARTS), CPU)
    alphas = architecture.initial_alphas(NONE)
    found = architecture.mean_gates(alphas | {"normal.edges": edge_alpha}) | {"normal": gates}
    genotype = StrongestEdgePairs()(DARTS, found, NONE)
    check_genotype(genotype, DARTS)
    return [(choice.target, choice.source, choice.op) for choice in genotype["normal"].choices]


def test_the_pair_with_the_largest_share_is_kept_though_another_edge_weighs_more() -> None:
    gamma = torch.zeros(20)
    # Node 4 has the pairs (01), (02), (03), (12), (13), (23): edge 0 is in three good ones, (23) is the best.
    gamma[4:10] = torch.tensor([1.0, 1.0, 1.0, 0.0, 0.0, 1.1])
    kept = [source for target, source, _ in selected(gamma, torch.full((14, 8), 0.1)) if target == 4]
    assert kept == [2, 3]
    weights = PairSoftmax().mean_gates(gamma, relaxed())[5:9]
    assert weights.argmax() == 0


def test_on_a_kept_edge_the_larger_gate_wins_and_none_never() -> None:
    gates = torch.zeros(14, 8)
    gates[0, [0, 4]] = torch.tensor([0.9, 0.1])
    gates[1, [3, 4]] = torch.tensor([0.6, 0.4])
    assert selected(torch.zeros(20), gates)[:2] == [(2, 0, "sep_conv_3x3"), (2, 1, "skip_connect")]


def test_only_relaxations_that_weigh_sets_of_edges_tell_their_shares() -> None:
    architecture = Architecture.of(Recipe(), DARTS, all_live(DARTS), CPU)
    assert set(architecture.mean_gates(architecture.initial_alphas(NONE))) == {"normal", "reduce"}
    architecture = Architecture.of(Recipe(edges=PairSoftmax()), DARTS, all_live(DARTS), CPU)
    alphas = architecture.initial_alphas(NONE)
    shares = {"normal.sets", "reduce.sets"}
    assert set(architecture.mean_gates(alphas)) == {*alphas, *shares}
    assert set(architecture.draw(alphas, NONE, of_alpha=True).gates) == set(alphas)
