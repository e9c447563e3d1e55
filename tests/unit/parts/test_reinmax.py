"""ReinMax: a draw whose gradient is right to second order, and its place among the options of GDAS."""

import math
from pathlib import Path
from typing import Literal

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

import dartboard.methods  # noqa: F401 - importing registers the methods
from dartboard.errors import RecipeError
from dartboard.parts import AdamUpdate, Cooling, FirstOrder, LinearCooling, Recipe, ReinMax
from dartboard.parts.recipe import make_recipe
from dartboard.parts.relaxation.drawn import reinmax_gates
from dartboard.parts.relaxation.protocol import RelaxedCell
from dartboard.space import get_space
from dartboard.supernet import Mixing, SupernetSpec
from dartboard.testing import MethodCase, StopAfter, Stopped, search_small
from dartboard.testing.small import outcome
from numerics.engines import ask, twins

from .test_drawn_gates import cell_of, seeded

SPACE = get_space("nas-bench-201")
LN3 = math.log(3)


def one_hot(place: int, columns: int) -> Tensor:
    return torch.eye(columns, dtype=torch.float64)[place : place + 1]


def slope(alpha: Tensor, place: int, at_gates: Tensor, temperature: float = 1.0) -> Tensor:
    """The gradient at alpha, (columns,), where operation `place` was drawn."""
    leaf = alpha[None].double().requires_grad_()
    gates = reinmax_gates(leaf, one_hot(place, len(alpha)), cell_of(len(alpha), temperature=temperature))
    (found,) = torch.autograd.grad((gates[0] * at_gates).sum(), [leaf])
    return found[0]


def straight_through(alpha: Tensor, at_gates: Tensor) -> Tensor:
    shares = alpha.double().softmax(dim=0)
    return (torch.diag(shares) - torch.outer(shares, shares)) @ at_gates


@pytest.mark.parametrize(
    ("alpha", "place", "temperature", "wanted"),
    [
        ((0.0, 0.0), 0, 1.0, 0.25),
        ((LN3, 0.0), 0, 1.0, 0.125),
        ((LN3, 0.0), 1, 1.0, -0.375),
        ((0.0, 0.0), 0, 2.0, 0.25),
        ((LN3, 0.0), 0, 2.0, 0.205288),
    ],
)
def test_the_gradient_is_that_of_the_equation(
    alpha: tuple[float, float], place: int, temperature: float, wanted: float
) -> None:
    """Worked by hand from 2 J(q) g - J(p) g / 2; a straight-through estimator gives 0.1875 where this gives 0.125."""
    found = slope(torch.tensor(alpha), place, one_hot(place, 2)[0], temperature)
    torch.testing.assert_close(found, torch.tensor([wanted, -wanted], dtype=torch.float64), atol=1e-6, rtol=0)
    plain = straight_through(torch.tensor(alpha), one_hot(0, 2)[0])
    assert plain[0].item() == pytest.approx(0.25 if alpha[0] == 0 else 0.1875)


@settings(max_examples=30, deadline=None)
@given(st.integers(2, 5), st.integers(0, 1000), st.floats(1, 4))
def test_both_writings_agree_and_rows_sum_to_zero(columns: int, seed: int, temperature: float) -> None:
    alpha = torch.randn(columns, generator=seeded(seed), dtype=torch.float64)
    at_gates = torch.randn(columns, generator=seeded(seed + 1), dtype=torch.float64)
    place = seed % columns
    shares = alpha.softmax(dim=0)
    middle = ((alpha / temperature).softmax(dim=0) + one_hot(place, columns)[0]) / 2

    def jacobian(p: Tensor) -> Tensor:
        return torch.diag(p) - torch.outer(p, p)

    wanted = 2 * jacobian(middle) @ at_gates - jacobian(shares) @ at_gates / 2
    found = slope(alpha, place, at_gates, temperature)
    torch.testing.assert_close(found, wanted)
    assert found.sum().item() == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("columns", [2, 3, 5])
@pytest.mark.parametrize("degree", [1, 2])
def test_its_expectation_is_the_gradient_of_the_expected_loss_up_to_second_order(columns: int, degree: int) -> None:
    """Summed over all draws, without sampling; the straight-through estimator is right for linear losses only."""
    alpha = torch.randn(columns, generator=seeded(columns), dtype=torch.float64, requires_grad=True)
    linear = torch.randn(columns, generator=seeded(1), dtype=torch.float64)
    square = torch.randn(columns, columns, generator=seeded(2), dtype=torch.float64) * (degree - 1)

    def loss(gates: Tensor) -> Tensor:
        return linear @ gates + gates @ square @ gates

    draws = [one_hot(place, columns)[0] for place in range(columns)]
    shares = alpha.softmax(dim=0)
    (wanted,) = torch.autograd.grad(torch.stack([loss(draw) for draw in draws]) @ shares, [alpha])
    at_gates = [linear + (square + square.T) @ draw for draw in draws]
    found = [slope(alpha.detach(), place, at) for place, at in enumerate(at_gates)]
    plain = [straight_through(alpha.detach(), at) for at in at_gates]
    each = shares.detach()[:, None]
    torch.testing.assert_close((each * torch.stack(found)).sum(dim=0), wanted, atol=1e-14, rtol=0)
    missed = float(((each * torch.stack(plain)).sum(dim=0) - wanted).abs().max())
    assert (missed < 1e-14) == (degree == 1)


