"""The layer-wise space of ProxylessNAS: sizes by the layer definitions, widths, shortcuts, supernet and notation."""

from dataclasses import replace
from typing import Literal

import pytest
import torch
from torch import nn
from torch.nn import functional
from torch.utils.flop_counter import FlopCounterMode

import dartboard.methods  # noqa: F401 - importing registers the methods
from dartboard.engine.state import brought_up_to_date
from dartboard.errors import GenotypeError, RecipeError, SettingsError
from dartboard.parts import Recipe, Sigmoid, Threshold
from dartboard.parts.architecture import Architecture, all_live
from dartboard.parts.fits import check_fit
from dartboard.parts.recipe import make_recipe
from dartboard.space import (
    CellGenotype,
    Choice,
    DropPath,
    Genotype,
    Network,
    NetworkPlan,
    SearchSpace,
    Stem,
    check_genotype,
    current_name,
    get_space,
    network_cost,
    parse_genotype,
    smallest_map,
)
from dartboard.space.mobile_skeleton import MobileSkeleton
from dartboard.supernet import FusedSupernet, Mixing, ReferenceSupernet, SupernetSpec

from .layer_wise import check_one_hot_gates, check_work_of_a_step

PROXYLESS = get_space("proxyless")
FAIRNAS = get_space("proxyless-fairnas19")
SMALL = replace(
    PROXYLESS,
    name="small-layers",
    skeleton=MobileSkeleton((2, 1, 1, 2, 1, 1)),
    edge_ops={kind: (PROXYLESS.ops[:-1],) for kind in MobileSkeleton().cell_kinds if kind.endswith("-block-1")},
)
OLD_FORM = replace(SMALL, skeleton=MobileSkeleton((2, 1, 1, 2, 1, 1), "unconditional"))

# The same operation in all blocks; "skip_connect" wherever allowed and mbconv_3x3_e3 elsewhere.
AT_224 = [
    ("mbconv_3x3_e3", 3_191_928, 257.42),
    ("mbconv_3x3_e6", 4_684_776, 472.62),
    ("mbconv_5x5_e3", 3_275_640, 284.22),
    ("mbconv_5x5_e6", 4_852_200, 526.21),
    ("mbconv_7x7_e3", 3_401_208, 324.41),
    ("mbconv_7x7_e6", 5_103_336, 606.59),
    ("skip_connect", 2_154_984, 102.53),
]


def uniform(op: str, space: SearchSpace = PROXYLESS) -> Genotype:
    cells = []
    for kind in space.cell_kinds:
        own = op if op in space.ops_on(kind, 0) else "mbconv_3x3_e3"
        cells.append((kind, CellGenotype((Choice(1, 0, own),), (1,))))
    return Genotype(space.name, tuple(cells))


def plan(
    space: SearchSpace = PROXYLESS, classes: int = 10, width: int = 24, stem: Stem = "cifar", channels: int = 3
) -> NetworkPlan:
    return space.plan(
        in_channels=channels,
        num_classes=classes,
        init_channels=width,
        layers=space.skeleton.fewest_layers,
        stem=stem,
    )


@pytest.mark.parametrize(("op", "parameters", "mega"), AT_224)
def test_uniform_networks_have_the_known_size_at_224_pixels(op: str, parameters: int, mega: float) -> None:
    cost = network_cost(PROXYLESS, uniform(op), plan(classes=1000, stem="imagenet"), (224, 224))
    assert (cost.parameters, round(cost.multiply_adds / 1e6, 2)) == (parameters, mega)
    ten = network_cost(PROXYLESS, uniform(op), plan(classes=10, stem="imagenet"), (224, 224))
    assert cost.parameters - ten.parameters == 1_268_190


@pytest.mark.parametrize(
    ("op", "parameters", "mega"), [("mbconv_3x3_e3", 1_923_738, 76.18), ("mbconv_3x3_e6", 3_416_586, 144.09)]
)
def test_uniform_networks_have_the_known_size_at_32_pixels(op: str, parameters: int, mega: float) -> None:
    cost = network_cost(PROXYLESS, uniform(op), plan(), (32, 32))
    assert (cost.parameters, round(cost.multiply_adds / 1e6, 2)) == (parameters, mega)


@pytest.mark.parametrize("stem", ["cifar", "imagenet"])
@pytest.mark.parametrize("size", [(35, 61), (8, 8)])
def test_the_formula_is_what_is_built_and_counted(stem: Stem, size: tuple[int, int]) -> None:
    genotype, own = uniform("mbconv_5x5_e6"), plan(width=13, stem=stem)
    with torch.device("meta"), FlopCounterMode(display=False) as counter, torch.no_grad():
        network = Network(PROXYLESS, genotype, own).eval()
        network(torch.empty(1, 3, *size))
    cost = network_cost(PROXYLESS, genotype, own, size)
    assert cost.parameters == sum(parameter.numel() for parameter in network.parameters())
    assert 2 * cost.multiply_adds == counter.get_total_flops()


