"""A step of the weights against its definition, written out slowly."""

from copy import deepcopy
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from dartboard.training import TrainSettings
from dartboard.training.muon import dense_kernels, orthogonalized
from dartboard.training.optimizer import WeightOptimizer


def network(seed: int = 0) -> nn.Sequential:
    """Dense, depthwise and pointwise kernels, batch norms and a classifier, with gradients."""
    torch.manual_seed(seed)
    made = nn.Sequential(
        nn.Conv2d(3, 8, 3, bias=False),
        nn.BatchNorm2d(8),
        nn.Conv2d(8, 8, 3, groups=8, bias=False),
        nn.Conv2d(8, 4, 1, bias=False),
        nn.BatchNorm2d(4),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(4, 2),
    ).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    with torch.no_grad():
        for weight in made.parameters():
            weight.add_(0.1 * torch.randn_like(weight))
    give_gradients(made, 0)
    return made


def give_gradients(made: nn.Module, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    for weight in made.parameters():
        # In the memory format of the weight, as autograd has them: the fused SGD goes by memory.
        weight.grad = torch.empty_like(weight).copy_(torch.randn(weight.shape, generator=generator))


def moved(settings: TrainSettings, lr: float, steps: int = 1) -> tuple[list[Tensor], nn.Sequential]:
    made = network()
    before = [weight.detach().clone() for weight in made.parameters()]
    optimizer = WeightOptimizer(made, settings)
    for step in range(steps):
        give_gradients(made, step)
        optimizer.step(lr)
    return before, made


PLAIN: dict[str, Any] = {"lr": 0.1, "momentum": 0.0, "weight_decay": 0.0}


def test_shifts_of_batch_norms_move_by_their_factor_of_the_rate_and_decay_as_all_weights_do() -> None:
    settings = TrainSettings(**PLAIN | {"norm_shift_rate": 64.0, "weight_decay": 0.3})
    before, made = moved(settings, 0.05)
    shifts = {id(part.bias) for part in made if isinstance(part, nn.BatchNorm2d)}
    for start, weight in zip(before, made.parameters(), strict=True):
        rate = 64 * 0.05 if id(weight) in shifts else 0.05
        assert weight.grad is not None
        torch.testing.assert_close(weight.detach(), start - rate * weight.grad - 0.05 * 0.3 * start)


def test_decoupled_decay_shrinks_every_weight_apart_from_its_gradient_and_momentum() -> None:
    changes = {"momentum": 0.9, "weight_decay": 0.3}
    before, coupled = moved(TrainSettings(**PLAIN | {"momentum": 0.9}), 0.05)
    _, decoupled = moved(TrainSettings(**PLAIN | changes | {"decoupled_decay": True}), 0.05)
    for start, without, found in zip(before, coupled.parameters(), decoupled.parameters(), strict=True):
        torch.testing.assert_close(found.detach(), without.detach() - 0.05 * 0.3 * start)


def test_weights_without_gradients_are_no_ones_to_move() -> None:
    made = network()
    norm = made[1]
    assert isinstance(norm, nn.BatchNorm2d)
    norm.weight.requires_grad_(False)
    before = norm.weight.clone()
    WeightOptimizer(made, TrainSettings(weight_decay=0.1)).step(0.1)
    assert torch.equal(norm.weight, before)


def orthogonalised(matrix: Tensor) -> Tensor:
    """Three quintic Newton-Schulz iterations (K. Jordan 2024) in double precision."""
    x = matrix.double()
    x = x / x.norm()
    tall = x.shape[0] > x.shape[1]
    x = x.T if tall else x
    for _ in range(3):
        square = x @ x.T
        x = 3.4445 * x + (-4.7750 * square + 2.0315 * square @ square) @ x
    return x.T if tall else x


@pytest.mark.parametrize("steps", [1, 3])
def test_muon_gives_dense_kernels_their_norm_and_then_an_orthogonalised_update(steps: int) -> None:
    settings = TrainSettings(**PLAIN | {"optimizer": "muon", "muon_lr": 0.2, "muon_momentum": 0.6})
    before, made = moved(settings, 0.05, steps)
    kernels = {id(kernel) for kernel in dense_kernels(made)}
    assert len(kernels) == 2
    for start, weight in zip(before, made.parameters(), strict=True):
        momentum, wanted = torch.zeros_like(start), start.clone()
        generators = [torch.Generator().manual_seed(step) for step in range(steps)]
        for generator in generators:
            # The gradients of this weight are the draws after those of the weights before it.
            for other in made.parameters():
                gradient = torch.randn(other.shape, generator=generator)
                if other is weight:
                    break
            if id(weight) not in kernels:
                wanted = wanted - 0.05 * gradient
                continue
            momentum = 0.6 * momentum + gradient
            rows = (gradient + 0.6 * momentum).reshape(len(start), -1)
            wanted = wanted * len(start) ** 0.5 / wanted.norm()
            scale = max(1.0, rows.shape[0] / rows.shape[1]) ** 0.5
            wanted = wanted - 0.2 * 0.5 * scale * orthogonalised(rows).reshape(start.shape).float()
        torch.testing.assert_close(weight.detach(), wanted, atol=1e-5, rtol=0)


@pytest.mark.parametrize("kind", ["sgd", "muon"])
def test_a_stored_optimizer_goes_on_where_it_was(kind: str) -> None:
    settings = TrainSettings(optimizer=kind, norm_shift_rate=4.0)  # type: ignore[arg-type]
    _, whole = moved(settings, 0.05, 4)
    made = network()
    first = WeightOptimizer(made, settings)
    for step in range(2):
        give_gradients(made, step)
        first.step(0.05)
    second = WeightOptimizer(made, settings)
    second.load_state_dict(first.state_dict())
    for step in range(2, 4):
        give_gradients(made, step)
        second.step(0.05)
    for one, other in zip(whole.parameters(), made.parameters(), strict=True):
        assert torch.equal(one, other)


def test_the_state_of_sgd_alone_that_older_versions_kept_is_taken_up() -> None:
    made = network()
    old = torch.optim.SGD(made.parameters(), lr=0.1, momentum=0.9, weight_decay=3e-4, fused=True)
    old.step()
    twin = network()
    with torch.no_grad():
        for weight, stepped in zip(twin.parameters(), made.parameters(), strict=True):
            weight.copy_(stepped)
    new = WeightOptimizer(twin, TrainSettings())
    new.load_state_dict(deepcopy(old.state_dict()))
    for each in (made, twin):
        give_gradients(each, 1)
    old.step()
    new.step(0.1)
    for one, other in zip(made.parameters(), twin.parameters(), strict=True):
        assert torch.equal(one, other)


@pytest.mark.parametrize("shape", [(8, 40), (40, 8), (16, 16)])
def test_singular_values_of_an_orthogonalised_matrix_are_near_one(shape: tuple[int, int]) -> None:
    matrix = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    found = orthogonalized(matrix, torch.float32)
    torch.testing.assert_close(found, orthogonalised(matrix).float(), atol=1e-4, rtol=1e-4)
    wide = torch.linalg.svdvals(orthogonalized(torch.randn(8, 400), torch.float32))
    assert wide.min() > 0.4
    assert wide.max() < 1.6


def test_the_state_of_torchs_muon_is_gone_on_from() -> None:
    settings = TrainSettings(optimizer="muon")
    network = nn.Sequential(nn.Conv2d(3, 4, 3, bias=False), nn.Conv2d(4, 2, 3, bias=False), nn.Linear(2, 2))
    optimizer = WeightOptimizer(network, settings)
    means = [torch.full((4, 27), 2.0), torch.full((2, 36), 3.0)]
    state = {number: {"momentum_buffer": mean} for number, mean in enumerate(means)}
    optimizer.load_state_dict({**optimizer.state_dict(), "muon": {"state": state, "param_groups": []}})
    kept = optimizer.state_dict()["muon"]["means"]
    assert all(torch.equal(own, wanted) for own, wanted in zip(kept, means, strict=True))
