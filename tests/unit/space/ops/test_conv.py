import pytest
import torch
from torch.nn import functional

from dartboard.space import Norm
from dartboard.space.ops.conv import FactorizedReduce, every_second, relu_conv_norm

NORM = Norm(affine=True, running=True)


def images(side: int) -> torch.Tensor:
    return torch.randn(2, 6, side, side, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


def test_factorized_reduction_of_an_even_map_is_the_two_branch_form() -> None:
    reduce, x = FactorizedReduce(6, 8, NORM).double().eval(), images(8)
    branches = [
        functional.conv2d(x.relu(), reduce.even.weight, stride=2),
        functional.conv2d(x.relu()[:, :, 1:, 1:], reduce.odd.weight, stride=2),
    ]
    torch.testing.assert_close(reduce(x), reduce.norm(torch.cat(branches, dim=1)))


@pytest.mark.parametrize(("side", "half"), [(7, 4), (8, 4), (33, 17), (1, 1), (2, 1)])
def test_factorized_reduction_halves_and_rounds_up(side: int, half: int) -> None:
    assert FactorizedReduce(6, 8, NORM).double()(images(side)).shape == (2, 8, half, half)


def test_factorized_reduction_of_an_odd_map_pads_zeros_at_the_bottom_and_right() -> None:
    reduce, x = FactorizedReduce(6, 8, NORM).double().eval(), images(7)
    padded = functional.pad(x, (0, 1, 0, 1))
    assert torch.equal(reduce(x), reduce(padded))
    odd = reduce(x)[:, 4:]
    assert torch.equal(odd[:, :, 3], torch.zeros_like(odd[:, :, 3]))


def test_factorized_reduction_loses_no_pixel_of_an_even_diagonal() -> None:
    reduce = FactorizedReduce(6, 8, NORM).double()
    x = images(8).abs().requires_grad_()
    reduce.norm = torch.nn.Identity()
    reduce(x).sum().backward()
    reached = x.grad.abs().sum(dim=(0, 1)).gt(0)
    rows, columns = torch.meshgrid(torch.arange(8), torch.arange(8), indexing="ij")
    assert torch.equal(reached, rows % 2 == columns % 2)


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("size", [(5, 6), (1, 1), (2, 3)])
@pytest.mark.parametrize("first", [0, 1])
def test_every_second_pixel_is_a_slice_whose_gradient_keeps_the_layout(
    first: int, size: tuple[int, int], layout: torch.memory_format
) -> None:
    x = torch.randn(2, 3, *size, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    x = x.contiguous(memory_format=layout).requires_grad_()
    result, slice_of_x = every_second(x, first), x[:, :, first::2, first::2]
    assert torch.equal(result, slice_of_x)
    way = torch.randn_like(result)
    got, expected = torch.autograd.grad(result, x, way)[0], torch.autograd.grad(slice_of_x, x, way)[0]
    assert torch.equal(got, expected)
    assert got.is_contiguous(memory_format=layout)
    assert torch.autograd.gradgradcheck(lambda value: every_second(value, first), (x,)) or not result.numel()


def test_relu_conv_norm_rectifies_convolves_and_normalises_in_this_order() -> None:
    block, x = relu_conv_norm(6, 4, 3, NORM, stride=2).double(), images(7)
    _, convolution, norm = block
    expected = norm(functional.conv2d(x.relu(), convolution.weight, stride=2, padding=1))
    torch.testing.assert_close(block(x), expected)


@pytest.mark.parametrize(("affine", "parameters"), [(True, 12), (False, 0)])
def test_a_norm_counts_its_own_parameters(affine: bool, parameters: int) -> None:
    norm = Norm(affine=affine, running=False)
    assert norm.parameters(6) == sum(parameter.numel() for parameter in norm(6).parameters()) == parameters


@pytest.mark.parametrize("running", [True, False])
def test_a_norm_without_running_averages_uses_the_batch_in_evaluation_too(running: bool) -> None:
    layer = Norm(affine=False, running=running)(6).eval()
    x = 3 + images(8).float()
    centred = torch.allclose(layer(x).mean(dim=(0, 2, 3)), torch.zeros(6), atol=1e-5)
    assert centred is not running
    assert (layer.running_mean is not None) is running


def test_the_learned_form_of_a_norm_differs_in_affine_only() -> None:
    assert Norm(affine=False, running=False).learned() == Norm(affine=True, running=False)
