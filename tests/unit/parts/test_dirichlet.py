"""The Dirichlet gates of DrNAS: draws and their derivative, means, anchors, and how edges are compared."""

import pytest
import torch
from torch import Generator, Tensor
from torch.distributions.dirichlet import _Dirichlet_backward

import dartboard.methods  # noqa: F401 - importing registers the methods
from dartboard.parts import Dirichlet, DirichletAnchor, DirichletDistance
from dartboard.parts.recipe import make_recipe
from dartboard.parts.relaxation import concentration
from dartboard.parts.relaxation.drawn import drawn_back
from dartboard.parts.relaxation.protocol import RelaxedCell
from dartboard.settings import resolve_settings
from dartboard.space import check_genotype, get_space

SPACE, DARTS = get_space("nas-bench-201"), get_space("darts")


def seeded(seed: int = 0) -> Generator:
    return torch.Generator().manual_seed(seed)


def cell_of(columns: int, *, live: Tensor | None = None) -> RelaxedCell:
    rows = torch.ones(1, columns, dtype=torch.bool) if live is None else live
    return RelaxedCell("cell", SPACE.cell, tuple(f"op{column}" for column in range(columns)), rows)


def test_the_derivative_of_a_draw_is_that_of_torch() -> None:
    """At the same draw; what an edge lacks has none, and an edge of one operation cannot move."""
    live = torch.tensor([[True] * 4, [True, False, True, True], [False, True, False, False], [False] * 4])
    alpha = torch.tensor([[0.4, -0.5, 0.1, -3.0]] * 4, requires_grad=True)
    weights = torch.tensor([1.0, -2.0, 0.5, 3.0])
    gates = Dirichlet().draw(alpha, cell_of(4, live=live), seeded(), of_alpha=True).gates
    (found,) = torch.autograd.grad((gates * weights).sum(), [alpha])
    assert not found[~live].any()
    assert not found[2].any()
    for row in (0, 1):
        own = alpha[row].detach().double().requires_grad_()
        concentrations = concentration(own)[live[row]]
        drawn = gates[row][live[row]].detach().double()
        (slopes,) = torch.autograd.grad(
            concentrations, [own], _Dirichlet_backward(drawn, concentrations.detach(), weights[live[row]].double())
        )
        torch.testing.assert_close(found[row].double(), slopes, rtol=1e-4, atol=1e-6)


def test_dirichlet_gates_are_the_means_and_not_the_softmax() -> None:
    alphas, cells = {"cell": torch.tensor([[1.0, 0.0, 0.0]])}, {"cell": cell_of(3)}
    found = Dirichlet().mean_cells(alphas, cells)
    torch.testing.assert_close(found["cell"], torch.tensor([[0.5, 0.25, 0.25]]))
    torch.testing.assert_close(found["cell.softmax"], torch.tensor([[0.5761, 0.2119, 0.2119]]), atol=1e-4, rtol=0)
    count, wide = 20_000, torch.tensor([1.0, 0.0, -2.0])
    cell = RelaxedCell("cell", SPACE.cell, tuple("abc"), torch.ones(count, 3, dtype=torch.bool))
    drawn = Dirichlet().draw(wide.expand(count, 3), cell, seeded(), of_alpha=False).gates.mean(dim=0)
    torch.testing.assert_close(Dirichlet().mean_gates(wide[None], cell_of(3))[0], drawn, atol=0.01, rtol=0)


def test_drnas_compares_edges_by_the_softmax_or_by_the_mean() -> None:
    """Three edges into a node that keeps two: the first is the best, the second has the larger softmax, not mean."""
    alphas, node = torch.zeros(len(DARTS.cell.edges), len(DARTS.ops)), DARTS.cell.nodes[1]
    first, second, third = DARTS.cell.incoming(node)
    alphas[first, 4], alphas[second, 4] = 6.0, 2.0
    alphas[third] = -0.9
    alphas[third, 4] = 1.0
    live = torch.ones_like(alphas, dtype=torch.bool)
    live[:, DARTS.ops.index("none")] = False
    cells = {kind: RelaxedCell(kind, DARTS.cell, DARTS.ops, live) for kind in DARTS.cell_kinds}
    gates = Dirichlet().mean_cells(dict.fromkeys(DARTS.cell_kinds, alphas), cells)
    kept = {}
    for derive in ("softmax", "mean"):
        found = make_recipe("drnas", {"derive": derive}).selection(DARTS, gates, seeded())
        check_genotype(found, DARTS)
        kept[derive] = [choice.source for choice in found["normal"].choices if choice.target == node]
    sources = [DARTS.cell.edges[row].source for row in (first, second, third)]
    assert kept == {"softmax": sources[:2], "mean": [sources[0], sources[2]]}


