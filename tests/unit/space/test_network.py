from dataclasses import replace

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from dartboard.errors import SettingsError
from dartboard.space import (
    ATTENTION,
    PUBLISHED,
    CellGenotype,
    Choice,
    DrawnPaths,
    DropPath,
    Genotype,
    Network,
    check_genotype,
    get_space,
    network_cost,
    parse_genotype,
)
from dartboard.space.network import NETWORK_NORM, AuxiliaryHead
from dartboard.space.ops import build_op

DARTS = get_space("darts")
NB201 = get_space("nas-bench-201")


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def darts_network(genotype: Genotype = PUBLISHED["darts-v2"], *, auxiliary: bool = False, layers: int = 3) -> Network:
    plan = DARTS.plan(in_channels=3, num_classes=5, init_channels=4, layers=layers)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return Network(DARTS, genotype, plan, auxiliary=auxiliary)


def chain_201(op: str) -> Network:
    """A NAS-Bench-201 network in which `op` alone connects the input of every cell with its output."""
    genotype = parse_genotype(f"|none~0|+|none~0|none~1|+|{op}~0|none~1|none~2|")
    plan = NB201.plan(in_channels=3, num_classes=5, init_channels=4, layers=1)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return Network(NB201, genotype, plan)


def images(side: int = 8, channels: int = 3, batch: int = 2) -> torch.Tensor:
    return torch.randn(batch, channels, side, side, generator=generator())


@pytest.mark.parametrize("name", sorted(PUBLISHED))
def test_every_published_network_classifies_images_of_even_and_odd_sides(name: str) -> None:
    space = get_space(PUBLISHED[name].space)
    layers = max(3, space.skeleton.fewest_layers)
    plan = space.plan(in_channels=1, num_classes=7, init_channels=4, layers=layers)
    with torch.device("meta"):
        network = Network(space, PUBLISHED[name], plan)
        assert [network(torch.empty(2, 1, side, side)).shape for side in (9, 28)] == [(2, 7)] * 2


def test_an_edge_applies_its_operation_to_its_predecessor() -> None:
    skips = tuple(Choice(node, source, "skip_connect") for node, source in [(2, 0), (3, 2), (4, 3), (4, 1), (5, 0)])
    network = darts_network(
        Genotype("darts", tuple((kind, CellGenotype(skips, (2, 3, 4, 5))) for kind in DARTS.cell_kinds))
    )
    cell = network.backbone.blocks[0].eval()
    older, newer = images(channels=12), images(channels=12).flip(0)
    first, second = (project(x) for project, x in zip(cell.projections, (older, newer), strict=True))
    expected = torch.cat([first, first, first + second, first], dim=1)
    torch.testing.assert_close(cell([older, newer], None).whole, expected)


def test_a_node_without_edges_is_zero_in_the_shape_of_the_others() -> None:
    lone = CellGenotype((Choice(2, 0, "max_pool_3x3"), Choice(5, 4, "skip_connect")), (2, 3, 4, 5))
    network = darts_network(Genotype("darts", (("normal", lone), ("reduce", lone))))
    reduction = network.backbone.blocks[1]
    out = reduction([images(7, channels=12), images(7, channels=16)], None).whole
    assert out.shape == (2, 32, 4, 4)
    nodes = out.chunk(4, dim=1)
    assert nodes[0].abs().sum() > 0
    assert all(node.abs().sum() == 0 for node in nodes[1:])


def test_drop_path_keeps_or_drops_whole_images_and_scales_what_it_keeps() -> None:
    x = images(batch=64)
    dropped = DropPath(0.25, generator())(x)
    factors = (dropped / x).flatten(1)
    assert torch.all(factors.eq(factors[:, :1]) | factors.sub(factors[:, :1]).abs().lt(1e-5))
    assert {round(value, 4) for value in factors[:, 0].tolist()} == {0.0, 1.3333}


def test_drop_path_keeps_the_expectation() -> None:
    ones = torch.ones(40_000, 1, 1, 1, dtype=torch.float64)
    mean = DropPath(0.3, generator())(ones).mean().item()
    # The mean of n masks has standard deviation sqrt(p / (1 - p) / n); five of them.
    assert mean == pytest.approx(1.0, abs=5 * (0.3 / 0.7 / 40_000) ** 0.5)


