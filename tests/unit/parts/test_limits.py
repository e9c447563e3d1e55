"""Limits on the cost of architectures: the expected cost, the pull on alpha, and the choice that meets a limit."""

import math
from collections.abc import Mapping
from itertools import product
from types import SimpleNamespace

import pytest
import torch
from torch import Tensor

from dartboard.parts import Recipe, StrongestEdges
from dartboard.parts.architecture import Architecture, all_live
from dartboard.parts.limits import ExpectedWithin, Limit, LimitedCost, choose_within, expected_cost, judged_within
from dartboard.parts.selection import Judged, SkipCap, make_genotype
from dartboard.space import Choice, Genotype, SearchSpace, get_space, lets_images_through, network_cost, operation_costs

SPACE = get_space("nas-bench-201")
PLAN = SPACE.plan(in_channels=3, num_classes=10, init_channels=8, layers=1)
SIZE = (16, 16)
COSTS = operation_costs(SPACE, PLAN, SIZE)
MOST = COSTS.fixed + sum(max(row) for row in COSTS.operations["cell"])


def limited(most: float) -> Limit:
    """At most so many multiply-adds in the small network of NAS-Bench-201."""
    rows = tuple(tuple(value / most for value in row) for row in COSTS.operations["cell"])
    cost = LimitedCost("macs", COSTS.fixed / most, {"cell": rows})
    return Limit((cost,), lambda genotype: network_cost(SPACE, genotype, PLAN, SIZE).multiply_adds <= most)


def drawn_gates(seed: int) -> Tensor:
    return torch.softmax(torch.randn(SPACE.alpha_shape, generator=torch.Generator().manual_seed(seed)), 1)


def log_gates(gates: Tensor, genotype: Genotype) -> float:
    rows = [(SPACE.cell.row(each.target, each.source), SPACE.ops.index(each.op)) for each in genotype["cell"].choices]
    return sum(math.log(gates[row, column]) for row, column in rows)


def every_genotype() -> list[tuple[tuple[int, ...], float]]:
    """The columns of every architecture of the space, and its multiply-adds."""
    costs = COSTS.operations["cell"]
    return [
        (columns, COSTS.fixed + sum(costs[row][column] for row, column in enumerate(columns)))
        for columns in product(range(len(SPACE.ops)), repeat=len(SPACE.cell.edges))
    ]


@pytest.mark.parametrize(("seed", "share"), [(0, 0.1), (1, 0.3), (2, 0.6)])
def test_the_choice_is_the_best_of_all_that_meet_the_limit(seed: int, share: float) -> None:
    gates, most = drawn_gates(seed), COSTS.fixed + share * (MOST - COSTS.fixed)
    logs = gates.log().tolist()
    fitting = [columns for columns, cost in every_genotype() if cost <= most]
    fitting.sort(key=lambda columns: -sum(logs[row][column] for row, column in enumerate(columns)))

    def built(columns: tuple[int, ...]) -> Genotype:
        choices = [
            Choice(edge.target, edge.source, SPACE.ops[column])
            for edge, column in zip(SPACE.cell.edges, columns, strict=True)
        ]
        return make_genotype(SPACE, {"cell": choices})

    best = next(genotype for genotype in map(built, fitting) if lets_images_through(SPACE, genotype))
    limit = limited(most)
    found = choose_within(SPACE, {"cell": gates}, StrongestEdges(), torch.Generator(), limit)
    assert found is not None
    assert limit.admits(found)
    assert log_gates(gates, found) == pytest.approx(log_gates(gates, best))


@pytest.mark.parametrize("name", ["darts", "proxyless"])
def test_an_architecture_of_any_space_meets_the_limit_and_what_its_selection_demands(name: str) -> None:
    space = get_space(name)
    plan = space.plan(in_channels=3, num_classes=10, init_channels=8, layers=space.small_size[1])
    costs = operation_costs(space, plan, (32, 32))
    generator = torch.Generator().manual_seed(0)
    gates = {kind: torch.softmax(torch.randn(space.alpha_shape, generator=generator), 1) for kind in space.cell_kinds}
    selection = SkipCap() if name == "darts" else StrongestEdges()
    free = network_cost(space, selection(space, gates, generator), plan, (32, 32)).multiply_adds
    most = 0.8 * free
    rows = {kind: tuple(tuple(each / most for each in row) for row in own) for kind, own in costs.operations.items()}
    cost = LimitedCost("macs", costs.fixed / most, rows)
    limit = Limit((cost,), lambda each: network_cost(space, each, plan, (32, 32)).multiply_adds <= most)
    found = choose_within(space, gates, selection, generator, limit)
    assert found is not None
    assert limit.admits(found)
    if name == "darts":
        assert sum(choice.op == "skip_connect" for choice in found["normal"].choices) <= 2


