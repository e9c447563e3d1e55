import pytest
import torch
from torch import Tensor

from dartboard.parts import EdgeSimplex, EdgeSoftmax, NodeSoftmax, Sigmoid, Simplex, Softmax
from dartboard.parts.relaxation.protocol import RelaxedCell
from dartboard.space import CellTopology, get_space

NONE = torch.Generator()


def make_cell(rows: int, columns: int, *, space: str = "darts", temperature: float = 1.0) -> RelaxedCell:
    """A cell with as many rows and columns as a test needs; its graph is that of the space."""
    ops = tuple(f"op{column}" for column in range(columns))
    return RelaxedCell("normal", get_space(space).cell, ops, torch.ones(rows, columns, dtype=torch.bool), temperature)


def test_softmax_gates_are_the_textbook_values() -> None:
    gates = Softmax().mean_gates(torch.tensor([[0.0, 0.0], [1.0, 0.0]]), make_cell(2, 2))
    torch.testing.assert_close(gates, torch.tensor([[0.5, 0.5], [0.731058578, 0.268941421]]))


def test_a_softmax_divides_by_the_temperature() -> None:
    gates = Softmax().mean_gates(torch.tensor([[0.5, 0.0]]), make_cell(1, 2, temperature=0.5))
    torch.testing.assert_close(gates, torch.tensor([[0.731058578, 0.268941421]]))


def test_gates_of_a_softmax_are_deterministic_and_equal_their_mean() -> None:
    alpha, cell = torch.randn(14, 8, generator=torch.Generator().manual_seed(0)), make_cell(14, 8)
    gates = Softmax().mean_gates(alpha, cell)
    assert torch.equal(gates, Softmax().mean_gates(alpha, cell))
    torch.testing.assert_close(gates.sum(dim=1), torch.ones(14))


def test_operations_that_an_edge_does_not_have_take_no_share() -> None:
    live = torch.tensor([[True, False, True], [True, True, True], [False, False, False]])
    cell = RelaxedCell("normal", get_space("darts").cell, ("a", "b", "c"), live)
    alpha = torch.tensor([[0.0, 9.0, 1.0], [0.0, 0.0, 0.0], [1.0, 2.0, 3.0]], requires_grad=True)
    gates = Softmax().mean_gates(alpha, cell)
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
    (Softmax().mean_gates(alpha, make_cell(1, 2))[0] * outputs).sum().backward()
    assert alpha.grad is not None
    torch.testing.assert_close(alpha.grad, torch.tensor([[0.5, -0.5]], dtype=torch.float64))


def test_edges_into_a_node_share_one() -> None:
    cell = make_cell(14, 8)
    alpha = torch.randn(14, generator=torch.Generator().manual_seed(0))
    weights = EdgeSoftmax().mean_gates(alpha, cell)
    assert EdgeSoftmax().initial_alpha(cell, NONE).shape == weights.shape == (14,)
    for rows in ((0, 1), (2, 3, 4), (5, 6, 7, 8), (9, 10, 11, 12, 13)):
        assert weights[list(rows)].sum().item() == pytest.approx(1, abs=1e-6)
    assert (weights[2] / weights[3]).item() == pytest.approx((alpha[2] - alpha[3]).exp().item(), rel=1e-5)


@pytest.mark.parametrize(("columns", "gate"), [(8, 0.125), (5, 0.2), (2, 0.5), (1, 0.5)])
def test_sigmoids_that_start_with_shares_sum_to_one(columns: int, gate: float) -> None:
    """Single-DARTS: sigmoid(-ln 7) = 0.125."""
    cell = make_cell(14, columns)
    gates = Sigmoid("share").mean_gates(Sigmoid("share").initial_alpha(cell, NONE), cell)
    torch.testing.assert_close(gates, torch.full((14, columns), gate))


def test_sigmoids_start_at_one_half_unless_told_otherwise() -> None:
    cell = make_cell(14, 7)
    assert (Sigmoid().mean_gates(Sigmoid().initial_alpha(cell, NONE), cell) == 0.5).all()


def test_a_sigmoids_gradient_for_alpha_is_its_slope_times_the_operations_part() -> None:
    alpha = torch.tensor([[0.3, -1.0]], dtype=torch.float64, requires_grad=True)
    gates = Sigmoid().mean_gates(alpha, make_cell(1, 2))
    parts = torch.tensor([[3.0, -2.0]], dtype=torch.float64)
    (slope,) = torch.autograd.grad((gates * parts).sum(), [alpha])
    torch.testing.assert_close(slope, gates * (1 - gates) * parts)


