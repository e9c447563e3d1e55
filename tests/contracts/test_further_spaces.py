"""What the literature says of the spaces around DARTS, and that cells of any size are spaces as well."""

from collections.abc import Sequence

import pytest
import torch

import dartboard.methods  # noqa: F401 - importing registers the methods
from dartboard.errors import GenotypeError, SettingsError, UnknownNameError
from dartboard.settings import resolve_settings
from dartboard.space import (
    PUBLISHED,
    check_genotype,
    get_space,
)
from dartboard.supernet import FusedSupernet, ReferenceSupernet, SupernetSpec


def parameters(module: torch.nn.Module) -> int:
    return sum(weight.numel() for weight in module.parameters())


@pytest.mark.parametrize(
    ("name", "count"),
    [
        ("darts", 1_930_618),
        ("darts-s5", 1_930_618),
        ("robust-s1", 405_146),
        ("robust-s2", 665_466),
        ("robust-s3", 665_466),
        ("robust-s4", 624_506),
    ],
)
def test_supernets_have_the_size_of_the_papers(name: str, count: int) -> None:
    space = get_space(name)
    plan = space.plan(in_channels=3, num_classes=10, init_channels=16, layers=8)
    with torch.device("meta"):
        assert parameters(ReferenceSupernet(SupernetSpec(space, plan))) == count


def test_the_reduced_spaces_are_the_papers() -> None:
    assert get_space("robust-s2").ops == ("skip_connect", "sep_conv_3x3")
    assert get_space("robust-s3").ops == ("none", "skip_connect", "sep_conv_3x3")
    assert get_space("robust-s4").ops == ("noise", "sep_conv_3x3")
    assert get_space("darts-s5").ops == get_space("darts").ops[1:]
    first = get_space("robust-s1")
    short = {"max_pool_3x3": "m3", "avg_pool_3x3": "a3", "skip_connect": "id", "sep_conv_3x3": "s3"}
    short |= {"dil_conv_3x3": "d3", "dil_conv_5x5": "d5"}
    lists = {
        "normal": "id,d3 id,d5 id,d5 id,s3 id,d3 m3,id id,s3 id,s3 id,d3 id,s3 m3,id id,d3 d3,d5 d3,d5",
        "reduce": "m3,a3 m3,d3 m3,a3 m3,a3 id,d5 m3,a3 m3,s3 id,d3 id,d5 m3,a3 m3,a3 id,d5 id,d5 id,d5",
    }
    for kind, text in lists.items():
        assert " ".join(",".join(short[op] for op in first.ops_on(kind, row)) for row in range(14)) == text


@pytest.mark.parametrize(
    ("name", "edges"),
    [("darts:nodes=1", 2), ("darts:nodes=3", 9), ("darts:nodes=6", 27), ("nas-bench-201:nodes=4", 10)],
)
def test_more_nodes_have_more_edges(name: str, edges: int) -> None:
    assert len(get_space(name).cell.edges) == edges
    assert get_space(name).name == name


@pytest.mark.parametrize("name", ["darts", "nas-bench-201", "robust-s2"])
def test_options_at_their_defaults_are_left_out_of_the_name(name: str) -> None:
    default = {"nas-bench-201": 3}.get(name, 4)
    assert get_space(f"{name}:nodes=0{default}") == get_space(name)
    settings = resolve_settings({"space": f"{name}:nodes={default}"})
    assert settings.space == name


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("darts:node=3", r"the space 'darts' has no option 'node'; did you mean 'nodes'\?"),
        ("darts:nodes=many", "the option 'nodes' of the space 'darts' cannot be 'many': .*integer"),
        ("darts:inputs=0", "the option 'inputs' of the space 'darts' cannot be '0'"),
        ("darts:inputs=some", "the option 'inputs' of the space 'darts' cannot be 'some'"),
        ("darts:kinds=3", "the option 'kinds' of the space 'darts' cannot be '3'"),
        ("darts:nodes=7", "the option 'nodes' of the space 'darts' cannot be '7': .*less than or equal to 6"),
        ("robust-s1:nodes=3", "the space 'robust-s1' has no option 'nodes'; known: inputs"),
    ],
)
def test_unknown_and_ill_typed_options_are_refused(name: str, sentence: str) -> None:
    with pytest.raises(SettingsError, match=sentence):
        get_space(name)


def test_an_unknown_space_with_options_is_answered_with_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="there is no space 'dart'; did you mean 'darts'"):
        get_space("dart:nodes=3")


def test_published_genotypes_belong_to_the_plain_space() -> None:
    with pytest.raises(GenotypeError):
        check_genotype(PUBLISHED["darts-v2"], get_space("darts:nodes=3"))
    with pytest.raises(GenotypeError):
        check_genotype(PUBLISHED["nas-bench-201-9930"], get_space("nas-bench-201:nodes=4"))


def values(supernet: ReferenceSupernet, seeds: Sequence[int]) -> list[torch.Tensor]:
    space = supernet.spec.space
    gates = {kind: torch.ones(space.alpha_shape) for kind in space.cell_kinds}
    return [supernet(torch.zeros(2, 1, 8, 8), gates, noise_seed=seed) for seed in seeds]


def test_noise_is_another_for_another_seed() -> None:
    space = get_space("robust-s4")
    supernet = FusedSupernet(SupernetSpec(space, space.plan(in_channels=1, num_classes=3, init_channels=4, layers=3)))
    first, second = values(supernet, (1, 2))
    assert not first.equal(second)


@pytest.mark.parametrize(
    ("name", "count"),
    [
        ("nas-bench-201", 15_625),
        ("darts", 1_037_664_180**2),
        ("darts:nodes=1", 49**2),
        ("darts:inputs=1", 288_120**2),
        ("darts:inputs=3", 79_093_069_720**2),
        ("darts:inputs=all", (7**14) ** 2),
        ("darts:kinds=1", 1_037_664_180),
        ("darts:cell_inputs=1", (7 * 7**2 * (3 * 7**2) * (6 * 7**2)) ** 2),
        ("robust-s1", (180 * 2**8) ** 2),
        ("robust-s3", (180 * 2**8) ** 2),
    ],
)
def test_architectures_are_counted(name: str, count: int) -> None:
    assert get_space(name).num_architectures == count