def test_the_distance_of_the_paper_is_no_square() -> None:
    """At concentrations (2, 1, 1) it is 1, with the gradient (1, 0, 0); at the uniform distribution it has none."""
    cells = {"cell": cell_of(3)}
    for alpha, value, slope in (
        ([1.0, 0, 0], 1.0, [1.0, 0, 0]),
        ([3.0, 0, 0], 3.0, [1.0, 0, 0]),
        ([0.0] * 3, 0.0, [0.0] * 3),
    ):
        at = {"cell": torch.tensor([alpha], requires_grad=True)}
        found = DirichletDistance(0.5)(at, cells, 0.0)
        assert found.item() == pytest.approx(0.5 * value)
        (slopes,) = torch.autograd.grad(found, [at["cell"]])
        torch.testing.assert_close(slopes, 0.5 * torch.tensor([slope]))
    dead = {"cell": cell_of(3, live=torch.tensor([[True, False, True]]))}
    assert DirichletDistance(1.0)({"cell": torch.tensor([[1.0, 9.0, 0.0]])}, dead, 0.0).item() == pytest.approx(1.0)


def test_a_ball_draws_concentrations_back_to_its_radius() -> None:
    live = torch.ones(1, 3, dtype=torch.bool)
    torch.testing.assert_close(drawn_back(torch.tensor([[2.0, 0, 0]]), live, 1.0), torch.tensor([[1.0, 0, 0]]))
    inside = torch.tensor([[0.5, -0.2, 0.1]])
    assert torch.equal(drawn_back(inside, live, 1.0), inside)
    back = drawn_back(torch.tensor([[3.0, -2.0, 0.7]]), live, 0.5)
    assert (concentration(back) - 1).norm().item() == pytest.approx(0.5)
    alphas = {"cell": torch.tensor([[2.0, 0, 0]], requires_grad=True)}
    with Dirichlet(radius=1.0).settling(alphas, {"cell": cell_of(3)}, None), torch.no_grad():
        alphas["cell"] += torch.tensor([[1.0, 0, 0]])
    torch.testing.assert_close(alphas["cell"].detach(), torch.tensor([[1.0, 0, 0]]))


def test_the_anchor_of_drnas_is_one_of_four() -> None:
    parts = {anchor: make_recipe("drnas", {"anchor": anchor}) for anchor in ("l2", "kl", "distance", "ball")}
    assert [recipe.penalties for recipe in parts.values()] == [(), (DirichletAnchor(),), (DirichletDistance(),), ()]
    assert [recipe.update.weight_decay for recipe in parts.values()] == [1e-3, 0, 0, 0]  # type: ignore[union-attr]
    assert parts["ball"].relaxation == Dirichlet(radius=1.0)


def test_drnas_has_the_settings_of_its_paper_in_nas_bench_201() -> None:
    plain = resolve_settings({"preset": "darts-cifar", "method": "drnas", "space": "nas-bench-201"})
    recipe = make_recipe("drnas", plain.method.options)
    assert (plain.search.epochs, recipe.mixing.channel_share, recipe.without) == (100, 1, ())
    staged = resolve_settings({"preset": "nas-bench-201", "method": "drnas-progressive"})
    first, second = make_recipe("drnas-progressive", staged.method.options).stages
    assert (first.recipe.mixing.channel_share, second.recipe.mixing.channel_share) == (4, 2)
    assert (staged.search.epochs, staged.search.init_channels, staged.search.layers) == (100, 16, 5)
    assert (staged.search.weight_lr, staged.search.weight_lr_min, staged.search.batch_size) == (0.025, 0.001, 64)
    assert first.recipe.update.lr == 3e-4  # type: ignore[union-attr]
    mine = {"preset": "nas-bench-201", "method": {"name": "drnas", "options": {"none": False}}}
    assert resolve_settings(mine).method.options == {"channel_share": 1, "warm_up": 0.0, "none": False}
    assert resolve_settings({"preset": "darts-cifar", "method": "drnas"}).method.options == {}
