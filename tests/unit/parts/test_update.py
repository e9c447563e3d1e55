import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from dartboard.parts import AdamUpdate, EdgeSimplex, ExponentiatedUpdate, SgdUpdate, Simplex
from dartboard.parts.relaxation.protocol import RelaxedCell
from dartboard.space import get_space


def test_adam_adds_weight_decay_to_the_gradient_before_its_moments() -> None:
    """By hand: with the gradient g = 0.2 + 1e-3 * alpha the first Adam step is lr * g / (|g| + eps)."""
    alpha = torch.tensor([[2.0, -4.0]], dtype=torch.float64, requires_grad=True)
    optimizer = AdamUpdate(lr=0.01, weight_decay=0.1).optimizer({"cell": alpha}, {})
    alpha.grad = torch.tensor([[0.1, 0.1]], dtype=torch.float64)
    optimizer.step()
    # Gradients 0.1 + 0.2 = 0.3 and 0.1 - 0.4 = -0.3: equal steps of lr against the sign.
    torch.testing.assert_close(alpha.detach(), torch.tensor([[1.99, -3.99]], dtype=torch.float64), rtol=0, atol=1e-8)


def test_the_second_adam_step_has_the_betas_of_the_paper() -> None:
    alpha = torch.zeros(1, 1, dtype=torch.float64, requires_grad=True)
    optimizer = AdamUpdate(lr=0.1, weight_decay=0.0).optimizer({"cell": alpha}, {})
    for gradient in (1.0, 3.0):
        alpha.grad = torch.full((1, 1), gradient, dtype=torch.float64)
        optimizer.step()
    first, second = (0.5 * 0.5 * 1 + 0.5 * 3) / (1 - 0.5**2), (0.999 * 0.001 + 0.001 * 9) / (1 - 0.999**2)
    assert alpha.item() == pytest.approx(-0.1 - 0.1 * first / second**0.5, rel=1e-7)


def test_gradient_descent_moves_against_the_gradient_with_its_decay() -> None:
    alpha = torch.tensor([[2.0, -4.0]], dtype=torch.float64, requires_grad=True)
    optimizer = SgdUpdate(lr=0.5, weight_decay=0.1).optimizer({"cell": alpha}, {})
    alpha.grad = torch.tensor([[1.0, 1.0]], dtype=torch.float64)
    optimizer.step()
    torch.testing.assert_close(alpha.detach(), torch.tensor([[1.4, -4.3]], dtype=torch.float64))


def cells_of(live: Tensor) -> dict[str, RelaxedCell]:
    return {"normal": RelaxedCell("normal", get_space("darts").cell, tuple("abcdefgh"[: live.shape[1]]), live)}


def step(alphas: dict[str, Tensor], gradients: dict[str, Tensor], *, lr: float = 0.1, floor: float = 1e-5) -> None:
    live = torch.ones(14, 8, dtype=torch.bool)
    optimizer = ExponentiatedUpdate(lr, floor).optimizer(alphas, cells_of(live))
    for name, alpha in alphas.items():
        alpha.grad = gradients[name]
    optimizer.step()


def test_an_exponentiated_step_by_hand() -> None:
    theta = torch.tensor([[0.5, 0.5]], dtype=torch.float64)
    step({"normal": theta}, {"normal": torch.tensor([[1.0, -1.0]], dtype=torch.float64)})
    torch.testing.assert_close(theta, torch.tensor([[0.450166, 0.549834]], dtype=torch.float64), rtol=0, atol=5e-7)


def test_from_equal_shares_exponentiated_gradients_give_the_softmax_of_their_sum() -> None:
    generator = torch.Generator().manual_seed(0)
    theta, total = torch.full((14, 8), 1 / 8, dtype=torch.float64), torch.zeros(14, 8, dtype=torch.float64)
    for _ in range(20):
        gradient = torch.randn(14, 8, dtype=torch.float64, generator=generator)
        step({"normal": theta}, {"normal": gradient}, floor=0.0)
        total += gradient
    torch.testing.assert_close(theta, (-0.1 * total).softmax(dim=1), rtol=1e-12, atol=0)


@given(st.integers(0, 2**31), st.floats(-5, 5))
@settings(max_examples=25)
def test_exponentiated_steps_keep_shares_and_their_floor_and_heed_no_constant(seed: int, constant: float) -> None:
    generator = torch.Generator().manual_seed(seed)
    theta = torch.rand(14, 8, dtype=torch.float64, generator=generator).softmax(dim=1)
    before = theta.clone()
    step({"normal": theta}, {"normal": torch.full_like(theta, constant)})
    torch.testing.assert_close(theta, before)
    for _ in range(3):
        step({"normal": theta}, {"normal": 50 * torch.randn(14, 8, dtype=torch.float64, generator=generator)})
        torch.testing.assert_close(theta.sum(dim=1), torch.ones(14, dtype=torch.float64))
        assert (theta > 0).all()
    step({"normal": theta}, {"normal": torch.randn(14, 8, dtype=torch.float64, generator=generator)})
    assert theta.min() >= 1e-5 / 2, "after a step of usual size a row sums to less than 2 before it is divided"


def test_the_weights_of_edges_sum_to_one_at_every_node_and_have_no_floor() -> None:
    cell = cells_of(torch.ones(14, 8, dtype=torch.bool))["normal"]
    edges = EdgeSimplex().initial_alpha(cell, torch.Generator()).double()
    gradient = torch.zeros(14, dtype=torch.float64)
    gradient[0], gradient[2] = 10.0, 200.0
    step({"normal.edges": edges}, {"normal.edges": gradient})
    for rows in cell.incoming:
        assert edges[list(rows)].sum().item() == pytest.approx(1)
    assert edges[0].item() == pytest.approx(1 / (1 + torch.e))
    assert 0 < edges[2].item() < 1e-8
    assert edges[5:9].tolist() == [0.25] * 4


def test_shares_of_operations_that_an_edge_does_not_have_stay_zero() -> None:
    live = torch.tensor([[True, False, True], [False, False, False]])
    theta = Simplex().initial_alpha(cells_of(live)["normal"], torch.Generator())
    optimizer = ExponentiatedUpdate().optimizer({"normal": theta}, cells_of(live))
    theta.grad = torch.randn(2, 3, generator=torch.Generator().manual_seed(0))
    optimizer.step()
    assert (theta[~live] == 0).all()
    assert theta[0].sum().item() == pytest.approx(1)
    assert theta[0, 0] != 0.5
    assert theta.isfinite().all()
