"""The penalty on expected multiply-adds."""

import math

import pytest
import torch
from torch import Tensor

from dartboard.errors import RecipeError
from dartboard.parts import ExpectedCost, Recipe, StrongestEdges
from dartboard.parts.architecture import Architecture, all_live
from dartboard.space import CellTopology, OperationCosts, SearchSpace, get_space, network_cost, operation_costs
from dartboard.space.skeleton import NasBench201Skeleton

CPU = torch.device("cpu")


def one_edge() -> Architecture:
    """An operation that costs nothing and one of 900 multiply-adds, in a network of 100 further ones."""
    space = SearchSpace(
        name="one-edge",
        ops=("skip_connect", "nor_conv_3x3"),
        cell=CellTopology(1, 1, "last", False, None),
        skeleton=NasBench201Skeleton(),
        normalized_ops=frozenset(),
        reference_size=(1, 1),
        small_size=(1, 1),
    )
    return Architecture.of(Recipe(), space, all_live(space), CPU, OperationCosts(100, {"cell": ((0, 900),)}))


def joined(penalty: ExpectedCost, loss: float, logits: tuple[float, float] = (0.0, 0.0)) -> tuple[float, Tensor]:
    alpha = torch.tensor([logits], requires_grad=True)
    value = penalty.join(torch.tensor(loss), {"cell": alpha}, one_edge())
    return value.item(), torch.autograd.grad(value, [alpha])[0]


def test_the_term_is_the_relative_distance_of_the_expected_cost_from_the_reference() -> None:
    """Equal shares expect 550; of a share the slope is 900 / 4 = 225 multiply-adds."""
    value, slope = joined(ExpectedCost(1000.0, "add#linear"), 2.0)
    assert value == pytest.approx(2 + 0.1 * (550 - 1000) / 1000)
    torch.testing.assert_close(slope, torch.tensor([[-0.0225, 0.0225]]))


def test_the_factor_is_a_power_of_the_ratio_of_the_logarithms() -> None:
    value, slope = joined(ExpectedCost(1000.0), 2.0)
    expected = 0.2 * 2 * (math.log(550) / math.log(1000)) ** 0.3
    assert value == pytest.approx(expected, rel=1e-6)
    rise = expected * 0.3 / math.log(550) / 550 * 225
    torch.testing.assert_close(slope, torch.tensor([[-rise, rise]]))
    assert joined(ExpectedCost(550.0), 2.0)[0] == pytest.approx(0.4, rel=1e-6)
    assert joined(ExpectedCost(1000.0, strength=0.0), 2.0)[0] == pytest.approx(0.4)
    double = joined(ExpectedCost(1000.0, strength=2.0), 2.0)[0]
    assert double == pytest.approx(0.4 * (math.log(550) / math.log(1000)) ** 0.6, rel=1e-6)


@pytest.mark.parametrize(("logits", "cost"), [((0.0, 100.0), 1000), ((100.0, 0.0), 100)])
def test_the_cost_of_a_certain_choice_is_that_of_the_operation(logits: tuple[float, float], cost: float) -> None:
    assert joined(ExpectedCost(10.0, "add#linear", strength=10.0), 0.0, logits)[0] == pytest.approx((cost - 10) / 10)


@pytest.mark.parametrize("name", ["nas-bench-201", "darts"])
def test_an_architecture_costs_what_its_network_costs(name: str) -> None:
    space = get_space(name)
    plan = space.plan(in_channels=3, num_classes=10, init_channels=8, layers=4)
    costs = operation_costs(space, plan, (17, 20))
    architecture = Architecture.of(Recipe(), space, all_live(space), CPU, costs)
    for seed in range(3):
        alphas = {
            kind: torch.randn(space.alpha_shape, generator=torch.Generator().manual_seed(seed))
            for kind in costs.operations
        }
        genotype = StrongestEdges()(space, alphas, torch.Generator())
        chosen = architecture.of_genotype(genotype).gates
        exact = network_cost(space, genotype, plan, (17, 20)).multiply_adds
        # Sums of a few million in float32.
        assert architecture.cost(chosen).item() == pytest.approx(exact, rel=1e-6)


def test_a_search_that_is_not_told_costs_says_so() -> None:
    space = get_space("nas-bench-201")
    architecture = Architecture.of(Recipe(), space, all_live(space), CPU)
    with pytest.raises(RecipeError, match="does not know the costs of the operations"):
        ExpectedCost(1e6).join(torch.tensor(1.0), {"cell": torch.zeros(6, 5)}, architecture)


def test_a_reference_that_no_network_has_is_refused() -> None:
    with pytest.raises(RecipeError, match="of 1 multiply-adds is too small"):
        ExpectedCost(1.0)
