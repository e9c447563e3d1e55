import pytest
import torch

from dartboard.search import Softmax


def test_softmax_gates_are_the_textbook_values() -> None:
    gates = Softmax().gates(torch.tensor([[0.0, 0.0], [1.0, 0.0]]), torch.Generator())
    torch.testing.assert_close(gates, torch.tensor([[0.5, 0.5], [0.731058578, 0.268941421]]))


def test_gates_of_a_softmax_are_deterministic_and_equal_their_mean() -> None:
    alpha = torch.randn(14, 8, generator=torch.Generator().manual_seed(0))
    gates = Softmax().gates(alpha, torch.Generator())
    assert torch.equal(gates, Softmax().mean_gates(alpha))
    torch.testing.assert_close(gates.sum(dim=1), torch.ones(14))


def test_alpha_starts_as_small_normal_numbers_that_the_generator_decides() -> None:
    first, again, other = (
        Softmax().initial_alpha((200, 50), torch.Generator().manual_seed(seed)) for seed in (0, 0, 1)
    )
    assert first.shape == (200, 50)
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    # 10,000 numbers: three standard errors of a deviation are 2.1%, of a mean 3% of the deviation.
    assert first.std().item() == pytest.approx(1e-3, rel=0.03)
    assert first.mean().item() == pytest.approx(0, abs=3e-5)


def test_the_gradient_for_alpha_of_two_equal_operations_is_a_quarter_of_their_difference() -> None:
    alpha = torch.zeros(1, 2, dtype=torch.float64, requires_grad=True)
    outputs = torch.tensor([3.0, 1.0], dtype=torch.float64)
    (Softmax().gates(alpha, torch.Generator())[0] * outputs).sum().backward()
    assert alpha.grad is not None
    torch.testing.assert_close(alpha.grad, torch.tensor([[0.5, -0.5]], dtype=torch.float64))