def test_strides_are_those_of_the_table() -> None:
    assert smallest_map(plan(stem="imagenet"), (224, 224)) == (7, 7)
    assert smallest_map(plan(), (32, 32)) == (4, 4)
    assert smallest_map(plan(), (8, 8)) == (1, 1)
    firsts = [place for place in plan(stem="imagenet").places if place.kind.endswith("block-1")]
    assert [place.stride for place in firsts] == [2, 2, 2, 1, 2, 1]
    assert [place.stride for place in plan().places if place.kind.endswith("block-1")] == [1, 2, 2, 1, 2, 1]


def test_widths_are_multiples_of_8_and_at_least_90_percent() -> None:
    def widths(width: int) -> list[int]:
        own = plan(width=width)
        assert own.mobile is not None
        firsts = [place.channels for place in own.places if place.kind.endswith("block-1")]
        return [own.mobile.stem, own.stem_channels, *firsts, own.mobile.head]

    assert widths(24) == [32, 16, 24, 40, 80, 96, 192, 320, 1280]
    assert widths(12) == [16, 8, 16, 24, 40, 48, 96, 160, 1280]
    assert widths(48) == [64, 32, 48, 80, 160, 192, 384, 640, 2560]
    assert widths(16) == [24, 16, 16, 24, 56, 64, 128, 216, 1280]  # 8 is below 90 % of 10.67, 24 is 90 % of 26.67


@pytest.mark.parametrize(("space", "lengths"), [(PROXYLESS, (4, 4, 4, 4, 4, 1)), (FAIRNAS, (2, 4, 4, 4, 4, 1))])
def test_only_blocks_with_a_shortcut_can_be_left_out(space: SearchSpace, lengths: tuple[int, ...]) -> None:
    places = plan(space).places
    assert [place.kind for place in places] == list(space.cell_kinds)
    assert tuple(map(len, uniform("skip_connect", space).stages)) == lengths
    choices = [len(space.ops_on(kind, 0)) for kind in space.cell_kinds]
    assert choices == [7 if place.shortcut else 6 for place in places]
    assert (choices.count(6), choices.count(7)) == (6, sum(lengths) - 6)


def test_a_block_left_out_is_its_shortcut() -> None:
    network = Network(PROXYLESS, uniform("skip_connect"), plan(width=4))
    left_out = network.backbone.blocks[1]
    x = torch.randn(2, 8, 5, 5)
    assert torch.equal(left_out([x], None).whole, x)


def test_convolutions_start_with_the_variance_of_the_authors_and_norms_as_theirs() -> None:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = Network(PROXYLESS, uniform("mbconv_7x7_e6"), plan())
    convolutions = [module for module in network.modules() if isinstance(module, nn.Conv2d)]
    large = [module for module in convolutions if module.weight.numel() > 20_000]
    assert len(large) > 30
    for module in large:
        area = module.kernel_size[0] * module.kernel_size[1]
        # A standard deviation of over 20,000 draws is known to half a percent; 3 % is six times that.
        assert module.weight.std().item() == pytest.approx((2 / (area * module.out_channels)) ** 0.5, rel=0.03)
    norms = [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]
    assert {(module.eps, module.momentum) for module in norms} == {(1e-3, 0.1)}
    assert not network.backbone.classifier.bias.any()


def test_drop_path_leaves_the_shortcut_of_every_image() -> None:
    network = Network(PROXYLESS, uniform("mbconv_3x3_e3"), plan(width=4)).train()
    assert network.num_droppable == 15
    drop = DropPath(1 - 1e-7, torch.Generator().manual_seed(0))
    x = torch.randn(2, 8, 6, 6)
    assert torch.equal(network.backbone.blocks[1]([x], drop).whole, x)
    assert network.backbone.blocks[4]([x], drop).whole.flatten(1).any(dim=1).all()


def spec(mixing: Mixing | None = None, space: SearchSpace = SMALL) -> SupernetSpec:
    return SupernetSpec(space, plan(space, width=4, channels=1), mixing or Mixing())


def test_the_work_of_a_step_holds_all_weights_and_multiply_adds() -> None:
    check_work_of_a_step(spec(), (9, 12))


def gates_of(generator: torch.Generator) -> dict[str, torch.Tensor]:
    return {kind: torch.rand(1, 7, generator=generator, dtype=torch.float64) for kind in SMALL.cell_kinds}


