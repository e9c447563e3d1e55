"""The space of dense stages: the network of the speed runs by its terms, sizes, rounding, supernet and notation."""

from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from dartboard.errors import RecipeError, SettingsError
from dartboard.reports.drawings.genotypes import draw_genotype
from dartboard.runs import RunDirectory
from dartboard.session import check_sizes
from dartboard.space import (
    PUBLISHED,
    CellPlace,
    Cost,
    DropPath,
    Genotype,
    Network,
    NetworkPlan,
    SearchSpace,
    Stem,
    check_genotype,
    get_space,
    network_cost,
    operation_costs,
    parse_genotype,
    smallest_map,
)
from dartboard.supernet import FusedSupernet, Mixing, ReferenceSupernet, SupernetSpec
from dartboard.testing.small import open_small
from dartboard.testing.spaces import drawn_genotype

from .layer_wise import check_one_hot_gates, check_work_of_a_step

STAGES = get_space("conv-stages")
SMALL = get_space("conv-stages:blocks=2,growth=2")
BY_HAND = PUBLISHED["conv-stages-by-hand"]


def plan(space: SearchSpace = STAGES, **changes: Any) -> NetworkPlan:
    sizes = {"in_channels": 3, "num_classes": 10, "init_channels": 64, "layers": space.skeleton.fewest_layers}
    return space.plan(**(sizes | changes))  # type: ignore[arg-type]


