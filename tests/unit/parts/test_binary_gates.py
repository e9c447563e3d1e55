"""Binary gates: what is drawn, which gradient it gives, and where an update leaves alpha."""

from collections import Counter
from itertools import permutations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from dartboard.parts import AdamUpdate, BinaryGates, FirstOrder, Recipe
from dartboard.parts.architecture import Architecture, all_live
from dartboard.parts.relaxation.protocol import Draw, RelaxedCell
from dartboard.space import CellTopology, get_space
from dartboard.supernet import ReferenceSupernet, SupernetSpec

CPU = torch.device("cpu")
SHARES = (0.5, 0.3, 0.2)
DRAWS = 4000
TWO, FULL = BinaryGates("two"), BinaryGates("full")


def make_cell(rows: int, columns: int, live: Tensor | None = None, first: str = "op") -> RelaxedCell:
    ops = (first, *(f"op{column}" for column in range(1, columns)))
    whole = torch.ones(rows, columns, dtype=torch.bool)
    return RelaxedCell("cell", CellTopology(rows, 1, "last", False, None), ops, whole if live is None else live)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def alpha_of(*shares: float) -> Tensor:
    """One edge with these shares."""
    return torch.tensor([shares], dtype=torch.float64).log().requires_grad_()


def slope(drawn: Draw, alpha: Tensor, outputs: Tensor) -> Tensor:
    """D loss / d alpha where d loss / d gate is `outputs`."""
    return torch.autograd.grad((drawn.gates * outputs).sum(), [alpha])[0]


@pytest.mark.parametrize("relaxation", [TWO, FULL], ids=["two", "full"])
def test_two_equal_operations_get_a_quarter_of_the_difference(relaxation: BinaryGates) -> None:
    alpha = alpha_of(0.5, 0.5)
    drawn = relaxation.draw(alpha, make_cell(1, 2), seeded(), of_alpha=True)
    a, b = 3.0, -1.0
    found = slope(drawn, alpha, torch.tensor([[a, b]], dtype=torch.float64))
    torch.testing.assert_close(found, torch.tensor([[0.25 * (a - b), 0.25 * (b - a)]], dtype=torch.float64))


@given(st.lists(st.floats(-2, 2), min_size=4, max_size=4), st.lists(st.floats(-5, 5), min_size=4, max_size=4))
@settings(max_examples=20)
def test_gates_pass_their_gradient_on_to_the_probabilities(logits: list[float], at_gates: list[float]) -> None:
    alpha = torch.tensor([logits], dtype=torch.float64, requires_grad=True)
    outputs = torch.tensor([at_gates], dtype=torch.float64)
    p = alpha.detach().softmax(dim=1)[0]
    jacobian = torch.diag(p) - p[:, None] * p
    found = slope(FULL.draw(alpha, make_cell(1, 4), seeded(), of_alpha=True), alpha, outputs)
    torch.testing.assert_close(found[0], jacobian @ outputs[0])


def test_a_step_of_the_weights_runs_one_operation_of_each_edge_with_the_gate_one() -> None:
    alpha = torch.randn(5, 4, generator=seeded())
    for relaxation in (TWO, FULL):
        drawn = relaxation.draw(alpha, make_cell(5, 4), seeded(), of_alpha=False)
        assert drawn.active is not None
        assert [len(columns) for columns in drawn.active] == [1] * 5
        assert [row.nonzero().flatten().tolist() for row in drawn.gates] == [list(columns) for columns in drawn.active]
        assert drawn.gates.sum().item() == 5


def test_a_step_of_alpha_runs_two_operations_or_all_and_one_of_them_counts() -> None:
    alpha = torch.randn(5, 4, generator=seeded(), requires_grad=True)
    two, full = (each.draw(alpha, make_cell(5, 4), seeded(), of_alpha=True) for each in (TWO, FULL))
    assert two.active is not None
    assert [len(set(columns)) for columns in two.active] == [2] * 5
    assert full.active is None
    for drawn in (two, full):
        assert sorted(drawn.gates.flatten().tolist()) == [0.0] * 15 + [1.0] * 5
    for row, columns in zip(slope(two, alpha, torch.rand(5, 4, generator=seeded())), two.active, strict=True):
        assert set(row.nonzero().flatten().tolist()) == set(columns)
        assert row.sum().item() == pytest.approx(0, abs=1e-7)


def four_deviations(chance: float) -> float:
    return 4 * (chance * (1 - chance) / DRAWS) ** 0.5


def test_paths_are_drawn_with_their_shares() -> None:
    alpha, cell, generator = alpha_of(*SHARES), make_cell(1, 3), seeded()
    counts = Counter(TWO.draw(alpha, cell, generator, of_alpha=False).active for _ in range(DRAWS))
    for column, share in enumerate(SHARES):
        assert counts[((column,),)] / DRAWS == pytest.approx(share, abs=four_deviations(share))


def chance_of_pair(i: int, j: int) -> float:
    """Of drawing i and j, in either order, without putting back."""
    return SHARES[i] * SHARES[j] / (1 - SHARES[i]) + SHARES[i] * SHARES[j] / (1 - SHARES[j])


