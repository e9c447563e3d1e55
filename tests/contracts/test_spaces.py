"""What every registered space promises, and what the literature says of each."""

import itertools

import pytest
import torch

from dartboard.errors import GenotypeError, SettingsError, UnknownNameError
from dartboard.space import (
    OPS,
    SPACES,
    CellGenotype,
    Choice,
    Genotype,
    Network,
    SearchSpace,
    check_genotype,
    get_space,
    network_cost,
    parse_genotype,
)

every_space = pytest.mark.parametrize("space", [entry.factory() for entry in SPACES], ids=lambda space: space.name)


def uniform_genotype(space: SearchSpace, op: str) -> Genotype:
    """The first edges of every node, all with one operation where they have it, and else with their first."""
    nodes = tuple(space.cell.nodes)
    kept = space.cell.edges_per_node
    edges = [(node, source) for node in nodes for source in range(node if kept is None else kept)]

    def chosen(kind: str, node: int, source: int) -> str:
        own = [space.ops[column] for column in space.selectable_on(kind, space.cell.row(node, source))]
        return op if op in own else own[0]

    outputs = nodes if space.cell.output == "concat" else nodes[-1:]
    cells = (
        (kind, CellGenotype(tuple(Choice(*edge, chosen(kind, *edge)) for edge in edges), outputs))
        for kind in space.cell_kinds
    )
    return Genotype(space.name, tuple(cells))


@every_space
def test_a_space_is_found_by_its_name_and_says_what_it_is(space: SearchSpace) -> None:
    assert get_space(space.name) == space
    assert SPACES[space.name].summary
    assert SPACES[space.name].paper.startswith("arXiv:")


def test_an_unknown_space_is_answered_with_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match=r"there is no space 'dart'; did you mean 'darts'"):
        get_space("dart")


@every_space
def test_candidates_are_registered_and_distinct(space: SearchSpace) -> None:
    assert all(op in OPS for op in space.ops)
    assert len(set(space.ops)) == len(space.ops)
    assert space.normalized_ops <= set(space.ops)


@every_space
def test_alpha_has_a_row_for_every_edge_and_a_column_for_every_operation(space: SearchSpace) -> None:
    assert space.alpha_shape == (len(space.cell.edges), len(space.ops))


@every_space
def test_none_is_selectable_only_where_no_edge_is_dropped(space: SearchSpace) -> None:
    selectable = [space.ops[column] for column in space.selectable_ops]
    assert ("none" in selectable) == ("none" in space.ops and space.cell.edges_per_node is None)
    assert [op for op in space.ops if op != "none"] == [op for op in selectable if op != "none"]


@every_space
def test_every_selectable_operation_gives_an_architecture_that_classifies(space: SearchSpace) -> None:
    for column in space.selectable_ops:
        genotype = uniform_genotype(space, space.ops[column])
        check_genotype(genotype, space)
        plan = space.plan(in_channels=1, num_classes=3, init_channels=4, layers=max(3, space.skeleton.fewest_layers))
        with torch.device("meta"):
            assert Network(space, genotype, plan)(torch.empty(2, 1, 9, 9)).shape == (2, 3)


@every_space
def test_no_network_has_fewer_layers_than_the_fewest(space: SearchSpace) -> None:
    with pytest.raises(SettingsError, match="layer"):
        space.plan(in_channels=1, num_classes=3, init_channels=4, layers=space.skeleton.fewest_layers - 1)


@every_space
def test_plans_carry_what_was_asked(space: SearchSpace) -> None:
    plan = space.plan(in_channels=2, num_classes=7, init_channels=6, layers=max(3, space.skeleton.fewest_layers))
    assert (plan.in_channels, plan.num_classes, plan.stem) == (2, 7, "cifar")
    assert {getattr(place, "kind", None) for place in plan.places} - {None} == set(space.cell_kinds)


@every_space
@pytest.mark.parametrize("size", ["reference_size", "small_size"])
def test_the_named_sizes_can_be_built(space: SearchSpace, size: str) -> None:
    channels, layers = getattr(space, size)
    plan = space.plan(in_channels=3, num_classes=10, init_channels=channels, layers=layers)
    cost = network_cost(space, uniform_genotype(space, "skip_connect"), plan, (32, 32))
    assert cost.parameters > 0


@every_space
def test_a_genotype_survives_its_json_and_its_text(space: SearchSpace) -> None:
    genotype = uniform_genotype(space, space.ops[-1])
    assert Genotype.from_json(genotype.to_json()) == genotype
    assert parse_genotype(genotype.to_text(), space.name) == genotype


def test_the_darts_space_is_the_papers() -> None:
    space = get_space("darts")
    assert space.ops == (
        "none",
        "max_pool_3x3",
        "avg_pool_3x3",
        "skip_connect",
        "sep_conv_3x3",
        "sep_conv_5x5",
        "dil_conv_3x3",
        "dil_conv_5x5",
    )
    assert space.alpha_shape == (14, 8)
    assert space.cell_kinds == ("normal", "reduce")
    assert space.cell.edges_per_node == 2
    assert space.normalized_ops == {"max_pool_3x3", "avg_pool_3x3"}
    assert space.reference_size == (36, 20)


def test_the_nas_bench_201_space_is_the_papers() -> None:
    space = get_space("nas-bench-201")
    assert space.ops == ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3")
    assert space.alpha_shape == (6, 5)
    assert space.cell_kinds == ("cell",)
    assert space.cell.edges_per_node is None
    assert not space.normalized_ops
    assert space.reference_size == (16, 5)


def test_all_15625_nas_bench_201_strings_and_genotypes_are_each_others_image() -> None:
    space = get_space("nas-bench-201")
    seen = set()
    for ops in itertools.product(space.ops, repeat=6):
        text = "|{}~0|+|{}~0|{}~1|+|{}~0|{}~1|{}~2|".format(*ops)
        genotype = parse_genotype(text)
        choices = tuple(Choice(edge.target, edge.source, op) for edge, op in zip(space.cell.edges, ops, strict=True))
        assert genotype == Genotype(space.name, (("cell", CellGenotype(choices, (3,))),))
        assert genotype.to_text() == text
        seen.add(genotype)
    assert len(seen) == 15_625


def test_all_nas_bench_201_strings_are_architectures() -> None:
    space = get_space("nas-bench-201")
    for ops in itertools.product(space.ops, repeat=3):
        check_genotype(parse_genotype("|{}~0|+|{}~0|{}~1|+|none~0|none~1|none~2|".format(*ops)), space)
    with pytest.raises(GenotypeError, match="uses 'sep_conv_3x3', which a 'nas-bench-201' cell cannot hold"):
        check_genotype(parse_genotype("|sep_conv_3x3~0|+|none~0|none~1|+|none~0|none~1|none~2|"), space)
