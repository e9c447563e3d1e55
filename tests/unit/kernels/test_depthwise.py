"""Depthwise convolutions and their gradients, against torch's own convolution."""

from itertools import product
from typing import NamedTuple

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from dartboard.kernels import DepthwiseConv2d, plain_kernels
from dartboard.kernels.depthwise import depthwise, depthwise_input_gradient, depthwise_weight_gradient

STEPS = tuple(product((1, 2), (1, 2)))
"""(stride, dilation)"""


class Case(NamedTuple):
    """A convolution, its input and the gradient at its output."""

    x: Tensor
    weight: Tensor
    gradient: Tensor
    stride: int
    dilation: int

    def torch_gradients(self) -> tuple[Tensor, Tensor]:
        """By torch, contiguous and in float64."""
        padding = self.dilation * (self.weight.shape[-1] // 2)
        at_x, at_weight, _ = torch.ops.aten.convolution_backward(
            self.gradient.double().contiguous(),
            self.x.double().contiguous(),
            self.weight.double(),
            None,
            [self.stride] * 2,
            [padding] * 2,
            [self.dilation] * 2,
            False,
            [0, 0],
            self.x.shape[1],
            [True, True, False],
        )
        return at_x, at_weight


def make(
    kernel: int,
    steps: tuple[int, int],
    size: tuple[int, int],
    *,
    batch: int = 2,
    channels: int = 3,
    dtype: torch.dtype = torch.float64,
    layout: torch.memory_format = torch.channels_last,
    seed: int = 0,
) -> Case:
    generator = torch.Generator().manual_seed(seed)
    stride, dilation = steps

    def normal(*shape: int) -> Tensor:
        return torch.randn(shape, generator=generator, dtype=torch.float64).to(dtype)

    x = normal(batch, channels, *size).contiguous(memory_format=layout)
    gradient = normal(batch, channels, *(-(-side // stride) for side in size)).contiguous(memory_format=layout)
    return Case(x, normal(channels, 1, kernel, kernel), gradient, stride, dilation)


def assert_close(found: Tensor, wanted: Tensor) -> None:
    """Sums of up to a few hundred products, in another order: a hundred roundings of the largest term."""
    assert found.shape == wanted.shape
    rounding = torch.finfo(found.dtype).eps * 100
    torch.testing.assert_close(
        found.double(), wanted, rtol=rounding, atol=rounding * max(1.0, float(wanted.detach().abs().max()))
    )


def check(case: Case) -> None:
    at_x, at_weight = case.torch_gradients()
    kernel, size = case.weight.shape[-1], case.x.shape[2:]
    found = depthwise_input_gradient(case.gradient, case.weight, size, case.stride, case.dilation)
    assert_close(found, at_x)
    found = depthwise_weight_gradient(case.x, case.gradient, kernel, case.stride, case.dilation)
    assert_close(found, at_weight)


def by_definition(case: Case) -> Tensor:
    """One channel, one pixel, one tap at a time."""
    reach = case.weight.shape[-1] // 2
    result = torch.zeros_like(case.gradient, dtype=torch.float64)
    channels, rows, columns = result.shape[1:]
    for c, row, column in product(range(channels), range(rows), range(columns)):
        for i, j in product(range(2 * reach + 1), repeat=2):
            y = row * case.stride + (i - reach) * case.dilation
            x = column * case.stride + (j - reach) * case.dilation
            if 0 <= y < case.x.shape[2] and 0 <= x < case.x.shape[3]:
                result[:, c, row, column] += case.weight[c, 0, i, j].double() * case.x[:, c, y, x].double()
    return result


@pytest.mark.parametrize("kernel", [1, 3, 5])
@pytest.mark.parametrize("steps", STEPS)
def test_the_result_is_the_sum_over_the_kernel_around_each_pixel(kernel: int, steps: tuple[int, int]) -> None:
    case = make(kernel, steps, (5, 4), channels=2)
    assert_close(depthwise(case.x, case.weight, *steps), by_definition(case))


@pytest.mark.parametrize("kernel", [1, 3, 5, 7, 9])
@pytest.mark.parametrize("steps", STEPS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("layout", [torch.channels_last, torch.contiguous_format])
def test_both_gradients_are_torchs_at_every_size(
    kernel: int, steps: tuple[int, int], dtype: torch.dtype, layout: torch.memory_format
) -> None:
    for size in [(1, 1), (1, 6), (2, 1), (2, 2), (3, 3), (5, 8), (7, 7), (8, 8), (9, 4)]:
        check(make(kernel, steps, size, dtype=dtype, layout=layout))


@settings(max_examples=60)
@given(
    kernel=st.sampled_from([1, 3, 5, 7, 9]),
    steps=st.sampled_from(STEPS),
    size=st.tuples(st.integers(1, 12), st.integers(1, 12)),
    batch=st.integers(1, 3),
    channels=st.sampled_from([1, 2, 5, 8, 16, 17]),
    dtype=st.sampled_from([torch.float32, torch.float64]),
    layout=st.sampled_from([torch.channels_last, torch.contiguous_format]),
    seed=st.integers(0, 1000),
)
def test_both_gradients_are_torchs_for_any_batch_and_width(
    kernel: int,
    steps: tuple[int, int],
    size: tuple[int, int],
    batch: int,
    channels: int,
    dtype: torch.dtype,
    layout: torch.memory_format,
    seed: int,
) -> None:
    check(make(kernel, steps, size, batch=batch, channels=channels, dtype=dtype, layout=layout, seed=seed))


@pytest.mark.parametrize("layouts", list(product([torch.channels_last, torch.contiguous_format], repeat=2)))
@pytest.mark.parametrize("steps", STEPS)
def test_input_and_gradient_may_be_laid_out_differently(
    layouts: tuple[torch.memory_format, torch.memory_format], steps: tuple[int, int]
) -> None:
    case = make(5, steps, (7, 6), channels=4)
    x, gradient = case.x.contiguous(memory_format=layouts[0]), case.gradient.contiguous(memory_format=layouts[1])
    check(case._replace(x=x, gradient=gradient))


@pytest.mark.parametrize("steps", STEPS)
def test_the_gradient_may_be_one_number_expanded_as_a_sum_gives_it(steps: tuple[int, int]) -> None:
    case = make(5, steps, (7, 6), channels=4)
    check(case._replace(gradient=torch.ones((), dtype=torch.float64).expand(case.gradient.shape)))


@pytest.mark.parametrize("kernel", [3, 5, 7])
@pytest.mark.parametrize("steps", STEPS)
@pytest.mark.parametrize("layout", [torch.channels_last, torch.contiguous_format])
def test_the_module_is_torchs_convolution_with_its_gradients(
    kernel: int, steps: tuple[int, int], layout: torch.memory_format
) -> None:
    case = make(kernel, steps, (7, 8), channels=4, layout=layout)
    ours, torchs = module(case), nn.Conv2d.forward
    x = case.x.clone(memory_format=torch.preserve_format).requires_grad_()
    wanted = torch.autograd.grad(torchs(ours, x), [x, ours.weight], case.gradient)
    assert_close(ours(x), torchs(ours, x))
    for found, other in zip(torch.autograd.grad(ours(x), [x, ours.weight], case.gradient), wanted, strict=True):
        assert_close(found, other)
    for number, tensor in enumerate((x, ours.weight)):
        (found,) = torch.autograd.grad(ours(x), [tensor], case.gradient)
        assert_close(found, wanted[number])


def module(case: Case) -> DepthwiseConv2d:
    result = DepthwiseConv2d(case.x.shape[1], case.weight.shape[-1], case.stride, case.dilation).to(case.weight.dtype)
    with torch.no_grad():
        result.weight.copy_(case.weight)
    return result


@pytest.mark.parametrize("kernel", [1, 3, 5])
@pytest.mark.parametrize("steps", STEPS)
def test_first_and_second_derivatives_of_the_module_are_those_of_finite_differences(
    kernel: int, steps: tuple[int, int]
) -> None:
    case = make(kernel, steps, (4, 3), channels=2)
    ours = module(case)

    def convolve(x: Tensor, weight: Tensor) -> Tensor:
        return torch.func.functional_call(ours, {"weight": weight}, (x.contiguous(memory_format=torch.channels_last),))

    inputs = (case.x.requires_grad_(), case.weight.requires_grad_())
    assert torch.autograd.gradcheck(convolve, inputs)
    assert torch.autograd.gradgradcheck(convolve, inputs)


@pytest.mark.parametrize("frozen", [0, 1])
def test_what_needs_no_gradient_gets_none(frozen: int) -> None:
    case = make(5, (1, 2), (6, 6))
    ours, x = module(case), case.x.requires_grad_()
    tensors = [x, ours.weight]
    tensors[frozen].requires_grad_(False)
    ours(x).sum().backward()
    assert [tensor.grad is None for tensor in tensors] == [frozen == 0, frozen == 1]


def backward_name(layer: DepthwiseConv2d, x: Tensor) -> str:
    node = layer(x).grad_fn
    assert node is not None
    return node.name()


def test_plain_kernels_leave_the_convolution_to_torch_until_they_end() -> None:
    case = make(5, (1, 1), (6, 6))
    ours = module(case)
    usual = backward_name(ours, case.x)
    with plain_kernels():
        plain = backward_name(ours, case.x)
        with plain_kernels():
            assert backward_name(ours, case.x) == plain
        assert backward_name(ours, case.x) == plain
    assert plain == "ConvolutionBackward0"
    assert backward_name(ours, case.x) == usual != plain


def test_a_contiguous_input_is_left_to_torch_which_is_fast_there() -> None:
    case = make(5, (1, 1), (6, 6), layout=torch.contiguous_format)
    assert backward_name(module(case), case.x) == "ConvolutionBackward0"


def test_the_module_saves_and_starts_as_a_convolution_of_torch_does() -> None:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        ours = DepthwiseConv2d(4, 5, 2, 2)
        torch.manual_seed(0)
        torchs = nn.Conv2d(4, 4, 5, 2, 4, 2, groups=4, bias=False)
    assert list(ours.state_dict()) == list(torchs.state_dict()) == ["weight"]
    assert torch.equal(ours.weight, torchs.weight)