def test_pairs_are_drawn_without_putting_back_and_the_gate_falls_by_their_shares_of_the_pair() -> None:
    alpha, cell, generator = alpha_of(*SHARES), make_cell(1, 3), seeded()
    pairs: Counter[tuple[int, ...]] = Counter()
    ones: Counter[tuple[tuple[int, ...], int]] = Counter()
    for _ in range(DRAWS):
        drawn = TWO.draw(alpha, cell, generator, of_alpha=True)
        assert drawn.active is not None
        pair = tuple(sorted(drawn.active[0]))
        pairs[pair] += 1
        ones[pair, int(drawn.gates.argmax())] += 1
    for i, j in ((0, 1), (0, 2), (1, 2)):
        chance = chance_of_pair(i, j)
        assert pairs[i, j] / DRAWS == pytest.approx(chance, abs=four_deviations(chance))
        first = chance * SHARES[i] / (SHARES[i] + SHARES[j])
        assert ones[(i, j), i] / DRAWS == pytest.approx(first, abs=four_deviations(first))


def mean_slope(relaxation: BinaryGates, outputs: Tensor) -> tuple[Tensor, Tensor]:
    """Mean over many draws, and four standard errors of it."""
    alpha, cell, generator = alpha_of(*SHARES), make_cell(1, 3), seeded()
    slopes = torch.cat(
        [slope(relaxation.draw(alpha, cell, generator, of_alpha=True), alpha, outputs) for _ in range(DRAWS)]
    )
    return slopes.mean(dim=0), 4 * slopes.std(dim=0) / DRAWS**0.5


def test_on_a_linear_loss_all_paths_give_the_gradient_of_the_expected_loss_and_pairs_a_known_multiple() -> None:
    """The expected loss is p'c. A pair counts with its chance times q_i q_j instead of p_i p_j."""
    outputs = torch.tensor([[3.0, -1.0, 0.5]], dtype=torch.float64)
    alpha = alpha_of(*SHARES)
    (exact,) = torch.autograd.grad((alpha.softmax(dim=1) * outputs).sum(), [alpha])
    full, _ = mean_slope(FULL, outputs)
    torch.testing.assert_close(full, exact[0])
    expected = torch.zeros(3, dtype=torch.float64)
    for i, j in permutations(range(3), 2):
        q = SHARES[i] / (SHARES[i] + SHARES[j])
        expected[i] += chance_of_pair(i, j) * q * (1 - q) * (outputs[0, i] - outputs[0, j])
    two, error = mean_slope(TWO, outputs)
    assert ((two - expected).abs() <= error).all()
    assert ((two - exact[0]).abs() > error).any(), "the bias shows at this size"


def test_over_two_edges_all_paths_give_the_gradient_of_the_expected_loss_on_average() -> None:
    """The loss g1' C g2 is linear in the gates of either edge, though not in both."""
    alpha = torch.tensor([[0.5, 0.0, -0.5], [0.0, 0.3, 0.6]], dtype=torch.float64, requires_grad=True)
    coupling = torch.randn(3, 3, dtype=torch.float64, generator=seeded(5))

    def gradient(gates: Tensor) -> Tensor:
        return torch.autograd.grad(gates[0] @ coupling @ gates[1], [alpha])[0]

    exact, cell, generator = gradient(alpha.softmax(dim=1)), make_cell(2, 3), seeded()
    found = torch.stack([gradient(FULL.draw(alpha, cell, generator, of_alpha=True).gates) for _ in range(DRAWS)])
    assert ((found.mean(dim=0) - exact).abs() <= 4 * found.std(dim=0) / DRAWS**0.5).all()


@pytest.mark.parametrize("relaxation", [TWO, FULL], ids=["two", "full"])
def test_an_edge_whose_gate_belongs_to_none_learns_nothing_in_that_step(relaxation: BinaryGates) -> None:
    alpha = torch.zeros(40, 2, requires_grad=True)
    drawn = relaxation.draw(alpha, make_cell(40, 2, first="none"), seeded(), of_alpha=True)
    found = slope(drawn, alpha, torch.tensor([1.0, 2.0]))
    rests = drawn.gates[:, 0] == 1
    assert 5 < rests.sum() < 35
    assert torch.equal((found == 0).all(dim=1), rests)


@pytest.mark.parametrize("of_alpha", [False, True])
def test_only_live_operations_are_drawn_and_edges_may_have_one_or_none(of_alpha: bool) -> None:
    live = torch.tensor([[True, False, True], [False, True, False], [False, False, False]])
    alpha = torch.randn(3, 3, generator=seeded(), requires_grad=True)
    for seed in range(20):
        drawn = TWO.draw(alpha, make_cell(3, 3, live), seeded(seed), of_alpha=of_alpha)
        assert drawn.active is not None
        assert set(drawn.active[0]) <= {0, 2}
        assert len(drawn.active[0]) == 1 + of_alpha
        assert list(drawn.active[1:]) == [(1,), ()]
        assert drawn.gates.sum(dim=1).tolist() == [1, 1, 0]
        assert (drawn.gates[~live] == 0).all()
        if of_alpha:
            assert slope(drawn, alpha, torch.rand(3, 3)).isfinite().all()


