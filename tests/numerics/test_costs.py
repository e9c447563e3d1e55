"""Sizes and multiply-adds of the literature's networks, and the formulas against counted networks."""

import itertools
import random
from collections import Counter
from dataclasses import replace
from functools import cache

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from dartboard.space import (
    ATTENTION,
    PUBLISHED,
    CellGenotype,
    Choice,
    Cost,
    Genotype,
    Network,
    NetworkPlan,
    SearchSpace,
    Stem,
    get_space,
    network_cost,
    parse_genotype,
    smallest_map,
)
from dartboard.space.ops import op_cost
from dartboard.space.skeleton import CellPlace
from dartboard.supernet import ReferenceSupernet, SupernetSpec
from dartboard.supernet.spec import SEARCH_NORM

DARTS = get_space("darts")
NB201 = get_space("nas-bench-201")

# Evaluation networks. Columns: C=36, L=20, 10 classes: parameters, then with the auxiliary head, then millions of
# multiply-adds at 32x32; C=48, L=14, ImageNet stem, 1000 classes: parameters and millions of multiply-adds at 224x224.
DARTS_TABLE = [
    ("darts-v1", 3_169_414, 3_645_840, 500.99, 4_510_432, 505.9),
    ("darts-v2", 3_349_342, 3_825_768, 528.36, 4_718_752, 529.9),
    ("p-darts", 3_433_798, 3_910_224, 532.17, 4_944_352, 542.8),
    ("pc-darts-cifar", 3_634_678, 4_111_104, 556.67, 5_270_560, 571.1),
    ("pc-darts-imagenet", 3_721_510, 4_197_936, 570.47, 5_342_464, 581.6),
    ("gdas-v1", 3_368_782, 3_845_208, 519.43, 4_969_216, 537.6),
    ("snas", 2_661_382, 3_137_808, 422.22, None, None),
    ("drnas-cifar", 4_099_294, 4_575_720, 635.14, 5_738_464, None),
    ("drnas-imagenet", 4_048_750, 4_525_176, None, 5_726_368, 624.4),
    ("sgas-cri2-4", 3_909_430, 4_385_856, None, None, None),
    ("darts-pt", 2_851_246, 3_327_672, None, None, None),
]
names = pytest.mark.parametrize("name", [row[0] for row in DARTS_TABLE])
strings_201 = ["|{}~0|+|{}~0|{}~1|+|{}~0|{}~1|{}~2|".format(*ops) for ops in itertools.product(NB201.ops, repeat=6)]


def darts_cost(name: str, channels: int, layers: int, classes: int = 10, stem: Stem = "cifar") -> Cost:
    plan = DARTS.plan(in_channels=3, num_classes=classes, init_channels=channels, layers=layers, stem=stem)
    return network_cost(DARTS, PUBLISHED[name], plan, (32, 32) if stem == "cifar" else (224, 224))


@cache
def nb201_plan(classes: int = 10) -> NetworkPlan:
    return NB201.plan(in_channels=3, num_classes=classes, init_channels=16, layers=5)


def nb201_cost(text: str, classes: int = 10, side: int = 32) -> Cost:
    return network_cost(NB201, parse_genotype(text), nb201_plan(classes), (side, side))


