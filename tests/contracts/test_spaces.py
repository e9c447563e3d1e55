"""Every registered space keeps the contract that `dartboard.testing` ships, and what the literature says of two."""

import itertools

import pytest

import dartboard.methods  # noqa: F401 - importing registers the methods
from dartboard.errors import GenotypeError, UnknownNameError
from dartboard.space import SPACES, CellGenotype, Choice, Genotype, check_genotype, get_space, parse_genotype
from dartboard.testing import SpaceContract


class TestEverySpace(SpaceContract):
    spaces = tuple(entry.name for entry in SPACES)


class TestCellsOfAnySize(SpaceContract):
    spaces = (
        "darts:nodes=1",
        "darts:nodes=3",
        "darts-s5:nodes=2",
        "robust-s2:nodes=2",
        "robust-s4:nodes=2",
        "nas-bench-201:nodes=4",
        "robust-s2:nodes=3,inputs=1",
        "robust-s3:nodes=2,inputs=all,kinds=1",
        "robust-s2:nodes=2,cell_inputs=1",
    )


@pytest.mark.parametrize("name", [entry.name for entry in SPACES])
def test_every_space_says_where_it_comes_from(name: str) -> None:
    assert SPACES[name].paper.startswith("arXiv:")


def test_an_unknown_space_is_answered_with_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match=r"there is no space 'dart'; did you mean 'darts'"):
        get_space("dart")


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
