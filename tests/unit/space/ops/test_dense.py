"""Dense blocks: order of their parts, shortcuts, channels that change, and costs there."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional
from torch.utils.flop_counter import FlopCounterMode

from dartboard.space import OPS, Cost, Norm
from dartboard.space.ops import build_op, op_cost, rounds_down
from dartboard.space.ops.dense import stage_stem, stage_stem_cost

NORM = Norm(affine=True, running=True)
NAMES = tuple(entry.name for entry in OPS if entry.factory.__module__.endswith(".dense"))


def images(channels: int = 4) -> Tensor:
    return torch.randn(3, channels, 9, 7, generator=torch.Generator().manual_seed(0))


def built(name: str, channels: int, stride: int, inputs: int) -> torch.nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return build_op(name, channels, stride, NORM, None, inputs).train()


def normalised(x: Tensor) -> Tensor:
    return functional.batch_norm(x, None, None, training=True)


@pytest.mark.parametrize(("name", "kernel"), [("dense_1x1", 1), ("dense_3x3", 3), ("dense_5x5", 5)])
@pytest.mark.parametrize("stride", [1, 2])
def test_pooling_stands_between_convolution_and_norm(name: str, kernel: int, stride: int) -> None:
    op, x = built(name, 6, stride, 4), images()
    convolved = functional.conv2d(x, op[0].weight, padding=kernel // 2)
    pooled = functional.max_pool2d(convolved, stride)
    torch.testing.assert_close(op(x), functional.gelu(normalised(pooled)))


@pytest.mark.parametrize("stride", [1, 2])
def test_the_variants_pool_first_or_end_in_a_relu(stride: int) -> None:
    x = images()
    first, relu = built("pool_dense_3x3", 6, stride, 4), built("dense_3x3_relu", 6, stride, 4)
    (weight,) = (each for each in first.parameters() if each.dim() == 4)
    convolved = functional.conv2d(functional.max_pool2d(x, stride), weight, padding=1)
    torch.testing.assert_close(first(x), functional.gelu(normalised(convolved)))
    convolved = functional.conv2d(x, relu[0].weight, padding=1)
    torch.testing.assert_close(relu(x), normalised(functional.max_pool2d(convolved, stride)).relu())


@pytest.mark.parametrize("inputs", [4, 6])
@pytest.mark.parametrize("stride", [1, 2])
def test_a_residual_block_adds_what_its_shortcut_gives(stride: int, inputs: int) -> None:
    op, dense, x = built("residual_3x3", 6, stride, inputs), built("dense_3x3", 6, stride, inputs), images(inputs)
    shortcut = x if stride == 1 else functional.avg_pool2d(x, 2)
    if inputs != 6:
        shortcut = functional.conv2d(shortcut, op.shortcut[-1].weight)
    torch.testing.assert_close(op(x), dense(x) + shortcut)


@pytest.mark.parametrize(("stride", "inputs", "adds"), [(1, 6, True), (1, 4, False), (2, 6, False), (2, 4, False)])
def test_a_bottleneck_adds_its_input_where_the_shape_stays(stride: int, inputs: int, adds: bool) -> None:
    op, x = built("bottleneck_3x3", 6, stride, inputs).eval(), images(inputs)
    with torch.no_grad():
        for parameter in op.parameters():
            if parameter.dim() == 4:
                parameter.zero_()
    assert torch.equal(op(x), x) if adds else not op(x).any()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("stride", [1, 2])
@settings(max_examples=4)
@given(inputs=st.integers(1, 9), channels=st.integers(1, 9), height=st.integers(2, 12), width=st.integers(2, 12))
def test_costs_are_counted_where_channels_change(
    name: str, stride: int, inputs: int, channels: int, height: int, width: int
) -> None:
    with torch.device("meta"):
        op = build_op(name, channels, stride, NORM, None, inputs).eval()
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            out = op(torch.empty(1, inputs, height, width))
    assert out.shape == (1, channels, height // stride, width // stride)
    counted = Cost(sum(each.numel() for each in op.parameters()), counter.get_total_flops() // 2)
    pixels = out[0, 0].numel()
    assert op_cost(name, channels, stride, NORM, pixels, inputs=inputs, input_pixels=height * width) == counted


@pytest.mark.parametrize(("patch", "size"), [(1, (9, 10)), (4, (2, 2))])
def test_the_stem_keeps_the_size_or_divides_it_rounding_down(patch: int, size: tuple[int, int]) -> None:
    with torch.device("meta"):
        stem = stage_stem(3, 5, patch, NORM)
        with FlopCounterMode(display=False) as counter:
            assert stem(torch.empty(1, 3, 9, 10)).shape == (1, 5, *size)
    counted = Cost(sum(each.numel() for each in stem.parameters()), counter.get_total_flops() // 2)
    assert stage_stem_cost(3, 5, patch, NORM, size[0] * size[1]) == counted


def test_dense_blocks_and_no_others_round_down() -> None:
    registered = {entry.name for entry in OPS if entry.factory.__module__.startswith("dartboard.")}
    assert {name for name in registered if rounds_down(name)} == set(NAMES)