@given(st.integers(0, 10_000))
@settings(max_examples=30)
def test_an_update_leaves_the_log_sum_exp_of_the_pair_and_all_other_alphas_as_they_were(seed: int) -> None:
    before, moves = torch.randn(2, 6, 5, generator=seeded(seed))
    cell = make_cell(6, 5)
    active = TWO.draw(before, cell, seeded(seed), of_alpha=True).active
    assert active is not None
    drawn = torch.tensor([[column in pair for column in range(5)] for pair in active])
    settled = TWO.settle(before, before + moves * drawn, cell, active)
    assert torch.equal(settled[~drawn], before[~drawn])
    sums = [alpha[drawn].view(6, 2).logsumexp(dim=1) for alpha in (before, settled)]
    torch.testing.assert_close(sums[1], sums[0], rtol=0, atol=1e-6)
    gaps = [alpha[drawn].view(6, 2).diff(dim=1) for alpha in (before + moves, settled)]
    torch.testing.assert_close(gaps[1], gaps[0], rtol=0, atol=1e-6)
    assert torch.equal(FULL.settle(before, before + moves, cell, active), before + moves)


def test_the_chance_of_a_path_is_the_product_of_the_shares_of_its_operations() -> None:
    alpha = torch.cat([alpha_of(*SHARES), alpha_of(*SHARES), alpha_of(*SHARES)])
    live = torch.tensor([[True] * 3, [True, False, True], [False] * 3])
    found = TWO.log_probability(alpha, make_cell(3, 3, live), ((1,), (2,), ()))
    assert found.exp().item() == pytest.approx(0.3 * 0.2 / 0.7)
    (gradient,) = torch.autograd.grad(found, [alpha])
    torch.testing.assert_close(gradient[0], torch.tensor([-0.5, 0.7, -0.2], dtype=torch.float64))
    assert (gradient[2] == 0).all()


class CountCalls:
    """Counts the operations of edges that a supernet runs."""

    def __init__(self, supernet: ReferenceSupernet) -> None:
        self.calls = 0
        for cell in supernet.backbone.blocks:
            for edge in getattr(cell, "edges", ()):
                for op in edge.values():
                    op.register_forward_hook(self)

    def __call__(self, *_: object) -> None:
        self.calls += 1


@pytest.mark.parametrize(("relaxation", "alpha_runs"), [(TWO, 2), (FULL, 5)], ids=["two", "full"])
def test_as_many_operations_are_run_as_are_drawn_and_only_the_weights_of_a_path_get_gradients(
    relaxation: BinaryGates, alpha_runs: int
) -> None:
    space = get_space("nas-bench-201")
    plan = space.plan(in_channels=3, num_classes=4, init_channels=4, layers=1)
    torch.manual_seed(0)
    supernet = ReferenceSupernet(SupernetSpec(space, plan))
    recipe = Recipe(relaxation, gradient=FirstOrder(), update=AdamUpdate())
    architecture = Architecture.of(recipe, space, all_live(space), CPU)
    alphas, counter = architecture.initial_alphas(seeded()), CountCalls(supernet)
    edges, cells = 6, 3
    for of_alpha, runs in ((True, alpha_runs), (False, 1)):
        counter.calls = 0
        drawn = architecture.draw(alphas, seeded(), of_alpha=of_alpha)
        supernet(torch.randn(2, 3, 8, 8, generator=seeded()), drawn.gates, drawn.active).sum().backward()
        assert counter.calls == runs * edges * cells
        if of_alpha:
            supernet.zero_grad()
    assert drawn.active is not None
    for cell in supernet.backbone.blocks:
        for row, edge in enumerate(getattr(cell, "edges", ())):
            assert isinstance(edge, nn.ModuleDict)
            for name, op in edge.items():
                runs_it = space.ops.index(name) in drawn.active["cell"][row]
                assert all((weight.grad is not None) == runs_it for weight in op.parameters())


def test_decided_edges_are_neither_drawn_nor_moved() -> None:
    space = get_space("nas-bench-201")
    recipe = Recipe(TWO, gradient=FirstOrder(), update=AdamUpdate())
    architecture = Architecture.of(recipe, space, all_live(space), CPU).at(1.0, 1.0, {"cell": {0: "skip_connect"}})
    alphas = {"cell": torch.zeros(6, 5, requires_grad=True)}
    path = architecture.draw(alphas, seeded(), of_alpha=False).active
    assert path is not None
    assert path["cell"][0] == (space.ops.index("skip_connect"),)
    assert architecture.log_probability(alphas, path).exp().item() == pytest.approx(0.2**5)
    drawn = architecture.draw(alphas, seeded(), of_alpha=True)
    (gradient,) = torch.autograd.grad((drawn.gates["cell"] * torch.rand(6, 5)).sum(), [alphas["cell"]])
    assert (gradient[0] == 0).all()
