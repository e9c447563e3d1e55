import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from dartboard.parts import StrongestEdges, StrongestPairs, Threshold
from dartboard.space import CellGenotype, Choice, Genotype, check_genotype, get_space, lets_images_through

DARTS, NB201 = get_space("darts"), get_space("nas-bench-201")


def row(target: int, source: int) -> int:
    return [(edge.target, edge.source) for edge in DARTS.cell.edges].index((target, source))


def gates_of(**values: float) -> Tensor:
    """Gates of 0.1, but for those given as `n5_0_4=gate`: node, predecessor, operation."""
    gates = torch.full((14, 8), 0.1)
    for name, value in values.items():
        target, source, column = (int(number) for number in name[1:].split("_"))
        gates[row(target, source), column] = value
    return gates


def select(selection, gates: Tensor) -> CellGenotype:
    genotype = selection(DARTS, {"normal": gates, "reduce": torch.full((14, 8), 0.9)}, torch.Generator())
    check_genotype(genotype, DARTS)
    return genotype["normal"]


def of_node(cell: CellGenotype, node: int) -> list[tuple[int, str]]:
    return [(choice.source, choice.op) for choice in cell.choices if choice.target == node]


def test_a_node_keeps_its_two_strongest_edges_as_far_as_they_reach_the_threshold() -> None:
    cell = select(Threshold(), gates_of(n4_0_3=0.86, n4_1_4=0.95, n4_2_5=0.80, n2_0_3=0.84, n2_1_3=0.2, n5_0_6=0.86))
    assert of_node(cell, 4) == [(0, "skip_connect"), (1, "sep_conv_3x3")]
    assert of_node(cell, 2) == []
    assert of_node(cell, 5) == [(0, "dil_conv_3x3")]
    assert cell.outputs == (4, 5)


def test_a_gate_on_the_threshold_is_kept_and_none_never() -> None:
    cell = select(Threshold(0.75), gates_of(n2_0_4=0.75, n2_1_0=0.99))
    assert cell == CellGenotype((Choice(2, 0, "sep_conv_3x3"),), (2,))


def test_what_comes_from_a_node_that_has_left_is_left_out_repeatedly() -> None:
    """Node 4 receives from node 3 alone, and that from node 2, which has left."""
    cell = select(Threshold(), gates_of(n3_2_4=0.9, n4_3_4=0.9, n5_4_4=0.9, n5_1_3=0.9))
    assert cell == CellGenotype((Choice(5, 1, "skip_connect"),), (5,))


def test_a_cell_that_would_lose_all_nodes_keeps_the_best_edge_from_its_inputs() -> None:
    cell = select(Threshold(), gates_of(n3_2_4=0.9, n4_1_5=0.5, n5_0_3=0.4))
    assert cell == CellGenotype((Choice(4, 1, "sep_conv_5x5"),), (4,))
    assert select(Threshold(), torch.zeros(14, 8)) == CellGenotype((Choice(2, 0, "max_pool_3x3"),), (2,))


def test_the_other_form_takes_two_operations_of_every_edge() -> None:
    gates = gates_of(n5_0_1=0.86, n5_0_3=0.9, n5_0_4=0.95, n5_1_4=0.9, n5_2_3=0.99, n2_0_3=0.9)
    cell = select(Threshold(form="edge"), gates)
    assert of_node(cell, 5) == [(0, "sep_conv_3x3"), (0, "skip_connect"), (1, "sep_conv_3x3"), (2, "skip_connect")]
    assert cell.outputs == (2, 5)
    assert of_node(select(Threshold(), gates), 5) == [(0, "sep_conv_3x3"), (2, "skip_connect")]


@given(st.integers(0, 2**31), st.floats(0, 1), st.sampled_from(["sparse", "edge"]))
@settings(max_examples=30)
def test_any_gates_give_an_architecture(seed: int, least: float, form) -> None:
    gates = torch.rand(14, 8, generator=torch.Generator().manual_seed(seed))
    cell = select(Threshold(least, form), gates)
    assert lets_images_through(DARTS, Genotype("darts", (("normal", cell), ("reduce", cell))))
    assert len(of_node(cell, 5)) <= (2 if form == "sparse" else 10)


def test_where_every_edge_is_kept_a_threshold_takes_the_largest_gates() -> None:
    gates = {"cell": torch.rand(6, 5, generator=torch.Generator().manual_seed(0))}
    gates["cell"][:, 0] = 0.0
    chosen = Threshold()(NB201, gates, torch.Generator())
    assert chosen == StrongestEdges()(NB201, gates, torch.Generator())
    check_genotype(chosen, NB201)
    assert "none" not in chosen.operation_counts


def test_the_strongest_pairs_of_a_node_may_share_a_predecessor() -> None:
    gates = gates_of(n4_2_3=0.9, n4_2_4=0.8, n4_1_4=0.7, n4_0_0=0.99, n5_3_3=0.9, n5_0_1=0.5)
    cell = select(StrongestPairs(), gates)
    assert of_node(cell, 4) == [(2, "skip_connect"), (2, "sep_conv_3x3")]
    assert of_node(cell, 5) == [(0, "max_pool_3x3"), (3, "skip_connect")]
    assert of_node(cell, 2) == [(0, "max_pool_3x3"), (0, "avg_pool_3x3")], "ties go to what comes first"
    assert cell.outputs == (2, 3, 4, 5)


def test_pairs_are_refused_where_every_edge_is_kept() -> None:
    assert StrongestPairs().refuse(DARTS) == ""
    assert StrongestPairs().refuse(NB201) == (
        "StrongestPairs drops the weaker edges of a node, and this space keeps every edge"
    )


@pytest.mark.parametrize("selection", [Threshold(), StrongestPairs()])
def test_weights_of_edges_multiply_their_gates(selection) -> None:
    gates = {"normal": torch.full((14, 8), 0.9), "reduce": torch.full((14, 8), 0.9)}
    weights = torch.full((14,), 0.1)
    weights[[row(2, 1), row(3, 2)]] = 1.0
    every = gates | {f"{kind}.edges": weights for kind in gates}
    cell = selection(DARTS, every, torch.Generator())["normal"]
    assert {(choice.target, choice.source) for choice in cell.choices} >= {(2, 1), (3, 2)}
    assert (2, 0) not in {(choice.target, choice.source) for choice in cell.choices}
