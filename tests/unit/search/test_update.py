import pytest
import torch

from dartboard.search import AdamUpdate, SgdUpdate


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