def test_a_choice_that_meets_the_limit_stays_and_a_limit_that_nothing_meets_changes_nothing() -> None:
    gates = {"cell": drawn_gates(3)}
    judged = Judged(StrongestEdges()(SPACE, gates, torch.Generator()), {})
    for most in (2.0 * MOST, 1.0):
        own = judged_within(judged, limited(most), SPACE, gates, StrongestEdges(), torch.Generator())
        assert own is judged
    lower = limited(network_cost(SPACE, judged.genotype, PLAN, SIZE).multiply_adds - 1)
    other = judged_within(judged, lower, SPACE, gates, StrongestEdges(), torch.Generator())
    assert lower.admits(other.genotype)
    assert other.figures == {"without_limits": judged.genotype.to_text()}


def architecture_of(space: SearchSpace) -> Architecture:
    return Architecture.of(Recipe(), space, all_live(space), torch.device("cpu"))


def test_the_expected_cost_of_a_certain_choice_is_its_cost() -> None:
    [cost] = limited(MOST).costs
    genotype = StrongestEdges()(SPACE, {"cell": drawn_gates(4)}, torch.Generator())
    architecture = architecture_of(SPACE)
    gates = architecture.of_genotype(genotype).gates
    expected = expected_cost(cost, gates, architecture.cells, SPACE).item()
    assert expected * MOST == pytest.approx(network_cost(SPACE, genotype, PLAN, SIZE).multiply_adds, rel=1e-6)


def test_the_expected_cost_of_equal_gates_is_the_mean_of_all_architectures() -> None:
    [cost] = limited(MOST).costs
    mean = sum(each for _, each in every_genotype()) / len(every_genotype())
    even = {"cell": torch.full(SPACE.alpha_shape, 0.2)}
    assert expected_cost(cost, even, architecture_of(SPACE).cells, SPACE).item() * MOST == pytest.approx(mean, rel=1e-5)


def test_a_node_that_keeps_two_of_its_edges_counts_each_of_them_equally_likely() -> None:
    """One multiply-add for every operation: each of four nodes in both kinds of cells keeps two edges."""
    space = get_space("darts")
    ones = {kind: ((1.0,) * len(space.ops),) * len(space.cell.edges) for kind in space.cell_kinds}
    gates = {kind: torch.rand(space.alpha_shape) for kind in space.cell_kinds}
    expected = expected_cost(LimitedCost("macs", 0.0, ones), gates, architecture_of(space).cells, space)
    assert expected.item() == pytest.approx(2 * 2 * 4)


class Alone:
    """A stage of softmax gates with four planned steps of alpha."""

    device, alpha_steps = torch.device("cpu"), 4

    def __init__(self) -> None:
        self.architecture = architecture_of(SPACE)
        self.cells = self.architecture.cells

    def expected_gates(self, alphas: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        return self.architecture.mean_gates(alphas)


def test_the_multiplier_climbs_while_the_expected_cost_is_above_the_limit_and_pulls_alpha() -> None:
    most = MOST / 4
    costs = limited(most).costs
    hook = ExpectedWithin(SPACE, costs, strength=10.0).attach(Alone())  # type: ignore[arg-type]
    alphas = {"cell": torch.zeros(SPACE.alpha_shape, requires_grad=True)}
    first = hook.alpha_pull(alphas)
    assert not first["cell"].any()  # the multiplier begins at 0
    share = expected_cost(costs[0], {"cell": torch.full(SPACE.alpha_shape, 0.2)}, Alone().cells, SPACE).item()
    assert share > 1
    assert hook.values.item() == pytest.approx(10 / 4 * (share - 1), rel=1e-5)
    pull = hook.alpha_pull(alphas)["cell"]
    convolution, skip = SPACE.ops.index("nor_conv_3x3"), SPACE.ops.index("skip_connect")
    assert (pull[:, convolution] > 0).all()  # descent lowers what costs most
    assert (pull[:, skip] < 0).all()
    figures = hook.figures()
    assert figures["expected_macs_of_limit"] == pytest.approx(share, rel=1e-5)
    again = ExpectedWithin(SPACE, costs, strength=10.0).attach(Alone())  # type: ignore[arg-type]
    again.load_state_dict(hook.state_dict())
    assert again.figures() == figures


def test_the_multiplier_never_falls_below_0() -> None:
    hook = ExpectedWithin(SPACE, limited(4 * MOST).costs).attach(Alone())  # type: ignore[arg-type]
    alphas = {"cell": torch.zeros(SPACE.alpha_shape, requires_grad=True)}
    for _ in range(3):
        assert not hook.alpha_pull(alphas)["cell"].any()
    assert hook.values.item() == 0
    fixed = SimpleNamespace(**{"device": torch.device("cpu"), "alpha_steps": 1, "cells": Alone().cells})
    fixed.expected_gates = lambda _alphas: {"cell": torch.full(SPACE.alpha_shape, 0.2)}
    hook = ExpectedWithin(SPACE, limited(MOST).costs).attach(fixed)
    assert hook.alpha_pull(alphas) == {}  # gates without a slope in alpha