def test_operations_are_drawn_as_often_as_softmax_says_at_every_temperature() -> None:
    alpha, number = torch.tensor([[0.5, 1.0, -1.0]]), 100_000
    cell = RelaxedCell("cell", SPACE.cell, ("a", "b", "c"), torch.ones(number, 3, dtype=torch.bool), 5.0)
    drawn = ReinMax().draw(alpha.expand(number, 3), cell, seeded(), of_alpha=True)
    assert set(drawn.gates.unique().tolist()) == {0.0, 1.0}
    torch.testing.assert_close(drawn.gates.mean(dim=0), alpha[0].softmax(dim=0), atol=0.01, rtol=0)


@pytest.mark.parametrize("run", ["one", "all"])
def test_it_draws_only_what_an_edge_has_and_nothing_where_it_has_nothing(run: Literal["one", "all"]) -> None:
    live = torch.tensor([[False, True, True], [False, False, False]])
    alpha = torch.tensor([[9.0, 0.0, 0.0], [1.0, 0.0, 0.0]], requires_grad=True)
    for seed in range(10):
        drawn = ReinMax(run).draw(alpha, cell_of(3, live=live), seeded(seed), of_alpha=True)
        assert drawn.active in (((1,), ()), ((2,), ())) if run == "one" else drawn.active is None
        assert drawn.gates.sum(dim=-1).tolist() == [1, 0]
        (at_alpha,) = torch.autograd.grad((drawn.gates * torch.tensor([1.0, 2.0, 3.0])).sum(), [alpha])
        assert torch.isfinite(at_alpha).all()
        assert not at_alpha[~live].any()


def test_a_weight_step_runs_the_drawn_operation_alone() -> None:
    alpha = torch.zeros(2, 3)
    cell = cell_of(3, live=torch.ones(2, 3, dtype=torch.bool))
    for run in ("one", "all"):
        drawn = ReinMax(run).draw(alpha, cell, seeded(), of_alpha=False)  # type: ignore[arg-type]
        assert drawn.active is not None
        assert [len(columns) for columns in drawn.active] == [1, 1]


def test_both_engines_give_gates_of_zero_their_gradient() -> None:
    """All operations run; the gradient at a gate is the product of its output with that of the edge, also at 0."""
    plan = SPACE.plan(in_channels=2, num_classes=3, init_channels=4, layers=1, image_size=(8, 8))
    spec = SupernetSpec(SPACE, plan, Mixing())
    alpha = torch.randn(6, 5, generator=seeded(3), dtype=torch.float64).requires_grad_()
    cell = RelaxedCell("cell", SPACE.cell, SPACE.ops, torch.ones(6, 5, dtype=torch.bool))
    drawn = ReinMax("all").draw(alpha, cell, seeded(), of_alpha=True)
    question = ask(spec)
    found = [
        torch.autograd.grad(supernet(question.images, {"cell": drawn.gates})[:, 0].sum(), [alpha], retain_graph=True)[0]
        for supernet in twins(spec)
    ]
    torch.testing.assert_close(found[1], found[0])
    assert found[0].abs().min() > 0


@pytest.mark.parametrize("rule", [LinearCooling(10.0, 0.1), Cooling(2.0, 0.5, 0.0)])
def test_temperatures_below_one_are_refused(rule: LinearCooling | Cooling) -> None:
    with pytest.raises(RecipeError, match="ReinMax takes no temperature below 1"):
        Recipe(relaxation=ReinMax(), gradient=FirstOrder(), update=AdamUpdate(), rules=(rule,))


def test_gdas_takes_either_estimator_each_with_temperatures_of_its_own() -> None:
    assert make_recipe("gdas", {}).rules == (LinearCooling(10.0, 0.1),)
    for estimator, run in (("reinmax-one", "one"), ("reinmax-all", "all")):
        recipe = make_recipe("gdas", {"estimator": estimator})
        assert recipe.relaxation == ReinMax(run)  # type: ignore[arg-type]
        assert recipe.rules == (LinearCooling(1.0, 1.0),)
    with pytest.raises(RecipeError, match="choose temperatures of at least 1\\."):
        make_recipe("gdas", {"estimator": "reinmax-one", "temperatures": [10.0, 0.1]})


@pytest.mark.parametrize("estimator", ["reinmax-one", "reinmax-all"])
def test_a_search_that_is_stopped_and_resumed_is_one_that_never_was(
    estimator: str, tmp_path: Path, small_space: None
) -> None:
    case = MethodCase("gdas", options={"estimator": estimator}, epochs=2)
    whole = search_small(tmp_path / "whole", case)
    with pytest.raises(Stopped):
        search_small(tmp_path / "cut", case, observer=StopAfter(1, 1))
    assert outcome(tmp_path / "cut") != whole
    assert search_small(tmp_path / "cut", case) == whole