@pytest.mark.parametrize("images", [3, 1], ids=["batch", "one image, maps of one pixel"])
def test_the_fused_engine_is_the_reference(images: int) -> None:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        reference = ReferenceSupernet(spec()).double()
    fused = FusedSupernet(spec()).double()
    fused.load_state_dict(reference.state_dict())
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(images, 1, 8, 8, generator=generator, dtype=torch.float64)
    gates = gates_of(generator)
    gates = {kind: gate.requires_grad_() for kind, gate in gates.items()}
    expected, found = reference(x, gates), fused(x, gates)
    torch.testing.assert_close(found, expected)
    if images > 1:
        wanted = [*gates.values()]
        weights = torch.linspace(-1, 1, expected.numel(), dtype=x.dtype).view_as(expected)
        theirs = torch.autograd.grad((expected * weights).sum(), [*wanted, *reference.parameters()], allow_unused=True)
        ours = torch.autograd.grad((found * weights).sum(), [*wanted, *fused.parameters()], allow_unused=True)
        torch.testing.assert_close(ours, theirs)


@pytest.mark.parametrize("space", [SMALL, OLD_FORM], ids=["candidate", "unconditional"])
@pytest.mark.parametrize("op", ["mbconv_5x5_e3", "skip_connect"])
def test_a_supernet_of_one_hot_gates_is_the_discrete_network(op: str, space: SearchSpace) -> None:
    check_one_hot_gates(spec(space=space), uniform(op, space), (16, 16))


def test_a_block_in_which_no_gate_reaches_the_threshold_is_left_out_where_it_can_be() -> None:
    gates = {kind: torch.full((1, 7), 0.3) for kind in SMALL.cell_kinds}
    strong = next(kind for kind in SMALL.cell_kinds if kind.endswith("block-2"))
    for kind in SMALL.cell_kinds:
        gates[kind][0, 2] = 0.9 if kind == strong else 0.4
    found = dict(Threshold(0.85)(SMALL, gates, torch.Generator()).cells)
    for kind, cell in found.items():
        is_left_out = kind.endswith("block-2") and kind != strong
        assert cell.choices[0].op == ("skip_connect" if is_left_out else SMALL.ops[2])


def test_a_checkpoint_of_an_earlier_version_is_read_with_the_names_of_now() -> None:
    saved = {"live": {"b": [["mbconv_3x3_e3", "zero"]]}, "decisions": {"b": {0: "zero", 1: None}}, "epoch": 3}
    assert brought_up_to_date(saved, "proxyless") == {
        "live": {"b": [["mbconv_3x3_e3", "skip_connect"]]},
        "decisions": {"b": {0: "skip_connect", 1: None}},
        "epoch": 3,
    }
    assert brought_up_to_date(saved, "somebody-elses") == saved


