"""The penalty on parameters, multiply-adds and memory (SNAS)."""

import math

import pytest
import torch

import dartboard.methods  # noqa: F401 - importing registers the methods
from dartboard.errors import RecipeError
from dartboard.parts import Concrete, ExpectedResources, Recipe
from dartboard.parts.architecture import Architecture, all_live
from dartboard.parts.recipe import make_recipe
from dartboard.space import CellTopology, OperationCosts, SearchSpace, get_space, operation_costs
from dartboard.space.skeleton import NasBench201Skeleton

CPU = torch.device("cpu")


def one_edge(resources: tuple[int, ...]) -> Architecture:
    """Three operations on a single edge that take so much."""
    ops = ("none", "skip_connect", "nor_conv_3x3")
    cell = CellTopology(1, 1, "last", False, None)
    space = SearchSpace("one-edge", ops, cell, NasBench201Skeleton(), frozenset(), (1, 1), (1, 1))
    costs = OperationCosts(0, {"cell": ((0, 0, 0),)}, {"cell": (resources,)})
    return Architecture.of(Recipe(relaxation=Concrete()), space, all_live(space), CPU, costs)


def test_the_term_is_the_expected_logarithm_and_its_slope_that_of_a_softmax() -> None:
    """Of a mean m = sum of p c, the slope for the logarithm a of p is p (c - m)."""
    alpha = torch.tensor([[0.2, -0.4, 0.9]], dtype=torch.float64, requires_grad=True)
    costs = torch.tensor([0.0, 7.0, 999.0], dtype=torch.float64).log1p()
    value = ExpectedResources(0.25).join(torch.tensor(2.0), {"cell": alpha}, one_edge((0, 7, 999)))
    shares = alpha.detach()[0].softmax(dim=0)
    mean = (shares * costs).sum()
    # The costs are kept as float32.
    assert value.item() == pytest.approx(2.0 + 0.25 * mean.item(), rel=1e-6)
    (slope,) = torch.autograd.grad(value, [alpha])
    torch.testing.assert_close(slope[0], 0.25 * shares * (costs - mean), rtol=1e-5, atol=1e-7)


def test_resources_are_counted_by_hand() -> None:
    """NAS-Bench-201 at one cell a stage of 4, 8 and 16 channels on 8x8, 4x4 and 2x2 pixels."""
    space = get_space("nas-bench-201")
    plan = space.plan(in_channels=3, num_classes=10, init_channels=4, layers=1)
    costs = operation_costs(space, plan, (8, 8))
    stages = [(4, 64), (8, 16), (16, 4)]
    moved = sum(2 * channels * pixels for channels, pixels in stages)

    def convolution(side: int) -> int:
        each = [(channels * channels * side**2, channels, pixels) for channels, pixels in stages]
        return sum(weights + 2 * channels + weights * pixels for weights, channels, pixels in each)

    for row in costs.resources["cell"]:
        found = dict(zip(space.ops, row, strict=True))
        assert found["none"] == found["skip_connect"] == 0
        assert found["avg_pool_3x3"] == moved
        assert found["nor_conv_1x1"] == moved + convolution(1)
        assert found["nor_conv_3x3"] == moved + convolution(3)


def test_a_skip_connection_that_halves_the_map_is_not_free() -> None:
    space = get_space("darts")
    plan = space.plan(in_channels=3, num_classes=10, init_channels=8, layers=3)
    costs, skip = operation_costs(space, plan, (8, 8)).resources, space.ops.index("skip_connect")
    assert [row[skip] > 0 for row in costs["reduce"]] == [edge.source < 2 for edge in space.cell.edges]
    assert not any(row[skip] for row in costs["normal"])


def test_snas_counts_resources_when_asked() -> None:
    assert make_recipe("snas", {}).penalties == ()
    assert make_recipe("snas", {"resource_weight": 1.5e-3}).penalties == (ExpectedResources(1.5e-3),)


def test_a_search_that_is_not_told_costs_says_so() -> None:
    space = get_space("nas-bench-201")
    architecture = Architecture.of(Recipe(), space, all_live(space), CPU)
    with pytest.raises(RecipeError, match="does not know the costs of the operations"):
        ExpectedResources(1.0).join(torch.tensor(1.0), {"cell": torch.zeros(6, 5)}, architecture)
    assert math.isfinite(
        ExpectedResources(1.0).join(torch.tensor(1.0), {"cell": torch.zeros(1, 3)}, one_edge((0,) * 3))
    )
