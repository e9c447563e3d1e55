import math
from collections import Counter

import pytest
import torch
from torch import Tensor

from dartboard.parts import StrongestEdges, UniformlyRandom
from dartboard.runs import make_generator
from dartboard.space import CellGenotype, Genotype, check_genotype, get_space

DARTS, NB201 = get_space("darts"), get_space("nas-bench-201")
NONE, MAX, SKIP, SEP3 = (DARTS.ops.index(name) for name in ("none", "max_pool_3x3", "skip_connect", "sep_conv_3x3"))


def select_darts(normal: Tensor) -> CellGenotype:
    genotype = StrongestEdges()(DARTS, {"normal": normal, "reduce": flat(DARTS.alpha_shape)}, torch.Generator())
    check_genotype(genotype, DARTS)
    return genotype["normal"]


def flat(shape: tuple[int, int]) -> Tensor:
    return torch.full(shape, 1 / shape[1])


def of_node(cell: CellGenotype, node: int) -> list[tuple[int, str]]:
    return [(choice.source, choice.op) for choice in cell.choices if choice.target == node]


def row(target: int, source: int) -> int:
    return [(edge.target, edge.source) for edge in DARTS.cell.edges].index((target, source))


def test_ties_go_to_the_lower_operation_and_the_lower_predecessor() -> None:
    for node in DARTS.cell.nodes:
        assert of_node(select_darts(flat((14, 8))), node) == [(0, "max_pool_3x3"), (1, "max_pool_3x3")]


def test_an_edge_dominated_by_none_is_kept_when_its_next_operation_is_the_strongest_and_never_gives_none() -> None:
    gates = torch.full((14, 8), 0.01)
    gates[row(4, 2), NONE], gates[row(4, 2), SEP3] = 0.6, 0.35
    gates[row(4, 0), SKIP] = 0.3
    gates[row(4, 1), MAX] = 0.2
    gates[row(4, 3), NONE] = 0.94
    assert of_node(select_darts(gates), 4) == [(0, "skip_connect"), (2, "sep_conv_3x3")]


def test_every_node_keeps_the_two_strongest_of_its_edges_from_different_predecessors() -> None:
    generator = torch.Generator().manual_seed(0)
    for _ in range(50):
        gates = torch.randn(14, 8, generator=generator).softmax(dim=1)
        cell = select_darts(gates)
        for node in DARTS.cell.nodes:
            rows = DARTS.cell.incoming(node)
            best = {DARTS.cell.edges[r].source: gates[r, 1:].max().item() for r in rows}
            wanted = sorted(sorted(best, key=lambda source: -best[source])[:2])
            assert [source for source, _ in of_node(cell, node)] == wanted
            for source, op in of_node(cell, node):
                assert gates[row(node, source), DARTS.ops.index(op)] == best[source]


def test_edges_are_ranked_by_gates_not_by_anything_that_a_rows_scale_can_change() -> None:
    alpha = torch.zeros(14, 8)
    alpha[row(2, 0)] = 10.0
    alpha[row(3, 2), SEP3] = 1.0
    cell = select_darts(alpha.softmax(dim=1))
    assert (2, "sep_conv_3x3") in of_node(cell, 3)


def test_nas_bench_201_keeps_every_edge_and_takes_the_largest_gate_none_included() -> None:
    gates = torch.eye(5)[[0, 1, 2, 3, 4, 0]]
    genotype = StrongestEdges()(NB201, {"cell": gates}, torch.Generator())
    assert genotype.to_text() == ("|none~0|+|skip_connect~0|nor_conv_1x1~1|+|nor_conv_3x3~0|avg_pool_3x3~1|none~2|")
    tied = StrongestEdges()(NB201, {"cell": flat((6, 5))}, torch.Generator())
    assert set(tied.operation_counts) == {"none"}


def test_the_strongest_edges_draw_nothing() -> None:
    generator = torch.Generator().manual_seed(0)
    before = generator.get_state()
    StrongestEdges()(NB201, {"cell": flat((6, 5))}, generator)
    assert torch.equal(generator.get_state(), before)


def draw(space_name: str, count: int) -> list[Genotype]:
    generator = make_generator(0, "test")
    return [UniformlyRandom()(get_space(space_name), {}, generator) for _ in range(count)]


@pytest.mark.parametrize("name", ["darts", "nas-bench-201"])
def test_random_architectures_are_valid(name: str) -> None:
    for genotype in draw(name, 200):
        check_genotype(genotype, get_space(name))


def assert_uniform(counts: Counter[object], outcomes: int) -> None:
    """Each frequency lies within three standard deviations of 1 / outcomes."""
    total = counts.total()
    assert len(counts) == outcomes
    deviation = math.sqrt(total * (1 / outcomes) * (1 - 1 / outcomes))
    assert all(abs(count - total / outcomes) < 3 * deviation for count in counts.values())


def test_random_operations_are_uniform_over_the_selectable_ones() -> None:
    cells = [genotype["cell"] for genotype in draw("nas-bench-201", 2_000)]
    assert_uniform(Counter(choice.op for cell in cells for choice in cell.choices), 5)
    assert_uniform(Counter(cell.choices[5].op for cell in cells), 5)
    cells = [genotype["normal"] for genotype in draw("darts", 1_250)]
    counts = Counter(choice.op for cell in cells for choice in cell.choices)
    assert "none" not in counts
    assert_uniform(counts, 7)


def test_random_predecessors_are_uniform_over_the_pairs() -> None:
    pairs: Counter[object] = Counter()
    for genotype in draw("darts", 1_000):
        for kind in ("normal", "reduce"):
            pairs[tuple(source for source, _ in of_node(genotype[kind], 5))] += 1
    assert_uniform(pairs, 10)


def test_a_random_architecture_depends_on_the_generator_alone() -> None:
    first, again = (
        UniformlyRandom()(DARTS, dict.fromkeys(DARTS.cell_kinds, gates), torch.Generator().manual_seed(7))
        for gates in (flat((14, 8)), torch.eye(14, 8))
    )
    assert first == again
    assert first["normal"] != first["reduce"]


def test_the_output_nodes_are_those_of_the_space() -> None:
    assert draw("darts", 1)[0]["normal"].outputs == (2, 3, 4, 5)
    assert draw("nas-bench-201", 1)[0]["cell"].outputs == (3,)