def built_parameters(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def supernet_parameters(space: SearchSpace, *, layers: int, in_channels: int = 3, num_classes: int = 10) -> int:
    with torch.device("meta"):
        plan = space.plan(in_channels=in_channels, num_classes=num_classes, init_channels=16, layers=layers)
        return built_parameters(ReferenceSupernet(SupernetSpec(space, plan)))


def counted(module: nn.Module, *shape: int) -> int:
    """Multiply-adds of convolutions and matrix products, by torch's own counter; nothing is computed on "meta"."""
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        module(torch.empty(1, *shape, device="meta"))
    flops = counter.get_total_flops()
    assert flops % 2 == 0
    return flops // 2


def random_genotype(space: SearchSpace, seed: int, *, attention: bool = False) -> Genotype:
    draw = random.Random(seed)
    ops = [space.ops[column] for column in space.selectable_ops]
    nodes = tuple(space.cell.nodes)
    cells = {}
    for kind in space.cell_kinds:
        choices = [
            Choice(node, source, draw.choice(ops), draw.choice(["", *ATTENTION]) if attention else "")
            for node in nodes
            for source in sorted(draw.sample(range(node), space.cell.edges_per_node or node))
        ]
        cells[kind] = CellGenotype(tuple(choices), nodes if space.cell.output == "concat" else nodes[-1:])
    return Genotype(space.name, tuple(cells.items()))


@pytest.mark.parametrize(("name", "parameters", "_aux", "mega", "_parameters", "_mega"), DARTS_TABLE)
def test_cifar_networks_have_the_known_size(
    name: str, parameters: int, _aux: int, mega: float | None, _parameters: int, _mega: float
) -> None:
    cost = darts_cost(name, 36, 20)
    assert cost.parameters == parameters
    assert mega is None or round(cost.multiply_adds / 1e6, 2) == mega


@pytest.mark.parametrize(("name", "_params", "_aux", "_mega", "parameters", "mega"), DARTS_TABLE)
def test_imagenet_networks_have_the_known_size(
    name: str, _params: int, _aux: int, _mega: float, parameters: int | None, mega: float | None
) -> None:
    cost = darts_cost(name, 48, 14, classes=1000, stem="imagenet")
    assert parameters is None or cost.parameters == parameters
    assert mega is None or round(cost.multiply_adds / 1e6, 1) == mega


@pytest.mark.parametrize(("name", "without", "with_head"), [row[:3] for row in DARTS_TABLE])
def test_built_cifar_networks_have_the_known_size_with_and_without_auxiliary_head(
    name: str, without: int, with_head: int
) -> None:
    plan = DARTS.plan(in_channels=3, num_classes=10, init_channels=36, layers=20)
    with torch.device("meta"):
        network = Network(DARTS, PUBLISHED[name], plan, auxiliary=True)
    assert network.auxiliary_head is not None
    head = built_parameters(network.auxiliary_head)
    assert (built_parameters(network), built_parameters(network) - head, head) == (with_head, without, 476_426)


@names
def test_a_hundred_classes_add_ninety_rows_to_the_classifier(name: str) -> None:
    assert darts_cost(name, 36, 20, classes=100).parameters - darts_cost(name, 36, 20).parameters == 51_930


@pytest.mark.parametrize("name", ["darts-v2", "drnas-cifar"])
def test_the_imagenet_auxiliary_head_lacks_the_last_norm(name: str) -> None:
    plan = DARTS.plan(in_channels=3, num_classes=1000, init_channels=48, layers=14, stem="imagenet")
    with torch.device("meta"):
        network = Network(DARTS, PUBLISHED[name], plan, auxiliary=True)
    cost = network_cost(DARTS, PUBLISHED[name], plan, (224, 224))
    assert built_parameters(network) - cost.parameters == 1_260_776


@pytest.mark.parametrize(
    ("name", "channels", "layers", "parameters"),
    [
        ("darts-v1", 36, 14, 2_132_182),
        ("darts-v2", 36, 14, 2_252_134),
        ("p-darts", 36, 14, 2_388_502),
        ("pc-darts-cifar", 36, 14, 2_581_318),
        ("darts-v1", 16, 8, 232_890),
        ("darts-v2", 16, 8, 246_106),
    ],
)
def test_smaller_networks_have_the_known_size(name: str, channels: int, layers: int, parameters: int) -> None:
    assert darts_cost(name, channels, layers).parameters == parameters


@pytest.mark.parametrize(
    ("layers", "in_channels", "num_classes", "parameters"),
    [(8, 3, 10, 1_930_618), (8, 1, 10, 1_929_754), (8, 3, 100, 1_953_748), (5, 3, 10, 1_275_834)],
    ids=["DARTS", "gray", "100 classes", "P-DARTS stage 1"],
)
def test_the_darts_supernet_has_the_known_size(
    layers: int, in_channels: int, num_classes: int, parameters: int
) -> None:
    built = supernet_parameters(DARTS, layers=layers, in_channels=in_channels, num_classes=num_classes)
    assert built == parameters


def test_the_darts_supernet_divides_into_normal_and_reduction_candidates_and_the_rest() -> None:
    plan = DARTS.plan(in_channels=3, num_classes=10, init_channels=16, layers=8)
    with torch.device("meta"):
        supernet = ReferenceSupernet(SupernetSpec(DARTS, plan))
    sizes: Counter[str] = Counter()
    for name, parameter in supernet.named_parameters():
        parts = name.split(".")
        inside = parts[1] == "blocks" and parts[3] == "edges"
        sizes[plan.places[int(parts[2])].kind if inside else "rest"] += parameter.numel()
    assert sizes == {"normal": 1_223_040, "reduce": 608_128, "rest": 99_450}


@pytest.mark.parametrize("ops", [("skip_connect", "sep_conv_3x3"), ("none", "skip_connect", "sep_conv_3x3")])
def test_the_supernets_of_robust_darts_s2_and_s3_have_one_size(ops: tuple[str, ...]) -> None:
    assert supernet_parameters(replace(DARTS, name="robust", ops=ops), layers=8) == 665_466


_SHORT = {
    "id": "skip_connect",
    "m3": "max_pool_3x3",
    "a3": "avg_pool_3x3",
    "s3": "sep_conv_3x3",
    "d3": "dil_conv_3x3",
    "d5": "dil_conv_5x5",
}
_S1 = {
    "normal": "id,d3 id,d5 id,d5 id,s3 id,d3 m3,id id,s3 id,s3 id,d3 id,s3 m3,id id,d3 d3,d5 d3,d5",
    "reduce": "m3,a3 m3,d3 m3,a3 m3,a3 id,d5 m3,a3 m3,s3 id,d3 id,d5 m3,a3 m3,a3 id,d5 id,d5 id,d5",
}
"""RobustDARTS S1: the candidates of each edge (Zela et al. 2020, arXiv:1909.09656)."""

S1_LISTS = {
    kind: tuple(tuple(_SHORT[name] for name in edge.split(",")) for edge in text.split()) for kind, text in _S1.items()
}


def supernet_size_by_formula(candidates: dict[str, tuple[tuple[str, ...], ...]], divisor: int = 1) -> int:
    """Weights of a DARTS supernet (C=16, L=8) whose edges hold those candidates on a share of the channels."""
    places = DARTS.plan(in_channels=3, num_classes=10, init_channels=16, layers=8).places
    size = 99_450
    for place in places:
        assert isinstance(place, CellPlace)
        for edge, ops in zip(DARTS.cell.edges, candidates[place.kind], strict=True):
            stride = place.stride if edge.source < DARTS.cell.num_inputs else 1
            size += sum(op_cost(name, place.channels // divisor, stride, SEARCH_NORM, 1).parameters for name in ops)
    return size


@pytest.mark.parametrize(
    ("candidates", "divisor", "parameters"),
    [
        (dict.fromkeys(DARTS.cell_kinds, (DARTS.ops,) * 14), 1, 1_930_618),
        (S1_LISTS, 1, 405_146),
        (dict.fromkeys(DARTS.cell_kinds, (("sep_conv_3x3",),) * 14), 1, 624_506),
        (dict.fromkeys(DARTS.cell_kinds, (DARTS.ops,) * 14), 4, 299_578),
    ],
    ids=["DARTS", "S1", "S4, whose noise has no weights", "PC-DARTS, a quarter of the channels"],
)
def test_the_formulas_give_the_known_sizes_of_related_supernets(
    candidates: dict[str, tuple[tuple[str, ...], ...]], divisor: int, parameters: int
) -> None:
    assert supernet_size_by_formula(candidates, divisor) == parameters


def test_the_nas_bench_201_supernet_has_the_known_size() -> None:
    assert supernet_parameters(NB201, layers=5) == 1_686_106 == 73_306 + 6 * (26_880 + 241_920)


# Every seventh has all operations on all edges: seven and the five operations have no common factor.
@pytest.mark.parametrize(("step", "different"), [(7, 24), pytest.param(1, 28, marks=pytest.mark.slow)])
def test_the_size_of_every_nas_bench_201_architecture_is_the_benchmarks(step: int, different: int) -> None:
    sizes = set()
    for text in strings_201[::step]:
        ones, threes = text.count("nor_conv_1x1"), text.count("nor_conv_3x3")
        cost = nb201_cost(text)
        assert cost.parameters == 73_306 + 28_000 * ones + 243_040 * threes
        assert cost.multiply_adds == 7_783_040 + 3_932_160 * ones + 35_389_440 * threes
        sizes.add(cost.parameters)
    assert len(sizes) == different


@pytest.mark.parametrize(
    ("name", "parameters", "multiply_adds"),
    [
        ("nas-bench-201-9930", 1_288_506, 184_730_240),
        ("nas-bench-201-resnet", 559_386, 78_561_920),
        (
            "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|nor_conv_3x3~0|nor_conv_3x3~1|nor_conv_3x3~2|",
            1_531_546,
            220_119_680,
        ),
    ],
    ids=["9930", "11472", "1462"],
)
def test_built_nas_bench_201_networks_have_the_benchmarks_size(name: str, parameters: int, multiply_adds: int) -> None:
    genotype = PUBLISHED[name] if name in PUBLISHED else parse_genotype(name)
    plan = nb201_plan()
    with torch.device("meta"):
        network = Network(NB201, genotype, plan).eval()
    assert network_cost(NB201, genotype, plan, (32, 32)) == Cost(parameters, multiply_adds)
    assert (built_parameters(network), counted(network, 3, 32, 32)) == (parameters, multiply_adds)


@pytest.mark.parametrize(("classes", "more"), [(100, 5_850), (120, 7_150)])
def test_more_classes_add_to_nas_bench_201_the_rows_of_the_classifier(classes: int, more: int) -> None:
    assert nb201_cost(strings_201[0], classes).parameters == 73_306 + more


@pytest.mark.parametrize("text", strings_201[::2500])
def test_half_the_side_divides_the_convolutions_of_nas_bench_201_by_four(text: str) -> None:
    linear = 64 * 10
    small, large = nb201_cost(text, side=16), nb201_cost(text)
    assert 4 * (small.multiply_adds - linear) == large.multiply_adds - linear


@pytest.mark.parametrize(
    ("name", "channels", "layers", "stem", "side"),
    [("darts-v2", 36, 20, "cifar", 32), ("gdas-v1", 48, 14, "imagenet", 224)],
)
def test_published_networks_cost_what_torch_counts(
    name: str, channels: int, layers: int, stem: Stem, side: int
) -> None:
    plan = DARTS.plan(in_channels=3, num_classes=10, init_channels=channels, layers=layers, stem=stem)
    with torch.device("meta"):
        network = Network(DARTS, PUBLISHED[name], plan).eval()
    built = Cost(built_parameters(network), counted(network, 3, side, side))
    assert network_cost(DARTS, PUBLISHED[name], plan, (side, side)) == built


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    ("name", "image", "stem"),
    [(name, image, "cifar") for name in ("darts", "nas-bench-201") for image in [(1, 7, 7), (3, 28, 28), (1, 33, 21)]]
    + [("darts", (3, 33, 33), "cifar"), ("darts", (3, 70, 57), "imagenet"), ("nas-bench-201", (3, 33, 33), "cifar")],
)
def test_random_networks_cost_what_torch_counts(name: str, image: tuple[int, int, int], stem: Stem, seed: int) -> None:
    space = get_space(name)
    genotype = random_genotype(space, seed)
    plan = space.plan(in_channels=image[0], num_classes=5, init_channels=4, layers=3 + seed, stem=stem)
    with torch.device("meta"):
        network = Network(space, genotype, plan).eval()
    built = Cost(built_parameters(network), counted(network, *image))
    assert network_cost(space, genotype, plan, image[1:]) == built


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    ("name", "image", "stem"),
    [
        ("darts", (3, 28, 28), "cifar"),
        ("nas-bench-201", (1, 33, 21), "cifar"),
        ("darts", (3, 70, 57), "imagenet"),
    ],
)
def test_random_networks_with_attention_cost_what_torch_counts(
    name: str, image: tuple[int, int, int], stem: Stem, seed: int
) -> None:
    space = get_space(name)
    genotype = random_genotype(space, seed, attention=True)
    plan = space.plan(in_channels=image[0], num_classes=5, init_channels=16, layers=3, stem=stem, image_size=image[1:])
    with torch.device("meta"):
        network = Network(space, genotype, plan).eval()
    built = Cost(built_parameters(network), counted(network, *image))
    assert network_cost(space, genotype, plan, image[1:]) == built


@pytest.mark.parametrize(
    ("stem", "size", "smallest"),
    [
        ("cifar", (32, 32), (8, 8)),
        ("cifar", (28, 33), (7, 9)),
        ("cifar", (7, 4), (2, 1)),
        ("imagenet", (224, 224), (7, 7)),
        ("imagenet", (33, 64), (2, 2)),
    ],
)
def test_the_smallest_map_is_the_input_of_the_global_pooling(
    stem: Stem, size: tuple[int, int], smallest: tuple[int, int]
) -> None:
    plan = DARTS.plan(in_channels=3, num_classes=2, init_channels=4, layers=3, stem=stem)
    seen = []
    with torch.device("meta"):
        network = Network(DARTS, random_genotype(DARTS, 0), plan).eval()
        network.backbone.head.register_forward_pre_hook(lambda _module, inputs: seen.append(inputs[0].shape[2:]))
        network(torch.empty(1, 3, *size))
    assert smallest_map(plan, size) == tuple(seen[0]) == smallest