HALF_LIVE = torch.tensor([[True, False, True], [True, True, True], [False, False, False]])


def test_sigmoids_and_simplices_know_which_operations_are_live() -> None:
    cell = RelaxedCell("normal", get_space("darts").cell, ("a", "b", "c"), HALF_LIVE)
    third = 1 / 3
    sigmoids = Sigmoid("share").mean_gates(Sigmoid("share").initial_alpha(cell, NONE), cell)
    torch.testing.assert_close(sigmoids, torch.tensor([[0.5, 0, 0.5], [third, third, third], [0, 0, 0]]))
    simplex = Simplex().mean_gates(Simplex().initial_alpha(cell, NONE), cell)
    torch.testing.assert_close(simplex, torch.tensor([[0.5, 0, 0.5], [third, third, third], [0, 0, 0]]))


def test_the_gates_of_a_simplex_are_alpha() -> None:
    alpha = torch.tensor([[0.25, 0.75]], requires_grad=True)
    assert torch.equal(Simplex().mean_gates(alpha, make_cell(1, 2)), alpha)
    (slope,) = torch.autograd.grad(Simplex().mean_gates(alpha, make_cell(1, 2))[0, 0], [alpha])
    assert slope.tolist() == [[1, 0]]


def test_the_edges_of_a_simplex_start_with_equal_shares_of_every_node() -> None:
    cell = make_cell(14, 8)
    alpha = EdgeSimplex().initial_alpha(cell, NONE)
    assert torch.equal(EdgeSimplex().mean_gates(alpha, cell), alpha)
    for rows in cell.incoming:
        torch.testing.assert_close(alpha[list(rows)], torch.full((len(rows),), 1 / len(rows)))


def first_node(alpha: Tensor, relaxation: Softmax | NodeSoftmax) -> Tensor:
    """Gates of a node with two edges."""
    cell = RelaxedCell("cell", CellTopology(2, 1, "last", False, None), ("a", "b"), torch.ones(2, 2, dtype=torch.bool))
    return relaxation.mean_gates(alpha, cell)


def test_the_operations_of_all_edges_into_a_node_share_one() -> None:
    gates = first_node(torch.zeros(2, 2), NodeSoftmax())
    assert (gates == 0.25).all()
    assert (first_node(torch.zeros(2, 2), Softmax()) == 0.5).all()
    # All operations identities on the same input: the node is the input, and twice the input in DARTS.
    assert gates.sum() == 1
    assert first_node(torch.zeros(2, 2), Softmax()).sum() == 2


def test_a_constant_on_an_edge_changes_a_softmax_over_the_node_and_one_on_the_node_does_not() -> None:
    alpha = torch.randn(2, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    on_edge = alpha + torch.tensor([[1.0], [0.0]])
    torch.testing.assert_close(first_node(alpha + 3, NodeSoftmax()), first_node(alpha, NodeSoftmax()))
    torch.testing.assert_close(first_node(on_edge, Softmax()), first_node(alpha, Softmax()))
    assert (first_node(on_edge, NodeSoftmax())[0] > first_node(alpha, NodeSoftmax())[0]).all()


def test_a_softmax_over_the_node_knows_which_operations_are_live_and_the_temperature() -> None:
    topology = CellTopology(2, 1, "last", False, None)
    live = torch.tensor([[True, False], [True, True]])
    cell = RelaxedCell("cell", topology, ("a", "b"), live, temperature=0.5)
    gates = NodeSoftmax().mean_gates(torch.tensor([[0.5, 9.0], [0.0, 0.0]]), cell)
    share = 1 / (2 + torch.e)
    torch.testing.assert_close(gates, torch.tensor([[torch.e * share, 0], [share, share]]))


def test_a_softmax_over_the_node_has_one_share_for_every_node_of_a_whole_cell() -> None:
    cell, generator = make_cell(14, 8), torch.Generator().manual_seed(0)
    alpha = NodeSoftmax(initial_scale=1.0).initial_alpha(cell, generator)
    gates = NodeSoftmax().mean_gates(alpha, cell)
    for rows in cell.incoming:
        assert gates[list(rows)].sum().item() == pytest.approx(1, abs=1e-6)
