"""Batch norm on CPUs, against torch's own: results, gradients of any order, running averages, rounding."""

import copy

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from dartboard.kernels import norm as module
from dartboard.kernels import plain_kernels
from dartboard.kernels.norm import BatchNorm2d


@pytest.fixture(autouse=True)
def every_size(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small maps take the fast path too."""
    monkeypatch.setattr(module, "_FEWEST", 0)
    monkeypatch.setattr(module, "_MANY", 0)


def pair(channels: int, seed: int = 0, *, affine: bool = True, running: bool = True) -> tuple[nn.Module, nn.Module]:
    """Torch's and ours of the same drawn state, in float64 and training."""
    generator = torch.Generator().manual_seed(seed)
    torchs = nn.BatchNorm2d(channels, eps=1e-3, momentum=0.3, affine=affine, track_running_stats=running).double()
    ours = BatchNorm2d(channels, eps=1e-3, momentum=0.3, affine=affine, track_running_stats=running).double()
    with torch.no_grad():
        for tensor in torchs.state_dict().values():
            if tensor.is_floating_point():
                tensor.copy_(torch.rand(tensor.shape, generator=generator) + 0.5)
    ours.load_state_dict(torchs.state_dict())
    return torchs, ours


def draw(*shape: int, seed: int = 1, mean: float = 0.5) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(shape, generator=generator, dtype=torch.float64) + mean
    return x.contiguous(memory_format=torch.channels_last)


def assert_close(found: Tensor, wanted: Tensor) -> None:
    torch.testing.assert_close(found, wanted, rtol=1e-10, atol=1e-11)


def step_name(layer: nn.Module, x: Tensor) -> str:
    node = layer(x.requires_grad_()).grad_fn
    return "" if node is None else node.name()


@pytest.mark.parametrize(
    ("pixels", "channels"), [(2**14, 16), (2**13 + 4, 32), (2**13, 64), (2**15 + 1, 16), (100, 36)]
)
def test_moments_are_those_of_every_channel(pixels: int, channels: int) -> None:
    rows = draw(pixels, channels, 1, 1).flatten(1)
    mean, variance = module.channel_moments(rows)
    assert_close(mean, rows.mean(dim=0))
    assert_close(variance, rows.var(dim=0, correction=0))


@given(
    batch=st.integers(1, 5),
    channels=st.sampled_from([1, 3, 5, 16, 20, 32, 36, 300]),
    size=st.tuples(st.integers(2, 9), st.integers(1, 9)),
    affine=st.booleans(),
    running=st.booleans(),
)
def test_results_gradients_and_running_averages_are_torchs(
    batch: int, channels: int, size: tuple[int, int], affine: bool, running: bool
) -> None:
    torchs, ours = pair(channels, affine=affine, running=running)
    x = draw(batch, channels, *size).requires_grad_()
    assert "_BatchNorm" in step_name(ours, x.detach().clone())
    torchs.load_state_dict(ours.state_dict())
    gradient = draw(batch, channels, *size, seed=2).contiguous()  # of another layout, as slicing makes them
    answers = []
    for layer in (torchs, ours):
        for _ in range(2):
            result = layer(x)
        answers.append([result, *torch.autograd.grad(result, [x, *layer.parameters()], gradient)])
    for wanted, found in zip(*answers, strict=True):
        assert_close(found, wanted)
    assert answers[1][0].is_contiguous(memory_format=torch.channels_last)
    state = ours.state_dict()
    assert list(state) == list(torchs.state_dict())
    for name, wanted in torchs.state_dict().items():
        assert_close(state[name], wanted)


@pytest.mark.parametrize("affine", [False, True])
def test_second_derivatives_are_right(affine: bool) -> None:
    _, ours = pair(3, affine=affine)
    inputs = [draw(2, 3, 3, 2).requires_grad_(), *ours.parameters()]

    def normalise(x: Tensor, *weights: Tensor) -> Tensor:
        named = dict(zip(("weight", "bias"), weights, strict=False))
        return torch.func.functional_call(ours, named, (x,))

    assert torch.autograd.gradcheck(normalise, inputs)
    assert torch.autograd.gradgradcheck(normalise, inputs)


@pytest.mark.parametrize("frozen", [0, 1, 2])
def test_what_is_frozen_gets_no_gradient(frozen: int) -> None:
    _, ours = pair(3)
    x = draw(2, 3, 4, 4).requires_grad_()
    tensors = [x, *ours.parameters()]
    tensors[frozen].requires_grad_(False)
    ours(x).square().sum().backward()
    assert [tensor.grad is None for tensor in tensors] == [place == frozen for place in range(3)]


def test_in_float32_the_errors_are_at_most_twice_those_of_torch() -> None:
    for mean in (0.0, 0.5, 5.0):
        torchs, ours = pair(36)
        x, gradient = draw(4, 36, 16, 16, mean=mean), draw(4, 36, 16, 16, seed=2)
        errors = []
        exact: list[Tensor] = []
        for layer, dtype in ((torchs, torch.float64), (torchs, torch.float32), (ours, torch.float32)):
            layer = copy.deepcopy(layer).to(dtype)
            leaf = x.to(dtype).requires_grad_()
            result = layer(leaf)
            found = [result.detach(), *torch.autograd.grad(result, [leaf, *layer.parameters()], gradient.to(dtype))]
            exact = exact or found
            errors.append([float((a.double() - b).norm() / b.norm()) for a, b in zip(found, exact, strict=True)])
        for torchs_error, our_error in zip(*errors[1:], strict=True):
            assert our_error <= 2 * torchs_error + 1e-7


def test_a_norm_in_use_works_by_its_running_averages() -> None:
    torchs, ours = pair(3)
    x = draw(2, 3, 4, 4)
    before = copy.deepcopy(ours.state_dict())
    assert torch.equal(ours.eval()(x), torchs.eval()(x))
    assert all(torch.equal(before[name], tensor) for name, tensor in ours.state_dict().items())


def test_what_torch_does_well_is_left_to_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    x, torchs = draw(2, 36, 4, 4), "NativeBatchNormBackward0"
    layer = BatchNorm2d(36).double()
    usual = step_name(layer, x)
    assert usual != torchs
    with plain_kernels():
        assert step_name(layer, x) == torchs
    assert step_name(layer, x.contiguous()) == torchs
    assert step_name(BatchNorm2d(32).double(), draw(2, 32, 4, 4)) == usual
    monkeypatch.setattr(module, "_MANY", 2 * 32 * 4 * 4 + 1)
    assert step_name(BatchNorm2d(32).double(), draw(2, 32, 4, 4)) == torchs
    assert step_name(BatchNorm2d(72).double(), draw(2, 72, 4, 4)) == torchs
    assert step_name(BatchNorm2d(36, momentum=None).double(), x) == torchs
    assert step_name(layer, x) == usual
    monkeypatch.setattr(module, "_FEWEST", x.numel())
    assert step_name(layer, x) == torchs


def test_a_single_value_a_channel_is_refused_as_torch_refuses_it() -> None:
    with pytest.raises(ValueError, match="more than 1 value per channel"):
        BatchNorm2d(3).double()(draw(1, 3, 1, 1))
