import pytest
import torch

from dartboard.search import EdgeSoftmax, RelaxedCell, Softmax
from dartboard.space import get_space

NONE = torch.Generator()


def make_cell(rows: int, columns: int, *, space: str = "darts", temperature: float = 1.0) -> RelaxedCell:
    """A cell with as many rows and columns as a test needs; its graph is that of the space."""
    ops = tuple(f"op{column}" for column in range(columns))
    return RelaxedCell("normal", get_space(space).cell, ops, torch.ones(rows, columns, dtype=torch.bool), temperature)


def test_softmax_gates_are_the_textbook_values() -> None:
    gates = Softmax().gates(torch.tensor([[0.0, 0.0], [1.0, 0.0]]), make_cell(2, 2), NONE)
    torch.testing.assert_close(gates, torch.tensor([[0.5, 0.5], [0.731058578, 0.268941421]]))


def test_a_softmax_divides_by_the_temperature() -> None:
    gates = Softmax().mean_gates(torch.tensor([[0.5, 0.0]]), make_cell(1, 2, temperature=0.5))
    torch.testing.assert_close(gates, torch.tensor([[0.731058578, 0.268941421]]))


def test_gates_of_a_softmax_are_deterministic_and_equal_their_mean() -> None:
    alpha, cell = torch.randn(14, 8, generator=torch.Generator().manual_seed(0)), make_cell(14, 8)
    gates = Softmax().gates(alpha, cell, NONE)
    assert torch.equal(gates, Softmax().mean_gates(alpha, cell))
    torch.testing.assert_close(gates.sum(dim=1), torch.ones(14))


def test_operations_that_an_edge_does_not_have_take_no_share() -> None:
    live = torch.tensor([[True, False, True], [True, True, True], [False, False, False]])
    cell = RelaxedCell("normal", get_space("darts").cell, ("a", "b", "c"), live)
    alpha = torch.tensor([[0.0, 9.0, 1.0], [0.0, 0.0, 0.0], [1.0, 2.0, 3.0]], requires_grad=True)
    gates = Softmax().gates(alpha, cell, NONE)
    third = 1 / 3
    expected = torch.tensor([[0.268941421, 0, 0.731058578], [third, third, third], [0, 0, 0]])
    torch.testing.assert_close(gates, expected)
    gates[:, 0].sum().backward()
    assert alpha.grad is not None
    assert (alpha.grad[~live] == 0).all()


def test_alpha_starts_as_small_normal_numbers_that_the_generator_decides() -> None:
    first, again, other = (
        Softmax().initial_alpha(make_cell(200, 50), torch.Generator().manual_seed(seed)) for seed in (0, 0, 1)
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
    (Softmax().gates(alpha, make_cell(1, 2), NONE)[0] * outputs).sum().backward()
    assert alpha.grad is not None
    torch.testing.assert_close(alpha.grad, torch.tensor([[0.5, -0.5]], dtype=torch.float64))


def test_edges_into_a_node_share_one() -> None:
    cell = make_cell(14, 8)
    alpha = torch.randn(14, generator=torch.Generator().manual_seed(0))
    weights = EdgeSoftmax().gates(alpha, cell, NONE)
    assert EdgeSoftmax().initial_alpha(cell, NONE).shape == weights.shape == (14,)
    for rows in ((0, 1), (2, 3, 4), (5, 6, 7, 8), (9, 10, 11, 12, 13)):
        assert weights[list(rows)].sum().item() == pytest.approx(1, abs=1e-6)
    assert (weights[2] / weights[3]).item() == pytest.approx((alpha[2] - alpha[3]).exp().item(), rel=1e-5)
