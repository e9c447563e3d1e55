"""Every registered operation keeps the contract that `dartboard.testing` ships, and is what the literature says."""

import pytest
import torch
from torch import nn

from dartboard.errors import UnknownNameError
from dartboard.space import ATTENTION, OPS, Norm
from dartboard.space.ops import build_op, op_cost
from dartboard.testing import OperationContract
from dartboard.testing.operations import CHANNELS, NORMS, build, images

NAMES = [entry.name for entry in OPS]
every_op = pytest.mark.parametrize("name", NAMES)
every_build = pytest.mark.parametrize(
    ("name", "stride"), [(name, stride) for name in NAMES for stride in (1, 2) if stride == 1 or name not in ATTENTION]
)
# The literature's parameter counts at stride 1 on one pixel with affine batch norm, by the channels; 0 elsewhere.
PARAMETERS = {
    "sep_conv_3x3": lambda c: 2 * (9 * c + c * c + 2 * c),
    "sep_conv_5x5": lambda c: 2 * (25 * c + c * c + 2 * c),
    "sep_conv_7x7": lambda c: 2 * (49 * c + c * c + 2 * c),
    "dil_conv_3x3": lambda c: 9 * c + c * c + 2 * c,
    "dil_conv_5x5": lambda c: 25 * c + c * c + 2 * c,
    "nor_conv_1x1": lambda c: c * c + 2 * c,
    "nor_conv_3x3": lambda c: 9 * c * c + 2 * c,
    "squeeze_excite": lambda c: 2 * c * (c // 16),
    "bam": lambda c: 3 * c * (c // 16) + c + 18 * (c // 16) ** 2 + 13 * (c // 16) + 1,
    "cbam": lambda c: 2 * c * (c // 16) + (c // 16) + c + 2 * 49 + 2,
    "gather_excite": lambda c: c + 2 * c + 2 * c * (c // 16),
    "double_attention": lambda c: c * c + 3 * (c // 4) + c,
    **{
        f"mbconv_{k}x{k}_e{e}": lambda c, k=k, e=e: 2 * e * c * c + e * c * k * k + 2 * (2 * e * c + c)
        for k in (3, 5, 7)
        for e in (3, 6)
    },
    "dense_1x1": lambda c: c * c + 2 * c,
    **{name: lambda c: 9 * c * c + 2 * c for name in ("dense_3x3", "dense_3x3_relu", "pool_dense_3x3", "residual_3x3")},
    "dense_5x5": lambda c: 25 * c * c + 2 * c,
    "bottleneck_3x3": lambda c: 2 * c * (c // 2) + 9 * (c // 2) ** 2 + 4 * (c // 2) + 2 * c,
}
DENSE = ("dense", "pool_dense", "residual", "bottleneck")


class TestEveryOperation(OperationContract):
    operations = NAMES
    without_gradient = ("none", "zero", "noise")


@every_op
def test_the_number_of_parameters_is_the_literatures(name: str) -> None:
    cost = op_cost(name, 36, 1, Norm(affine=True, running=True), 1)
    assert cost.parameters == PARAMETERS.get(name, lambda _: 0)(36)


@every_build
def test_batch_norm_stands_behind_convolutions_and_in_three_attentions(name: str, stride: int) -> None:
    for norm in NORMS:
        built = any(isinstance(module, nn.BatchNorm2d) for module in build(name, stride, norm).modules())
        attends = name in ("bam", "cbam", "gather_excite")
        assert built == ("conv" in name or name.startswith(DENSE) or attends or (name, stride) == ("skip_connect", 2))


@every_build
def test_no_convolution_outside_of_attention_has_a_bias(name: str, stride: int) -> None:
    modules = build(name, stride, Norm(affine=True, running=True)).modules()
    biased = any(module.bias is not None for module in modules if isinstance(module, nn.Conv2d))
    assert biased == (name in ("bam", "cbam", "double_attention"))


def test_noise_reads_nothing_of_any_image() -> None:
    op, x = build("noise", 1, Norm(affine=True, running=True)).eval(), images(7, 7)
    assert torch.equal(op(x), op(torch.zeros_like(x)))


@every_op
def test_every_operation_says_where_it_comes_from(name: str) -> None:
    assert OPS[name].paper.startswith("arXiv:")


def test_none_of_stride_two_gives_zeros_of_half_the_side() -> None:
    out = build("none", 2, Norm(affine=False, running=False))(images(7, 7))
    assert torch.equal(out, torch.zeros(3, CHANNELS, 4, 4, dtype=torch.float64))


def test_the_identity_is_the_identity() -> None:
    x = images(7, 7)
    assert build("skip_connect", 1, Norm(affine=False, running=False))(x) is x


def test_average_pooling_does_not_count_padding() -> None:
    op = build("avg_pool_3x3", 1, Norm(affine=False, running=False))
    ones = torch.ones(1, CHANNELS, 5, 5, dtype=torch.float64)
    assert torch.equal(op(ones), ones)


@pytest.mark.parametrize(
    ("name", "reach"),
    [
        ("sep_conv_3x3", 2),
        ("sep_conv_5x5", 4),
        ("sep_conv_7x7", 6),
        ("dil_conv_3x3", 2),
        ("dil_conv_5x5", 4),
        ("nor_conv_1x1", 0),
        ("nor_conv_3x3", 1),
        ("dense_1x1", 0),
        ("dense_3x3", 1),
        ("dense_5x5", 2),
        ("dense_3x3_relu", 1),
        ("pool_dense_3x3", 1),
        ("residual_3x3", 1),
        ("bottleneck_3x3", 1),
        ("max_pool_3x3", 1),
        ("avg_pool_3x3", 1),
    ],
)
def test_an_output_sees_exactly_the_pixels_within_reach(name: str, reach: int) -> None:
    op = build(name, 1, Norm(affine=True, running=True)).eval()
    x = images(17, 17)[:1].abs().add(1.0)
    # The largest value in the corner of the window, so that the maximum comes from there.
    x[:, :, 8 - reach, 8 - reach] = 10.0
    with torch.no_grad():
        for parameter in op.parameters():
            parameter.abs_().add_(0.1)
    x.requires_grad_()
    op(x)[:, :, 8, 8].sum().backward()
    rows = x.grad.abs().sum(dim=(0, 1, 3)).nonzero().flatten()
    assert rows.min() == 8 - reach
    assert rows.max() <= 8 + reach


@pytest.mark.parametrize("call", [lambda: OPS["sep_conv"], lambda: op_cost("sep_conv", 4, 1, Norm(True, True), 1)])
def test_an_unknown_operation_is_answered_with_near_names(call: object) -> None:
    with pytest.raises(UnknownNameError, match="there is no operation 'sep_conv'; did you mean 'sep_conv_"):
        call()  # type: ignore[operator]


@pytest.mark.parametrize("stride", [1, 2])
def test_noise_is_standard_normal_and_follows_its_generator(stride: int) -> None:
    op, x = build_op("noise", 16, stride, Norm(affine=False, running=False), None), torch.zeros(8, 16, 32, 32)
    first, again, other = (op(x, torch.Generator().manual_seed(seed)) for seed in (1, 1, 2))
    assert first.equal(again)
    # 2^15 values or more: a mean within 5 standard errors of 0, products of two draws likewise.
    assert abs(first.mean()) < 0.03
    assert abs(first.std() - 1) < 0.03
    assert abs((first * other).mean()) < 0.03
