"""Whether images reach the classifier, beside a numeric twin: two images that differ give outputs that differ."""

from itertools import product

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from dartboard.space import (
    OPS,
    PUBLISHED,
    CellGenotype,
    Choice,
    Genotype,
    Network,
    SearchSpace,
    get_space,
    lets_images_through,
    parse_genotype,
)
from dartboard.space.ops import Norm, build_op, is_blind
from dartboard.testing.spaces import drawn_genotype


def is_function_of_images(space: SearchSpace, genotype: Genotype, layers: int) -> bool:
    """The slow twin: the network itself, in double precision, on two images of noise."""
    plan = space.plan(in_channels=1, num_classes=3, init_channels=4, layers=layers, image_size=(17, 17))
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = Network(space, genotype, plan).double().eval()
    images = torch.randn(2, 1, 17, 17, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        first, second = (network(image[None]) for image in images)  # one by one, so that noise is the same for both
    return not torch.equal(first, second)


@st.composite
def any_cells(draw: st.DrawFn, name: str, ops: tuple[str, ...]) -> Genotype:
    """A genotype with any operations, and in spaces that drop edges on any of them, as other tools may give it."""
    space, cells = get_space(name), []
    for kind in space.cell_kinds:
        choices: list[Choice] = []
        for node in space.cell.nodes:
            sources = [each for each in range(node) if each < space.cell.num_inputs or _receives(choices, each)]
            if space.cell.edges_per_node is not None:
                sources = sorted(draw(st.sets(st.sampled_from(sources))))
            choices += [Choice(node, source, draw(st.sampled_from(ops))) for source in sources]
        joined = (space.cell.nodes[-1],)
        if space.cell.output == "concat":
            joined = tuple(sorted(draw(st.sets(st.sampled_from(space.cell.nodes), min_size=1))))
        cells.append((kind, CellGenotype(tuple(choices), joined)))
    return Genotype(name, tuple(cells))


def _receives(choices: list[Choice], node: int) -> bool:
    return any(choice.target == node for choice in choices)


@given(any_cells("nas-bench-201", ("none", "skip_connect", "nor_conv_1x1", "avg_pool_3x3")), st.integers(1, 2))
@settings(max_examples=60)
def test_a_stack_of_equal_cells_lets_through_what_its_network_does(genotype: Genotype, layers: int) -> None:
    space = get_space(genotype.space)
    plan = space.plan(in_channels=1, num_classes=3, init_channels=4, layers=layers)
    seen = lets_images_through(space, genotype, plan)
    assert seen == is_function_of_images(space, genotype, layers)
    assert seen == lets_images_through(space, genotype)  # the depth does not matter here


@given(any_cells("darts:nodes=2", ("none", "noise", "skip_connect", "max_pool_3x3")), st.integers(3, 7))
@settings(max_examples=80)
def test_cells_that_read_the_two_before_them_let_through_what_their_network_does(
    genotype: Genotype, layers: int
) -> None:
    space = get_space(genotype.space)
    plan = space.plan(in_channels=1, num_classes=3, init_channels=4, layers=layers)
    assert lets_images_through(space, genotype, plan) == is_function_of_images(space, genotype, layers)


@pytest.mark.parametrize("shortcut", [True, False])
def test_a_block_of_a_layer_wise_network_passes_by_its_shortcut_alone(shortcut: bool) -> None:
    """The first block of every stage has none, so a `zero` there leaves nothing of an image."""
    space = get_space("proxyless")
    genotype = drawn_genotype(space)
    kind = next(
        kind for kind in space.cell_kinds if kind.startswith("stage-2-block-2" if shortcut else "stage-2-block-1")
    )
    emptied = CellGenotype((Choice(1, 0, "zero"),), (1,))
    genotype = Genotype(space.name, tuple((name, emptied if name == kind else cell) for name, cell in genotype.cells))
    assert lets_images_through(space, genotype) == shortcut
    assert is_function_of_images(space, genotype, space.skeleton.fewest_layers) == shortcut


@pytest.mark.parametrize(
    ("text", "passes"),
    [
        ("|none~0|+|none~0|none~1|+|none~0|none~1|skip_connect~2|", False),
        ("|none~0|+|skip_connect~0|none~1|+|none~0|none~1|skip_connect~2|", True),
        ("|none~0|+|none~0|none~1|+|avg_pool_3x3~0|none~1|none~2|", True),
        ("|skip_connect~0|+|none~0|none~1|+|none~0|none~1|nor_conv_1x1~2|", False),
        ("|none~0|+|none~0|none~1|+|none~0|none~1|none~2|", False),
    ],
)
def test_a_cell_passes_where_a_path_leads_from_its_input_to_its_output(text: str, passes: bool) -> None:
    assert lets_images_through(get_space("nas-bench-201"), parse_genotype(text)) == passes


def test_341_of_the_15625_cells_of_nas_bench_201_pass_nothing() -> None:
    """Counted by edges: 4 of 5 operations open one, and the paths are 0-3, 0-1-3, 0-2-3 and 0-1-2-3."""
    counted = 0
    for opened in product((True, False), repeat=6):
        e01, e02, e12, e03, e13, e23 = opened
        if not (e03 or (e01 and e13) or (e02 and e23) or (e01 and e12 and e23)):
            counted += 4 ** sum(opened)
    space = get_space("nas-bench-201")
    plan = space.plan(in_channels=3, num_classes=10, init_channels=16, layers=1)
    blind = 0
    for ops in product(space.ops, repeat=6):
        choices = tuple(Choice(edge.target, edge.source, op) for edge, op in zip(space.cell.edges, ops, strict=True))
        blind += not lets_images_through(space, Genotype(space.name, (("cell", CellGenotype(choices, (3,))),)), plan)
    assert blind == counted == 341


@pytest.mark.parametrize("name", PUBLISHED)
def test_every_published_architecture_sees_its_images(name: str) -> None:
    assert lets_images_through(get_space(PUBLISHED[name].space), PUBLISHED[name])


@pytest.mark.parametrize("name", [entry.name for entry in OPS])
def test_an_operation_is_registered_as_blind_if_its_output_is_the_same_for_all_inputs(name: str) -> None:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        op = build_op(name, 8, 1, Norm(affine=True, running=True), (6, 6)).double().eval()
    inputs = torch.randn(2, 8, 6, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        first, second = (op(each[None]) for each in inputs)
    assert torch.equal(first, second) == is_blind(name)
