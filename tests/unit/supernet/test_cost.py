"""What a step consists of and how much it writes, by hand, by torch's counter and by their laws."""

from dataclasses import replace
from itertools import pairwise

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from dartboard.space import Norm, get_space
from dartboard.supernet import Mixing, ReferenceSupernet, SupernetSpec
from dartboard.supernet.cost import pieces_of_step, values_written
from dartboard.supernet.spec import SEARCH_NORM
from supernet.sizes import SPACES, attentive, spec_of, tiny


def gates_of(spec: SupernetSpec) -> dict[str, torch.Tensor]:
    gates = {kind: torch.empty(shape, device="meta") for kind, shape in spec.gate_shapes.items()}
    shape = (len(spec.space.cell.edges), len(spec.mixing.attention))
    ends = {f"{kind}.end": torch.empty(len(spec.mixing.end), device="meta") for kind in gates}
    return gates | ends | {f"{kind}.attention": torch.empty(shape, device="meta") for kind in gates}


def at_the_end(spec: SupernetSpec, image: tuple[int, int]) -> SupernetSpec:
    attended = attentive(spec, image)
    return replace(attended, mixing=Mixing(end=attended.mixing.attention))


@pytest.mark.parametrize(
    ("spec", "image"),
    [
        (spec_of("darts"), (8, 8)),
        (spec_of("darts", channels=6, layers=4), (13, 9)),
        (spec_of("darts", ops=3, nodes=2), (8, 8)),
        (spec_of("darts", stem="imagenet"), (70, 57)),
        (spec_of("nas-bench-201"), (7, 7)),
        (spec_of("nas-bench-201", channels=8, layers=1, nodes=4), (32, 32)),
        (replace(spec_of("darts", channels=8), mixing=Mixing(channel_share=4)), (8, 8)),
        (attentive(spec_of("darts", channels=32, ops=3, nodes=2), (9, 8)), (9, 8)),
        (attentive(spec_of("nas-bench-201", layers=1), (8, 8)), (8, 8)),
        (at_the_end(spec_of("darts", ops=3, nodes=2), (9, 8)), (9, 8)),
        (spec_of("darts").with_live({"normal": [["skip_connect"]] * 7 + [["sep_conv_3x3"]] * 7}), (8, 8)),
    ],
    ids=[
        "darts",
        "odd images",
        "smaller cells",
        "imagenet stem",
        "nas-bench-201",
        "more nodes",
        "partial",
        "attention",
        "other attention",
        "attention at the end",
        "live",
    ],
)
def test_multiply_adds_and_weights_are_those_of_the_definition(spec: SupernetSpec, image: tuple[int, int]) -> None:
    with torch.device("meta"):
        supernet = ReferenceSupernet(spec)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        supernet(torch.empty(3, 3, *image, device="meta"), gates_of(spec))
    pieces = list(pieces_of_step(spec, 3, image))
    assert 2 * sum(piece.multiply_adds for piece in pieces) == counter.get_total_flops()
    assert sum(piece.parameters for piece in pieces) == sum(weight.numel() for weight in supernet.parameters())


BATCH, SIZE = 5, (4, 4)
MAP = 2 * 5 * 4 * 4
"""Values of a feature map of the tiny cell."""
UPDATE = 6
"""How often a weight is written to move it."""


def inside(*ops: str, norm: Norm = SEARCH_NORM) -> int:
    """What these operations add to what the tiny supernet writes, on 5 images of 4x4 pixels."""
    values, bare = (values_written(tiny(*names, norm=norm), BATCH, SIZE) for names in (ops, ("none",)))
    return values - bare


def test_an_identity_is_only_gated() -> None:
    # Twice the product with its gate; in either backward pass the gradients of both and of what was added to.
    assert inside("skip_connect") == (2 * 1 + 2 * 3) * MAP


def test_a_pooling_is_normalized_and_gated() -> None:
    # Twice the pooling, the norm and the gate; backward the gradients of the pooling and of the norm, and the gate's.
    assert inside("max_pool_3x3") == (2 * 3 + 2 * 2 + 2 * 3) * MAP


