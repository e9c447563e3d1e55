import pytest

from dartboard.errors import GenotypeError
from dartboard.space import PUBLISHED, Choice, Genotype, check_genotype, get_space, network_cost, parse_genotype

NAMES = {
    "darts-v1",
    "darts-v2",
    "p-darts",
    "pc-darts-cifar",
    "pc-darts-imagenet",
    "gdas-v1",
    "snas",
    "drnas-cifar",
    "drnas-imagenet",
    "sgas-cri2-4",
    "darts-pt",
    *(f"fair-darts-{letter}" for letter in "abcdefg"),
    "att-darts",
    "nas-bench-201-9930",
    "nas-bench-201-resnet",
    "conv-stages-by-hand",
    "conv-stages-resnet",
    "conv-stages-mobile",
}
everyone = pytest.mark.parametrize("name", sorted(PUBLISHED))


def test_the_literature_is_known_by_these_names() -> None:
    assert set(PUBLISHED) == NAMES


@everyone
def test_published_genotypes_are_strict_architectures_of_their_space(name: str) -> None:
    check_genotype(PUBLISHED[name], get_space(PUBLISHED[name].space))


@everyone
def test_published_genotypes_survive_text_and_json(name: str) -> None:
    genotype = PUBLISHED[name]
    assert parse_genotype(genotype.to_text()) == genotype == Genotype.from_json(genotype.to_json())


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("fair-darts-a", 2_360_782),
        ("fair-darts-b", 3_407_878),
        ("fair-darts-c", 2_598_814),
        ("fair-darts-d", 3_365_542),
        ("fair-darts-e", 2_643_742),
        ("fair-darts-f", 3_151_054),
        ("fair-darts-g", 2_899_054),
        ("att-darts", 3_231_343),
    ],
)
def test_cells_with_absent_nodes_and_with_attention_have_the_size_of_their_releases(name: str, parameters: int) -> None:
    """36 channels, 20 cells, without an auxiliary head; Fair DARTS counts that head in all but c (476,426)."""
    space = get_space("darts")
    plan = space.plan(in_channels=3, num_classes=10, init_channels=36, layers=20, image_size=(32, 32))
    assert network_cost(space, PUBLISHED[name], plan, (32, 32)).parameters == parameters


def test_an_absent_node_is_not_joined_and_feeds_nothing() -> None:
    normal = PUBLISHED["fair-darts-c"]["normal"]
    assert normal.outputs == (2, 4, 5)
    assert [choice for choice in normal.choices if choice.target == 5] == [Choice(5, 0, "sep_conv_3x3")]


def test_darts_v2_reads_as_its_authors_released_it() -> None:
    released = (
        "Genotype(normal=[('sep_conv_3x3', 0), ('sep_conv_3x3', 1), ('sep_conv_3x3', 0), ('sep_conv_3x3', 1), "
        "('sep_conv_3x3', 1), ('skip_connect', 0), ('skip_connect', 0), ('dil_conv_3x3', 2)], "
        "normal_concat=[2, 3, 4, 5], reduce=[('max_pool_3x3', 0), ('max_pool_3x3', 1), ('skip_connect', 2), "
        "('max_pool_3x3', 1), ('max_pool_3x3', 0), ('skip_connect', 2), ('skip_connect', 2), ('max_pool_3x3', 1)], "
        "reduce_concat=[2, 3, 4, 5])"
    )
    assert parse_genotype(released) == PUBLISHED["darts-v2"]


def test_the_residual_network_of_nas_bench_201_reads_as_in_its_paper() -> None:
    text = "|nor_conv_3x3~0|+|none~0|nor_conv_3x3~1|+|skip_connect~0|none~1|skip_connect~2|"
    assert PUBLISHED["nas-bench-201-resnet"].to_text() == text


def test_operations_are_counted_over_both_cells() -> None:
    assert PUBLISHED["darts-v2"].operation_counts == {
        "max_pool_3x3": 5,
        "sep_conv_3x3": 5,
        "skip_connect": 5,
        "dil_conv_3x3": 1,
    }


def test_a_published_cell_is_no_architecture_of_the_other_space() -> None:
    with pytest.raises(GenotypeError, match="has the cells cell; this one has normal, reduce"):
        check_genotype(PUBLISHED["darts-v2"], get_space("nas-bench-201"))