def test_the_network_by_hand_is_that_of_the_speed_runs() -> None:
    own = plan(whitens=True)
    multiply_adds = 276_768 + 13_284_864 + 8_294_400 + 33_177_600 + 2 * 28_901_376 + 5_308_416 + 2_560
    assert multiply_adds == 118_147_360
    # The published 1,971,640 numbers hold 288 of the whitening's filters and 24 biases, which are not learned here, and
    # the shifts of the norms but no scales; here norms have 1,152 scales, and the classifier a bias.
    learned = 1_971_640 - 288 - 24 + 1_152 + 10
    assert network_cost(STAGES, BY_HAND, own, (32, 32)) == Cost(learned, multiply_adds)
    with torch.device("meta"):
        network = Network(STAGES, BY_HAND, own).eval()
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            network(torch.empty(1, 3, 32, 32))
    assert sum(parameter.numel() for parameter in network.parameters()) == learned
    assert counter.get_total_flops() == 2 * multiply_adds
    convolutions = [module for module in network.modules() if isinstance(module, nn.Conv2d)]
    weights = [27_648 // 2, 36_864, 147_456, 589_824, 589_824, 589_824]
    assert [module.weight.numel() for module in convolutions] == weights
    assert network.backbone.stem.state_dict() == {}


def test_maps_shrink_as_in_the_speed_runs() -> None:
    places = plan(whitens=True, image_size=(32, 32)).places
    assert [place.map_size for place in places] == [(15, 15)] * 3 + [(7, 7)] * 3 + [(3, 3)] * 3
    assert [place.channels for place in places] == [64] * 3 + [256] * 6
    assert [place.stride for place in places] == [2, 1, 1] * 3
    assert smallest_map(plan(), (32, 32)) == (4, 4)
    assert smallest_map(plan(stem="imagenet"), (224, 224)) == (7, 7)
    assert smallest_map(plan(), (7, 7)) == (0, 0)


@pytest.mark.parametrize("stem", ["cifar", "imagenet"])
@settings(max_examples=6)
@given(
    seed=st.integers(0, 99),
    height=st.integers(8, 40),
    width=st.integers(8, 40),
    whitens=st.booleans(),
    channels=st.integers(1, 9),
)
def test_the_formula_is_what_is_built_and_counted(
    stem: Stem, seed: int, height: int, width: int, whitens: bool, channels: int
) -> None:
    genotype, times = drawn_genotype(STAGES, seed), 4 if stem == "imagenet" else 1
    size = (height * times + whitens, width * times + whitens)
    own = plan(init_channels=channels, in_channels=2, stem=stem, whitens=whitens)
    seen = []
    with torch.device("meta"), FlopCounterMode(display=False) as counter, torch.no_grad():
        network = Network(STAGES, genotype, own).eval()
        network.backbone.head.register_forward_pre_hook(lambda _module, inputs: seen.append(inputs[0].shape[2:]))
        network(torch.empty(1, 2, *size))
    cost = network_cost(STAGES, genotype, own, size)
    assert cost.parameters == sum(parameter.numel() for parameter in network.parameters())
    assert 2 * cost.multiply_adds == counter.get_total_flops()
    assert smallest_map(own, size) == tuple(seen[0])
    open_costs = operation_costs(STAGES, own, size)
    chosen = (open_costs.operations[kind][0][STAGES.ops.index(cell.choices[0].op)] for kind, cell in genotype.cells)
    assert open_costs.fixed + sum(chosen) == cost.multiply_adds


def test_logits_are_a_ninth_of_the_classifier_on_the_maximum_of_every_channel() -> None:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = Network(STAGES, BY_HAND, plan(init_channels=4)).eval()
        x = torch.randn(2, 3, 16, 16)
    with torch.no_grad():
        logits, (features,) = network.backbone(x, None, taps=(8,))
        expected = network.backbone.classifier(features.flatten(2).max(dim=2).values) / 9
    torch.testing.assert_close(logits, expected)


@pytest.mark.parametrize("blocks", [1, 2, 5])
def test_options_change_the_number_of_blocks_and_the_widths(blocks: int) -> None:
    space = get_space(f"conv-stages:blocks={blocks},growth=2")
    own = plan(space, init_channels=10)
    assert len(own.places) == 3 * blocks == space.skeleton.fewest_layers
    assert [place.channels for place in own.places] == [10] * blocks + [20] * 2 * blocks  # type: ignore[union-attr]
    assert all(isinstance(place, CellPlace) and place.rounds_down for place in own.places)


def test_only_further_blocks_can_be_left_out() -> None:
    able = [kind for kind in STAGES.cell_kinds if "skip_connect" in STAGES.ops_on(kind, 0)]
    assert able == [kind for kind in STAGES.cell_kinds if not kind.endswith("-block-1")]
    assert STAGES.num_architectures == 5**3 * 7**6


@pytest.mark.parametrize("name", ["conv-stages-by-hand", "conv-stages-resnet", "conv-stages-mobile"])
def test_named_members_are_architectures_and_are_drawn_without_shortcuts(name: str) -> None:
    genotype = PUBLISHED[name]
    check_genotype(genotype, STAGES)
    assert parse_genotype(genotype.to_text()) == genotype == Genotype.from_json(genotype.to_json())
    ((_, svg),) = draw_genotype(genotype)
    assert "q0 " not in svg
    assert svg.count("stroke-dasharray") == genotype.operation_counts.get("skip_connect", 0)


def test_a_block_left_out_is_the_identity_and_drop_path_drops_none() -> None:
    network = Network(STAGES, BY_HAND, plan(init_channels=4)).train()
    x = torch.randn(2, 4, 5, 5)
    assert torch.equal(network.backbone.blocks[2]([x], None).whole, x)
    assert network.num_droppable == 0
    drop = DropPath(1 - 1e-7, torch.Generator().manual_seed(0))
    assert network.backbone.blocks[1]([x], drop).whole.flatten(1).any(dim=1).all()


def spec(mixing: Mixing | None = None, **changes: Any) -> SupernetSpec:
    return SupernetSpec(SMALL, plan(SMALL, **({"init_channels": 4, "in_channels": 1} | changes)), mixing or Mixing())


@pytest.mark.parametrize("stem", ["cifar", "imagenet"])
def test_the_work_of_a_step_holds_all_weights_and_multiply_adds(stem: Stem) -> None:
    check_work_of_a_step(spec(stem=stem), (37, 43))


@pytest.mark.parametrize("active", [None, (), (0, 3)], ids=["all", "none", "some"])
def test_both_engines_agree_on_odd_maps_whatever_runs(active: tuple[int, ...] | None) -> None:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        reference = ReferenceSupernet(spec()).double()
    fused = FusedSupernet(spec()).double()
    fused.load_state_dict(reference.state_dict())
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(3, 1, 15, 29, generator=generator, dtype=torch.float64)
    gates = {
        kind: torch.rand(SMALL.alpha_shape, generator=generator, dtype=torch.float64).requires_grad_()
        for kind in SMALL.cell_kinds
    }
    running = None if active is None else {kind: [active] for kind in SMALL.cell_kinds}
    expected, found = (supernet(x, gates, running) for supernet in (reference, fused))
    torch.testing.assert_close(found, expected)
    wanted = [*gates.values()]
    weights = torch.linspace(-1, 1, expected.numel(), dtype=x.dtype).view_as(expected)
    theirs, ours = (
        torch.autograd.grad((out * weights).sum(), [*wanted, *supernet.parameters()], allow_unused=True)
        for out, supernet in ((expected, reference), (found, fused))
    )
    torch.testing.assert_close(
        [each for each in ours if each is not None], [each for each in theirs if each is not None]
    )


@pytest.mark.parametrize("seed", range(4))
def test_a_supernet_of_one_hot_gates_is_the_discrete_network(seed: int) -> None:
    check_one_hot_gates(spec(), drawn_genotype(SMALL, seed), (17, 16))


@pytest.mark.parametrize("mixing", [Mixing(channel_share=2), Mixing(auxiliary_skip=True)])
def test_mixings_that_keep_channels_or_round_up_are_refused(mixing: Mixing) -> None:
    with pytest.raises(SettingsError, match="need operations that keep the number of channels"):
        spec(mixing)
    same = get_space("conv-stages:growth=1")
    with pytest.raises(SettingsError, match="divide odd sides rounding up, and the operations of"):
        SupernetSpec(same, plan(same, in_channels=1, init_channels=8), mixing)


def test_images_that_shrink_to_nothing_are_refused(tmp_path: Path) -> None:
    layers = {"space": "conv-stages", "method.name": "darts", "search.stem": "imagenet"}
    with RunDirectory(tmp_path) as run:
        check_sizes(open_small(run, layers), ("train",))
        with pytest.raises(SettingsError, match=r"images of 8x8 pixels shrink to 0x0 .* or search\.stem=cifar"):
            check_sizes(open_small(run, layers))


def test_another_depth_is_refused() -> None:
    with pytest.raises(SettingsError, match="set layers to 9"):
        plan(layers=8)
    assert STAGES.skeleton.deepen(9, 0) == 9
    with pytest.raises(RecipeError, match="choose another method"):
        STAGES.skeleton.deepen(9, 1)
