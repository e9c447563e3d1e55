"""Modules run with weights from outside."""

import pytest
import torch
from torch import Tensor, nn
from torch.func import functional_call

from dartboard.supernet import OutsideWeights


class Tied(nn.Module):
    """Two layers of which the second has the first one's weight, and a scale that can be made to fail."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.two = nn.Linear(3, 3), nn.Linear(3, 3, bias=False)
        self.two.weight = self.one.weight

    def forward(self, x: Tensor, *, fails: bool = False) -> Tensor:
        if fails:
            raise RuntimeError("as asked")
        y: Tensor = self.two(self.one(x).relu())
        return y


def make() -> tuple[Tied, dict[str, Tensor]]:
    torch.manual_seed(0)
    module = Tied()
    return module, {name: torch.randn_like(weight).requires_grad_() for name, weight in module.named_parameters()}


def test_results_and_gradients_are_those_of_torchs_functional_call() -> None:
    module, weights = make()
    x = torch.randn(5, 3)
    ours, theirs = OutsideWeights(module)(weights, x), functional_call(module, weights, (x,))
    assert torch.equal(ours, theirs)
    assert not torch.equal(ours, module(x))
    slopes = [torch.autograd.grad(result.sum(), list(weights.values())) for result in (ours, theirs)]
    assert all(torch.equal(*each) for each in zip(*slopes, strict=True))


def test_a_weight_that_is_not_given_is_the_modules_own() -> None:
    module, weights = make()
    x = torch.randn(5, 3)
    given = {"one.bias": weights["one.bias"]}
    assert torch.equal(OutsideWeights(module)(given, x), functional_call(module, given, (x,)))


def test_the_module_has_its_own_weights_again_even_after_an_error() -> None:
    module, weights = make()
    own, outside = dict(module.named_parameters()), OutsideWeights(module)
    outside(weights, torch.randn(5, 3))
    with pytest.raises(RuntimeError, match="as asked"):
        outside(weights, torch.randn(5, 3), fails=True)
    assert all(weight is own[name] for name, weight in module.named_parameters())
    assert module.two.weight is module.one.weight


def test_a_weight_that_there_is_none_of_changes_nothing() -> None:
    module, weights = make()
    own = dict(module.named_parameters())
    with pytest.raises(KeyError, match="three"):
        OutsideWeights(module)({**weights, "three.weight": torch.ones(1)}, torch.randn(5, 3))
    assert all(weight is own[name] for name, weight in module.named_parameters())