engines = pytest.mark.parametrize("engine", [ReferenceSupernet, FusedSupernet])
IMAGES = torch.randn(3, 1, 8, 8, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
LABELS = torch.tensor([0, 1, 2])


def built(engine: type[ReferenceSupernet], space: SearchSpace) -> ReferenceSupernet:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return engine(spec(space=space)).double()


@engines
def test_for_gates_that_sum_to_one_both_forms_of_the_shortcut_are_the_same(engine: type[ReferenceSupernet]) -> None:
    shares = {kind: gate.softmax(dim=1) for kind, gate in gates_of(torch.Generator().manual_seed(2)).items()}
    # Blocks without a shortcut have no skip, and so the gates of their operations sum to less.
    new, old = (built(engine, space)(IMAGES, shares) for space in (SMALL, OLD_FORM))
    torch.testing.assert_close(new, old)
    independent = gates_of(torch.Generator().manual_seed(2))
    new, old = (built(engine, space)(IMAGES, independent) for space in (SMALL, OLD_FORM))
    assert not torch.allclose(new, old)


@engines
@pytest.mark.parametrize("start", ["half", "share"])
def test_every_sigmoid_gate_of_a_block_with_a_shortcut_has_a_gradient_that_of_the_skip_too(
    engine: type[ReferenceSupernet], start: Literal["half", "share"]
) -> None:
    """The gradient is that of finite differences; in the old form that of the skip is 0, so that it never learns."""
    supernet = built(engine, SMALL)
    recipe = Recipe(relaxation=Sigmoid(start))
    architecture = Architecture.of(recipe, SMALL, all_live(SMALL), torch.device("cpu"))
    alphas = {
        name: alpha.double().requires_grad_() for name, alpha in architecture.initial_alphas(torch.Generator()).items()
    }

    def loss(at: dict[str, torch.Tensor], of: ReferenceSupernet = supernet) -> torch.Tensor:
        return functional.cross_entropy(of(IMAGES, architecture.mean_gates(at)), LABELS)

    slopes = dict(zip(alphas, torch.autograd.grad(loss(alphas), list(alphas.values())), strict=True))
    with_shortcut = [place.kind for place in spec().plan.places if place.shortcut]
    assert len(with_shortcut) == 2
    for kind in with_shortcut:
        assert slopes[kind].abs().min() > 0, "all seven"
        for column in (0, 6):
            moved = []
            for step in (1e-5, -1e-5):
                at = alphas[kind].detach().clone()
                at[0, column] += step
                moved.append(float(loss({**alphas, kind: at}).detach()))
            # Errors of central differences are of the order of the square of the step, here 1e-10.
            assert float(slopes[kind][0, column]) == pytest.approx((moved[0] - moved[1]) / 2e-5, rel=1e-4, abs=1e-9)
    old = torch.autograd.grad(loss(alphas, built(engine, OLD_FORM)), list(alphas.values()))
    assert all(slope[0, 6] == 0 for name, slope in zip(alphas, old, strict=True) if name in with_shortcut), (
        "this is what the new form is for"
    )


@engines
def test_what_a_step_does_not_run_adds_no_shortcut(engine: type[ReferenceSupernet]) -> None:
    """A path runs one operation of each block; the gates of the others count for nothing."""
    supernet = built(engine, SMALL)
    gates = {kind: torch.ones(1, 7, dtype=torch.float64) for kind in SMALL.cell_kinds}
    path = {kind: [(6,) if kind.endswith("-block-2") else (1,)] for kind in SMALL.cell_kinds}
    one_hot = {
        kind: torch.nn.functional.one_hot(torch.tensor(columns[0]), 7).double() for kind, columns in path.items()
    }
    torch.testing.assert_close(supernet(IMAGES, gates, path), supernet(IMAGES, one_hot))


TEXT = (
    "proxyless: mbconv_3x3_e3 skip_connect mbconv_5x5_e6~cbam skip_connect | mbconv_7x7_e6 SKIPS | "
    "mbconv_3x3_e3 SKIPS | mbconv_3x3_e6 SKIPS | mbconv_5x5_e3 SKIPS | mbconv_7x7_e3"
).replace("SKIPS", "skip_connect skip_connect skip_connect")


def test_text_and_json_hold_one_operation_a_block() -> None:
    genotype = parse_genotype(TEXT)
    check_genotype(genotype, PROXYLESS)
    assert genotype.to_text() == TEXT
    content = genotype.to_json()
    assert content["stages"][0] == [
        ["mbconv_3x3_e3"],
        ["skip_connect"],
        ["mbconv_5x5_e6", "cbam"],
        ["skip_connect"],
    ]
    assert Genotype.from_json(content) == genotype
    assert parse_genotype(TEXT, "other").space == "other"


def test_zero_is_read_as_the_skip_that_it_was() -> None:
    """So blocks that were left out were called in earlier versions, in texts and in files."""
    old = TEXT.replace("skip_connect", "zero")
    assert parse_genotype(old).to_text() == TEXT
    content = {"space": "proxyless", "stages": [[["mbconv_3x3_e3"], ["zero"]]]}
    assert [choice.op for choice in Genotype.from_json(content).stages[0]] == ["mbconv_3x3_e3", "skip_connect"]
    assert current_name("proxyless-fairnas19", "zero") == current_name("proxyless:shortcut=x", "zero") == "skip_connect"
    assert current_name("somebody-elses", "zero") == "zero"


def test_the_text_of_a_space_with_options_can_be_read_back() -> None:
    space = get_space("proxyless:shortcut=unconditional")
    genotype = uniform("skip_connect", space)
    assert parse_genotype(genotype.to_text()) == genotype
    check_genotype(genotype, space)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (TEXT.replace("proxyless:", "proxyless-fairnas19:"), "has stages of 2, 4, 4, 4, 4, 1 blocks; this"),
        (TEXT.replace("| mbconv_7x7_e6", "| skip_connect"), "uses 'skip_connect'"),
        ("proxyless: skip_connect | | skip_connect", "one is empty"),
    ],
)
def test_what_is_no_architecture_is_refused(text: str, message: str) -> None:
    with pytest.raises(GenotypeError, match=message):
        check_genotype(parse_genotype(text), get_space(text.partition(":")[0]))


@pytest.mark.parametrize("name", ["p-darts", "dots", "darts-plus"])
def test_methods_of_repeated_cells_dropped_edges_or_skip_connections_are_refused(name: str) -> None:
    with pytest.raises(RecipeError, match="choose another method"):
        check_fit(make_recipe(name, {}), PROXYLESS)


@pytest.mark.parametrize("mixing", [Mixing(channel_share=4), Mixing(auxiliary_skip=True)])
def test_mixings_that_keep_the_number_of_channels_are_refused(mixing: Mixing) -> None:
    with pytest.raises(SettingsError, match="operations that keep the number of channels"):
        spec(mixing)


def test_another_depth_is_refused() -> None:
    with pytest.raises(SettingsError, match="set layers to 21"):
        PROXYLESS.plan(in_channels=3, num_classes=2, init_channels=24, layers=8)
