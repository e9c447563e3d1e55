"""Gradients through drawn gates against expectations that are known: by enumeration, by quadrature, in closed form.

Two edges, whose gates add up to an output with a squared loss. Two operations an edge are enough for the Gumbel trick:
the difference of two Gumbel numbers is logistic, so that a grid over two uniform numbers integrates over all draws.
"""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from dartboard.parts import Concrete, Dirichlet, HardGumbel
from dartboard.parts.relaxation import concentration
from dartboard.parts.relaxation.protocol import Relaxation, RelaxedCell
from dartboard.space import get_space

ALPHA = torch.tensor([[0.4, -0.3], [-0.5, 0.2]], dtype=torch.float64)
VALUES = torch.tensor([[1.0, -0.5], [2.0, 0.3]], dtype=torch.float64)
TARGET = 0.7
GRID = 400
COUNT = 50_000


def loss_of(gates: Tensor) -> Tensor:
    """Gates (..., 2, operations) -> (...)."""
    return ((gates * VALUES).sum(dim=(-2, -1)) - TARGET).square()


def sampled(
    relaxation: Relaxation, alpha: Tensor, temperature: float, loss: Callable[[Tensor], Tensor] = loss_of
) -> tuple[Tensor, Tensor]:
    """Mean gradient over draws, and its standard error; the rows of one large cell are as many draws."""
    copies = alpha.repeat(COUNT, 1).requires_grad_()
    rows, columns = copies.shape
    live = torch.ones(rows, columns, dtype=torch.bool)
    cell = RelaxedCell("cell", get_space("darts").cell, tuple("abcdef"[:columns]), live, temperature)
    gates = relaxation.draw(copies, cell, torch.Generator().manual_seed(0), of_alpha=True).gates
    (slopes,) = torch.autograd.grad(loss(gates.view(COUNT, *alpha.shape)).sum(), [copies])
    each = slopes.view(COUNT, *alpha.shape)
    return each.mean(dim=0), each.std(dim=0) / COUNT**0.5


def assert_is_mean(found: tuple[Tensor, Tensor], expected: Tensor) -> None:
    """Four standard errors hold for all of a few numbers but once in thousands of seeds, and the seed is fixed."""
    mean, error = found
    assert ((mean - expected).abs() <= 4 * error).all(), f"{mean} is not {expected} within {error}"


def grid() -> Tensor:
    """Logistic numbers of equal probability for both edges, (GRID^2, 2)."""
    numbers = torch.logit((torch.arange(GRID, dtype=torch.float64) + 0.5) / GRID)
    return torch.cartesian_prod(numbers, numbers)


def first_shares(alpha: Tensor, temperature: float) -> Tensor:
    """The relaxed gate of either edge's first operation over the grid, (GRID^2, 2)."""
    return ((alpha[:, 0] - alpha[:, 1] + grid()) / temperature).sigmoid()


@pytest.mark.parametrize("temperature", [1.0, 0.5])
def test_the_gradient_of_concrete_gates_is_that_of_the_expected_relaxed_loss(temperature: float) -> None:
    alpha = ALPHA.clone().requires_grad_()
    first = first_shares(alpha, temperature)
    (exact,) = torch.autograd.grad(loss_of(torch.stack([first, 1 - first], dim=-1)).mean(), [alpha])
    assert_is_mean(sampled(Concrete(), ALPHA, temperature), exact)


def enumerated(alpha: Tensor) -> Tensor:
    """The gradient of the expected loss of discrete cells."""
    alpha = alpha.clone().requires_grad_()
    shares = alpha.softmax(dim=-1)
    outcomes = torch.eye(2, dtype=torch.float64)
    expected = sum(
        shares[0, i] * shares[1, j] * loss_of(torch.stack([outcomes[i], outcomes[j]]))
        for i in range(2)
        for j in range(2)
    )
    (slope,) = torch.autograd.grad(expected, [alpha])  # type: ignore[arg-type]
    return slope


@pytest.mark.parametrize("temperature", [10.0, 1.0, 0.5])
def test_the_gradient_of_hard_gates_has_the_mean_that_theory_says_and_this_is_not_the_true_one(
    temperature: float,
) -> None:
    """By hand: the loss bends at the discrete outcome, the gates at the relaxed one."""
    first = first_shares(ALPHA, temperature)
    outputs = torch.where(first > 0.5, VALUES[:, 0], VALUES[:, 1])
    at_output = 2 * (outputs.sum(dim=-1, keepdim=True) - TARGET)
    slope = (at_output * (VALUES[:, 0] - VALUES[:, 1]) * first * (1 - first) / temperature).mean(dim=0)
    biased = torch.stack([slope, -slope], dim=-1)
    found = sampled(HardGumbel(), ALPHA, temperature)
    assert_is_mean(found, biased)
    true = enumerated(ALPHA)
    assert ((found[0] - true).abs() > 10 * found[1]).any()
    assert torch.equal(found[0].sign(), true.sign())


def test_where_the_loss_is_linear_the_bias_of_hard_gates_vanishes_with_the_temperature() -> None:
    alpha = ALPHA.clone().requires_grad_()
    (true,) = torch.autograd.grad((alpha.softmax(dim=-1) * VALUES).sum(), [alpha])

    def linear(gates: Tensor) -> Tensor:
        return (gates * VALUES).sum(dim=(-2, -1))

    assert_is_mean(sampled(HardGumbel(), ALPHA, 0.1, linear), true)
    mean, error = sampled(HardGumbel(), ALPHA, 10.0, linear)
    assert ((mean - true).abs() > 100 * error).all()


def test_the_gradient_of_dirichlet_gates_is_that_of_the_expected_loss() -> None:
    """A squared loss sees means and covariances, both known: cov = (diag(m) - m m^T) / (sum b + 1)."""
    alpha = torch.tensor([[0.4, -0.5, 0.1], [-1.5, 0.8, 0.0]], dtype=torch.float64, requires_grad=True)
    values = torch.tensor([[1.0, -2.0, 0.5], [0.7, 0.1, -1.0]], dtype=torch.float64)
    own = concentration(alpha)
    means = own / own.sum(dim=-1, keepdim=True)
    at_mean = (means * values).sum(dim=-1)
    variances = ((means * values.square()).sum(dim=-1) - at_mean.square()) / (own.sum(dim=-1) + 1)
    (exact,) = torch.autograd.grad((at_mean.sum() - TARGET).square() + variances.sum(), [alpha])

    def loss(gates: Tensor) -> Tensor:
        return ((gates * values).sum(dim=(-2, -1)) - TARGET).square()

    assert_is_mean(sampled(Dirichlet(), alpha.detach(), 1.0, loss), exact)