def test_the_same_generator_drops_the_same_paths() -> None:
    network, x = darts_network(), images(batch=8)
    first, again, other = (network(x, DropPath(0.5, generator(seed))) for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_identities_are_never_dropped() -> None:
    network, x = chain_201("skip_connect"), images()
    assert torch.equal(network(x, DropPath(0.9, generator())), network(x))


@pytest.mark.parametrize("op", ["avg_pool_3x3", "nor_conv_1x1"])
def test_every_other_operation_is_dropped(op: str) -> None:
    cell = chain_201(op).backbone.blocks[0]
    x = images(channels=4, batch=64)
    lost = cell([x], DropPath(0.5, generator())).whole.flatten(1).abs().sum(1).eq(0)
    assert 10 < lost.sum() < 54
    assert cell([x], None).whole.flatten(1).abs().sum(1).gt(0).all()


def test_a_strided_skip_is_dropped_too() -> None:
    skips = tuple(Choice(node, 0, "skip_connect") for node in (2, 3, 4, 5))
    cell = CellGenotype(skips, (2, 3, 4, 5))
    reduction = darts_network(Genotype("darts", (("normal", cell), ("reduce", cell)))).backbone.blocks[1]
    out = reduction([images(channels=12, batch=32), images(channels=16, batch=32)], DropPath(0.5, generator())).whole
    lost = torch.stack([node.flatten(1).abs().sum(1).eq(0) for node in out.chunk(4, dim=1)])
    assert 0 < lost.sum() < lost.numel()
    assert not torch.equal(lost[0], lost[1])


def attentive_cell(op: str, attention: str, side: int = 8) -> nn.Module:
    """A NAS-Bench-201 cell of 4 channels in which the operation and its attention alone reach the output."""
    genotype = parse_genotype(f"|none~0|+|none~0|none~1|+|{op}~0~{attention}|none~1|none~2|")
    plan = NB201.plan(in_channels=3, num_classes=5, init_channels=4, layers=1, image_size=(side, side))
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return Network(NB201, genotype, plan).backbone.blocks[0]


@pytest.mark.parametrize("attention", ATTENTION)
def test_attention_follows_its_operation(attention: str) -> None:
    cell, x = attentive_cell("nor_conv_3x3", attention), images(channels=4)
    op, follower = cell.ops[3]
    torch.testing.assert_close(cell([x], None).whole, follower(op(x)))
    assert isinstance(follower, type(build_op(attention, 4, 1, NETWORK_NORM, (8, 8))))


@pytest.mark.parametrize(
    ("op", "attention", "dropped"),
    [
        ("avg_pool_3x3", "squeeze_excite", True),
        ("nor_conv_1x1", "bam", True),
        ("avg_pool_3x3", "identity", False),
        ("nor_conv_1x1", "identity", False),
        ("skip_connect", "cbam", False),
        ("skip_connect", "identity", False),
    ],
)
def test_paths_are_dropped_unless_the_operation_or_its_attention_is_the_identity(
    op: str, attention: str, dropped: bool
) -> None:
    cell, x = attentive_cell(op, attention), images(channels=4, batch=64)
    lost = cell([x], DropPath(0.5, generator())).whole.flatten(1).abs().sum(1).eq(0)
    assert 10 < lost.sum() < 54 if dropped else not lost.any()


@pytest.mark.parametrize(("attention", "droppable"), [("cbam", 16), ("identity", 0)])
def test_what_can_be_dropped_is_counted(attention: str, droppable: int) -> None:
    def attentive(cell: CellGenotype) -> CellGenotype:
        return replace(cell, choices=tuple(replace(choice, attention=attention) for choice in cell.choices))

    genotype = Genotype("darts", tuple((kind, attentive(cell)) for kind, cell in PUBLISHED["darts-v2"].cells))
    network = darts_network(genotype)
    # One normal and two reduction cells of 8 operations, 2 and 3 of which are skip connections.
    assert network.num_droppable == droppable
    path = DropPath(0.5, generator())
    network(images(), DrawnPaths(path.draw(droppable, images())))
    if droppable:
        with pytest.raises(StopIteration):
            network(images(), DrawnPaths(path.draw(droppable - 1, images())))


def test_a_network_with_gather_excite_wants_a_plan_for_its_images() -> None:
    genotype = parse_genotype("|none~0|+|none~0|none~1|+|nor_conv_1x1~0~gather_excite|none~1|none~2|")
    plan = NB201.plan(in_channels=3, num_classes=5, init_channels=4, layers=1)
    with pytest.raises(SettingsError, match="make the network's plan with an image_size"):
        Network(NB201, genotype, plan)
    network = Network(NB201, genotype, plan.for_images((9, 6)))
    assert network(torch.randn(2, 3, 9, 6, generator=generator())).shape == (2, 5)
    with pytest.raises(SettingsError, match="gather_excite was built for maps of 6x9 pixels and got 8x8"):
        network(images())


def test_attention_in_some_choices_leaves_the_names_of_all_other_weights() -> None:
    plain = darts_network()
    normal = PUBLISHED["darts-v2"]["normal"]
    changed = replace(normal, choices=(replace(normal.choices[0], attention="cbam"), *normal.choices[1:]))
    attentive = darts_network(Genotype("darts", (("normal", changed), PUBLISHED["darts-v2"].cells[1])))
    lost = plain.state_dict().keys() - attentive.state_dict().keys()
    assert lost
    assert all(name.startswith("backbone.blocks.0.ops.0.") for name in lost)


@pytest.mark.parametrize("drop_path", [None, DropPath(0.0, generator()), DropPath(0.9, generator())])
def test_nothing_is_dropped_in_evaluation_or_at_probability_zero(drop_path: DropPath | None) -> None:
    network, x = darts_network(), images()
    if drop_path is not None and drop_path.probability == 0:
        assert torch.equal(network(x, drop_path), network(x))
    network.eval()
    assert torch.equal(network(x, drop_path), network(x))


@pytest.mark.parametrize(("side", "pooled"), [(8, 2), (7, 2), (4, 2), (2, 2), (6, 2), (10, 2), (11, 2), (3, 2)])
@pytest.mark.parametrize("stem", ["cifar", "imagenet"])
def test_the_auxiliary_head_takes_any_map_to_two_by_two(side: int, pooled: int, stem: str) -> None:
    plan = DARTS.plan(in_channels=3, num_classes=5, init_channels=4, layers=3, stem=stem)
    head = AuxiliaryHead(16, plan)
    seen: list[torch.Size] = []
    head.features[0].register_forward_pre_hook(lambda _module, inputs: seen.append(inputs[0].shape))
    assert head(images(side, channels=16)).shape == (2, 5)
    assert seen == [(2, 16, pooled, pooled)]


@pytest.mark.parametrize(("side", "stride"), [(8, 3), (7, 2)])
def test_the_auxiliary_head_pools_like_its_authors(side: int, stride: int) -> None:
    head = AuxiliaryHead(16, DARTS.plan(in_channels=3, num_classes=5, init_channels=4, layers=3)).eval()
    x = images(side, channels=16)
    pooled = nn.AvgPool2d(5, stride=stride, padding=0, count_include_pad=False)(x.relu())
    torch.testing.assert_close(head(x), head.classifier(head.features(pooled).flatten(1)))


@pytest.mark.parametrize("side", [32, 28, 16, 8, 7, 5])
def test_training_gets_auxiliary_logits_wherever_the_map_allows(side: int) -> None:
    logits, auxiliary = darts_network(auxiliary=True).forward_with_auxiliary(images(side))
    assert logits.shape == (2, 5)
    assert auxiliary is not None
    assert auxiliary.shape == (2, 5)


def test_a_map_of_one_pixel_has_no_auxiliary_logits() -> None:
    assert darts_network(auxiliary=True).eval().forward_with_auxiliary(images(4))[1] is None


def test_the_auxiliary_head_hangs_on_the_second_reduction_cell() -> None:
    network = darts_network(auxiliary=True, layers=8).eval()
    seen: list[torch.Tensor] = []
    network.backbone.blocks[5].register_forward_hook(lambda _module, _inputs, output: seen.append(output.whole))
    x = images(32)
    assert network.auxiliary_head is not None
    _, auxiliary = network.forward_with_auxiliary(x)
    assert torch.equal(auxiliary, network.auxiliary_head(seen[0]))


def test_drop_path_spares_the_auxiliary_head() -> None:
    network = darts_network(auxiliary=True)
    network.backbone.eval()
    x = images(16)
    assert torch.equal(
        network.forward_with_auxiliary(x, DropPath(0.9, generator()))[1], network.forward_with_auxiliary(x)[1]
    )


def test_the_auxiliary_head_changes_no_prediction() -> None:
    network, x = darts_network(auxiliary=True).eval(), images()
    assert torch.equal(network.forward_with_auxiliary(x)[0], network(x))


@pytest.mark.parametrize("network", [darts_network(), chain_201("skip_connect")], ids=["not asked for", "no place"])
def test_without_an_auxiliary_head_there_are_no_auxiliary_logits(network: Network) -> None:
    assert network.auxiliary_head is None
    assert network.forward_with_auxiliary(images())[1] is None


def test_a_space_without_a_place_for_it_builds_no_auxiliary_head() -> None:
    plan = NB201.plan(in_channels=3, num_classes=5, init_channels=4, layers=1)
    assert Network(NB201, PUBLISHED["nas-bench-201-resnet"], plan, auxiliary=True).auxiliary_head is None


SPARSE = CellGenotype(
    (
        Choice(3, 0, "sep_conv_3x3"),
        Choice(5, 0, "max_pool_3x3"),
        Choice(5, 0, "sep_conv_3x3"),
        Choice(5, 3, "skip_connect"),
    ),
    (3, 5),
)
"""Two of four nodes have left, and an edge has two operations."""

LONELY = CellGenotype((Choice(4, 1, "dil_conv_3x3"),), (4,))

SPARSE_GENOTYPE = Genotype("darts", (("normal", SPARSE), ("reduce", LONELY)))


def test_a_cell_joins_the_nodes_that_are_left_and_what_follows_is_as_narrow() -> None:
    network = darts_network(SPARSE_GENOTYPE, auxiliary=True, layers=8)
    assert network.backbone.plan.features == 2 * 16
    assert [place.input_channels for place in network.backbone.plan.places] == [
        *[(12, 12), (12, 8), (8, 8)],
        *[(8, 8), (8, 16), (16, 16)],
        *[(16, 16), (16, 32)],
    ]
    logits, auxiliary = network.forward_with_auxiliary(images(16))
    assert auxiliary is not None
    assert logits.shape == auxiliary.shape == (2, 5)


def test_several_operations_of_an_edge_are_added() -> None:
    cell = darts_network(SPARSE_GENOTYPE).backbone.blocks[0].eval()
    older, newer = images(channels=12), images(channels=12).flip(0)
    first = cell.projections[0](older)
    third, pooled, convolved = (cell.ops[number](first) for number in range(3))
    torch.testing.assert_close(cell([older, newer], None).whole, torch.cat([third, pooled + convolved + third], dim=1))


def test_a_network_of_all_nodes_is_the_plans() -> None:
    plan = DARTS.plan(in_channels=3, num_classes=5, init_channels=4, layers=8, stem="imagenet")
    assert plan.joining({"normal": 4, "reduce": 4}) == plan
    plan = NB201.plan(in_channels=3, num_classes=5, init_channels=4, layers=2)
    assert plan.joining({"cell": 1}) == plan


def test_the_cost_of_a_network_whose_nodes_have_left_is_that_of_what_is_built() -> None:
    plan = DARTS.plan(in_channels=3, num_classes=5, init_channels=4, layers=8)
    with torch.device("meta"):
        built = Network(DARTS, SPARSE_GENOTYPE, plan).eval()
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            built(torch.empty(1, 3, 16, 16))
    cost = network_cost(DARTS, SPARSE_GENOTYPE, plan, (16, 16))
    assert cost.parameters == sum(weight.numel() for weight in built.parameters())
    assert cost.multiply_adds == counter.get_total_flops() // 2


def test_a_sparse_genotype_goes_through_text_and_json() -> None:
    check_genotype(SPARSE_GENOTYPE, DARTS)
    assert parse_genotype(SPARSE_GENOTYPE.to_text()) == SPARSE_GENOTYPE
    assert Genotype.from_json(SPARSE_GENOTYPE.to_json()) == SPARSE_GENOTYPE