def test_a_plain_convolution_is_rectified_convolved_normalized_and_gated() -> None:
    weights = 2 * 2 * 9 + 2 * 2
    assert inside("nor_conv_3x3", norm=Norm(affine=True, running=False)) == (2 * 4 + 2 * 6) * MAP + UPDATE * weights


@pytest.mark.parametrize(("name", "size"), [("nor_conv_1x1", 1), ("nor_conv_3x3", 9)])
def test_a_dense_convolution_forms_nothing_behind_its_output_and_its_sum(name: str, size: int) -> None:
    rectifying, reading = 4, 2 * 1 + 2 * 2
    assert inside(name) == (rectifying + reading + 2 * 2 + 2 * 2) * MAP + UPDATE * 2 * 2 * size


def test_a_separable_convolution_writes_more_than_twice_as_much_for_its_second_half() -> None:
    weights, rectifying, reading, copies = 2 * 9 + 2 * 2, 4, 2, 2
    assert inside("dil_conv_3x3") == (rectifying + reading + 4 * 3 + copies) * MAP + UPDATE * weights
    # The two halves; between them the map, normalised and rectified, which is rectified once more for the weights.
    assert inside("sep_conv_3x3") == (rectifying + reading + 4 * 6 + 4 + 1) * MAP + UPDATE * 2 * weights


def test_edges_from_one_node_share_a_pooling_and_what_convolutions_are_folded_with() -> None:
    """With two nodes, node 1 is reached from the input like node 2, which node 1 reaches too: 3 edges, 2 sources."""
    none, pooled, convolved = (
        replace(spec, space=replace(spec.space, cell=replace(spec.space.cell, num_nodes=2)))
        for spec in map(tiny, ("none", "max_pool_3x3", "nor_conv_3x3"))
    )
    bare = values_written(none, BATCH, SIZE)
    assert values_written(pooled, BATCH, SIZE) - bare == (2 * (2 * 2 + 2 * 2) + 3 * (2 * 1 + 2 * 3)) * MAP
    edges, bundles = 3 * (8 * MAP + UPDATE * 2 * 2 * 9), 2 * (4 + 6) * MAP
    assert values_written(convolved, BATCH, SIZE) - bare == edges + bundles


@pytest.mark.parametrize("name", SPACES)
def test_twice_the_batch_is_twice_what_is_not_weights(name: str) -> None:
    spec = spec_of(name)
    weights = UPDATE * sum(piece.parameters for piece in pieces_of_step(spec, 3, (8, 8)))
    one, two = (values_written(spec, batch, (8, 8)) - weights for batch in (3, 6))
    assert two == 2 * one


@pytest.mark.parametrize("name", SPACES)
@pytest.mark.parametrize("larger", [{"channels": 8}, {"layers": 4}, {"nodes": 5}], ids=["channels", "layers", "nodes"])
def test_more_is_written_where_the_supernet_grows(name: str, larger: dict[str, int]) -> None:
    assert values_written(spec_of(name, **larger), 4, (8, 8)) > values_written(spec_of(name), 4, (8, 8))


@pytest.mark.parametrize("name", SPACES)
def test_every_further_operation_adds_work(name: str) -> None:
    ops = len(get_space(name).ops)
    values = [values_written(spec_of(name, ops=count), 4, (8, 8)) for count in range(1, ops + 1)]
    assert values[-1] == values[-2], "`none`, the last to come, costs nothing"
    assert all(after > before for before, after in pairwise(values[:-1]))


def test_the_parts_of_mixing_add_work() -> None:
    spec = spec_of("darts", channels=8)

    def values(mixing: Mixing) -> int:
        return values_written(replace(spec, mixing=mixing), 4, (8, 8))

    plain = values(Mixing())
    assert values(Mixing(auxiliary_skip=True)) > plain
    assert values(Mixing(attention=("nor_conv_1x1",))) > plain
    assert values(Mixing(channel_share=4)) < plain


def test_counting_draws_no_random_numbers() -> None:
    torch.manual_seed(0)
    expected = torch.rand(1)
    torch.manual_seed(0)
    values_written(replace(spec_of("darts"), norm=replace(spec_of("darts").norm)), 2, (8, 8))
    assert torch.equal(torch.rand(1), expected)
