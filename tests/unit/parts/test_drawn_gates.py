"""Gates that are drawn: concrete and hard Gumbel gates, Dirichlet gates, and what goes with them."""

import itertools
import math
from typing import Literal

import pytest
import torch
from torch import Generator, Tensor, nn

import dartboard.methods  # noqa: F401 - importing registers the methods
from dartboard.engine.schedule import stage_spans
from dartboard.parts import (
    Concrete,
    Dirichlet,
    DirichletAnchor,
    EveryEdge,
    HardGumbel,
    LinearCooling,
    Recipe,
    StrongestPairs,
)
from dartboard.parts.architecture import Architecture, all_live
from dartboard.parts.recipe import make_recipe
from dartboard.parts.relaxation import concentration
from dartboard.parts.relaxation.protocol import RelaxedCell
from dartboard.runs import Length
from dartboard.space import check_genotype, get_space
from dartboard.supernet import FusedSupernet, Mixing, ReferenceSupernet, SupernetSpec
from unit.parts.test_rules import make_state

SPACE = get_space("nas-bench-201")
CPU = torch.device("cpu")


def seeded(seed: int = 0) -> Generator:
    return torch.Generator().manual_seed(seed)


def cell_of(columns: int, *, temperature: float = 1.0, live: Tensor | None = None) -> RelaxedCell:
    """One edge is enough for most claims."""
    rows = torch.ones(1, columns, dtype=torch.bool) if live is None else live
    return RelaxedCell("cell", SPACE.cell, tuple(f"op{column}" for column in range(columns)), rows, temperature)


@pytest.mark.parametrize(
    ("name", "epochs", "expected"),
    [("snas", 150, {0: 1.0, 75: 0.515}), ("gdas", 250, {0: 10.0, 249: 0.1})],
)
def test_the_temperatures_are_the_published_ones(name: str, epochs: int, expected: dict[int, float]) -> None:
    (cooling,) = [rule for rule in make_recipe(name, {}).rules if isinstance(rule, LinearCooling)]
    state = make_state(epochs)
    for epoch, temperature in expected.items():
        state.epoch = epoch
        state.plan_epoch([cooling])
        assert state.plan.temperature == pytest.approx(temperature)


@pytest.mark.parametrize("relaxation", [Concrete(), Dirichlet()])
def test_drawn_shares_sum_to_one_and_leave_out_what_an_edge_lacks(relaxation: Concrete | Dirichlet) -> None:
    live = torch.tensor([[True, False, True], [False, False, False]])
    cell = cell_of(3, live=live)
    gates = relaxation.draw(torch.zeros(2, 3), cell, seeded(), of_alpha=True).gates
    assert gates[0].sum().item() == pytest.approx(1)
    assert not gates[~live].any()


def test_concrete_gates_harden_towards_the_draw_and_are_drawn_as_often_as_softmax_says() -> None:
    alpha, count = torch.tensor([[0.0, 1.0, -1.0]]), 100_000
    cell = RelaxedCell("cell", SPACE.cell, ("a", "b", "c"), torch.ones(count, 3, dtype=torch.bool), 0.01)
    gates = Concrete().draw(alpha.expand(count, 3), cell, seeded(), of_alpha=True).gates
    # At a temperature of 0.01 two draws in a hundred still differ by less than what parts them.
    assert (gates.max(dim=-1).values > 0.99).float().mean() > 0.95
    frequencies = torch.bincount(gates.argmax(dim=-1), minlength=3) / count
    torch.testing.assert_close(frequencies, alpha[0].softmax(dim=0), atol=0.01, rtol=0)


def test_hard_gates_run_one_operation_an_edge_as_often_as_softmax_says() -> None:
    alpha, count = torch.tensor([[0.5, 1.0, -1.0]]), 100_000
    cell = RelaxedCell("cell", SPACE.cell, ("a", "b", "c"), torch.ones(count, 3, dtype=torch.bool), 10.0)
    drawn = HardGumbel().draw(alpha.expand(count, 3), cell, seeded(), of_alpha=True)
    assert drawn.active is not None
    assert drawn.offset is not None
    assert all(len(columns) == 1 for columns in drawn.active)
    assert set(drawn.gates.unique().tolist()) == {0.0, 1.0}
    assert not drawn.offset.any()
    assert [row.index(1.0) for row in drawn.gates.tolist()] == [columns[0] for columns in drawn.active]
    torch.testing.assert_close(drawn.gates.mean(dim=0), alpha[0].softmax(dim=0), atol=0.01, rtol=0)


def test_hard_gates_draw_only_what_an_edge_has_and_nothing_where_it_has_nothing() -> None:
    live = torch.tensor([[False, True, True], [False, False, False]])
    alpha = torch.tensor([[9.0, 0.0, 0.0], [1.0, 0.0, 0.0]], requires_grad=True)
    for seed in range(20):
        drawn = HardGumbel().draw(alpha, cell_of(3, live=live), seeded(seed), of_alpha=True)
        assert drawn.active in (((1,), ()), ((2,), ()))
        assert drawn.gates.sum(dim=-1).tolist() == [1, 0]
        assert not drawn.gates[~live].any()
        assert drawn.offset is not None
        (slope,) = torch.autograd.grad(drawn.gates[0, 1] + drawn.offset.sum(), [alpha])
        assert not slope[~live].any()


@pytest.mark.parametrize("temperature", [10.0, 0.7])
def test_hard_gates_send_the_gradient_straight_through_the_softmax_with_noise(temperature: float) -> None:
    cell = cell_of(4, temperature=temperature)
    alpha = torch.tensor([[0.3, -0.2, 0.9, 0.0]], requires_grad=True)
    drawn = HardGumbel().draw(alpha, cell, seeded(5), of_alpha=True)
    assert drawn.active is not None
    assert drawn.offset is not None
    ((chosen,),) = drawn.active
    outputs, slope = torch.randn(4, 6, generator=seeded(1)), torch.randn(6, generator=seeded(2))
    mixed = drawn.gates[0, chosen] * outputs[chosen] + drawn.offset[0]
    torch.testing.assert_close(mixed, outputs[chosen])
    (found,) = torch.autograd.grad((mixed * slope).sum(), [alpha])

    noise = -torch.empty(1, 4).exponential_(generator=seeded(5)).log()
    shares = ((alpha.detach().log_softmax(-1) + noise) / temperature).softmax(-1)[0]
    at_gates = torch.full((4,), slope.sum().item())
    at_gates[chosen] = slope @ outputs[chosen]
    jacobian = (torch.diag(shares) - torch.outer(shares, shares)) / temperature
    torch.testing.assert_close(found[0], jacobian @ at_gates)


@pytest.mark.parametrize("engine", [ReferenceSupernet, FusedSupernet])
def test_a_hard_draw_calls_one_operation_an_edge(engine: type[ReferenceSupernet]) -> None:
    plan = SPACE.plan(in_channels=3, num_classes=3, init_channels=4, layers=1)
    supernet = engine(SupernetSpec(SPACE, plan))
    architecture = Architecture.of(Recipe(relaxation=HardGumbel()), SPACE, all_live(SPACE), CPU)
    drawn = architecture.draw(architecture.initial_alphas(seeded()), seeded(3), of_alpha=True)
    assert drawn.active is not None
    chosen = {(row, SPACE.ops[column]) for row, (column,) in enumerate(drawn.active["cell"])}
    called: list[tuple[int, str]] = []
    for name, module in supernet.named_modules():
        parts = name.split(".")
        if len(parts) == 7 and parts[3] == "edges" and isinstance(module, nn.Conv2d):
            row, op = int(parts[4]), parts[5]
            module.register_forward_hook(lambda *_, row=row, op=op: called.append((row, op)))
    supernet(torch.randn(2, 3, 8, 8, generator=seeded()), drawn.gates, drawn.active)
    with_weights = {pair for pair in chosen if pair[1].startswith("nor_conv")}
    # The fused engine hands convolutions to kernels of its own, past the hooks, and never more than are drawn.
    assert set(called) <= with_weights
    if engine is ReferenceSupernet:
        assert sorted(called) == sorted([*with_weights] * 3), "one call in each of three cells"


@pytest.mark.parametrize("engine", [ReferenceSupernet, FusedSupernet])
@pytest.mark.parametrize("name", ["darts", "nas-bench-201"])
def test_a_hard_draw_reaches_the_weights_of_one_operation_an_edge_in_every_cell(
    name: str, engine: type[ReferenceSupernet]
) -> None:
    """What hooks cannot see in the fused engine, gradients tell: weights of operations that are not run have none."""
    space = get_space(name)
    layers = {"darts": 3, "nas-bench-201": 1}[name]
    supernet = engine(SupernetSpec(space, space.plan(in_channels=3, num_classes=3, init_channels=4, layers=layers)))
    # Without `none`, behind which operations are run that nothing depends on.
    architecture = Architecture.of(Recipe(relaxation=HardGumbel()), space, all_live(space, ["none"]), CPU)
    drawn = architecture.draw(architecture.initial_alphas(seeded()), seeded(3), of_alpha=False)
    assert drawn.active is not None
    weights = {
        (kind, full): supernet.get_parameter(full)
        for kind, cells in supernet.candidate_weights.items()
        for cell in cells
        for full in cell.values()
    }
    logits = supernet(torch.randn(2, 3, 8, 8, generator=seeded()), drawn.gates, drawn.active)
    slopes = torch.autograd.grad(logits.square().sum(), list(weights.values()), allow_unused=True)
    for (kind, full), slope in zip(weights, slopes, strict=True):
        row, op = full.partition(".edges.")[2].split(".")[:2]
        ((column,),) = [drawn.active[kind][int(row)]]
        assert (slope is not None) == (space.ops[column] == op), full


def test_a_dirichlet_distribution_starts_uniform() -> None:
    assert concentration(torch.zeros(3)).tolist() == [1, 1, 1]
    torch.testing.assert_close(concentration(torch.tensor([-1.0, 2.0])), torch.tensor([math.exp(-1), 3.0]))
    count = 20_000
    cell = RelaxedCell("cell", SPACE.cell, tuple("abcd"), torch.ones(count, 4, dtype=torch.bool))
    gates = Dirichlet().draw(torch.zeros(count, 4), cell, seeded(), of_alpha=True).gates
    torch.testing.assert_close(gates.mean(dim=0), torch.full((4,), 0.25), atol=0.01, rtol=0)
    # Uniform over the simplex: each share has the variance (K - 1) / (K^2 (K + 1)).
    torch.testing.assert_close(gates.var(dim=0), torch.full((4,), 3 / 80), atol=1e-3, rtol=0)


@pytest.mark.parametrize("derivative", ["dirichlet", "gamma"])
def test_the_gradient_through_dirichlet_draws_is_that_of_the_expectation(
    derivative: Literal["dirichlet", "gamma"],
) -> None:
    """E[share] = b / sum b has a closed form, and so has its gradient; the mean over draws must agree."""
    count, weights = 40_000, torch.tensor([1.0, -2.0, 0.5], dtype=torch.float64)
    alpha = torch.tensor([0.4, -0.5, 0.1], dtype=torch.float64, requires_grad=True)
    cell = RelaxedCell("cell", SPACE.cell, tuple("abc"), torch.ones(count, 3, dtype=torch.bool))
    drawn = Dirichlet(derivative=derivative).draw(alpha.expand(count, 3), cell, seeded(), of_alpha=True).gates
    (sampled,) = torch.autograd.grad((drawn @ weights).mean(), [alpha])
    shares = concentration(alpha) / concentration(alpha).sum()
    (exact,) = torch.autograd.grad(shares @ weights, [alpha])
    # A standard error is about 0.3 / sqrt(40,000).
    torch.testing.assert_close(sampled, exact, atol=0.006, rtol=0)


def test_the_straight_through_gradient_is_biased_by_what_theory_says() -> None:
    """On two edges of three operations all outcomes can be counted: the true gradient is that of the expected loss."""
    values = torch.tensor([1.0, -0.5, 2.0])
    alpha = torch.zeros(2, 3, dtype=torch.float64, requires_grad=True)
    pairs = list(itertools.product(range(3), repeat=2))
    shares = alpha.softmax(dim=-1)
    expected = torch.stack([shares[0, i] * shares[1, j] * (values[i] + values[j]) ** 2 for i, j in pairs]).sum()
    (exact,) = torch.autograd.grad(expected, [alpha])
    single = alpha.detach().float().requires_grad_()
    live, generator, total = torch.ones(2, 3, dtype=torch.bool), seeded(), torch.zeros(2, 3)
    count = 4_000
    cell = RelaxedCell("cell", SPACE.cell, tuple("abc"), live, 1.0)
    for _ in range(count):
        gates = HardGumbel().draw(single, cell, generator, of_alpha=True).gates
        (found,) = torch.autograd.grad((gates @ values).sum() ** 2, [single])
        total += found
    mean = (total / count).double()
    cosine = torch.nn.functional.cosine_similarity(mean.flatten(), exact.flatten(), dim=0).item()
    # Biased in size, since the loss bends, but it points where the true gradient points.
    assert cosine > 0.9
    assert not torch.allclose(mean, exact, rtol=0.05)


def test_the_anchor_is_the_divergence_from_the_uniform_distribution() -> None:
    cells = {"cell": cell_of(2)}
    ones = {"cell": torch.ones(1, 2)}  # a concentration of 2 each
    assert DirichletAnchor(1.0)(ones, cells, 0.0).item() == pytest.approx(math.log(6) - 5 / 3, abs=1e-6)
    assert DirichletAnchor(1.0)({"cell": torch.zeros(1, 2)}, cells, 0.0).item() == pytest.approx(0, abs=1e-6)
    live = torch.tensor([[True, True, False], [False, False, False]])
    masked = {"cell": cell_of(3, live=live)}
    alphas = {"cell": torch.tensor([[1.0, 1.0, 7.0], [3.0, 3.0, 3.0]], requires_grad=True)}
    value = DirichletAnchor(1.0)(alphas, masked, 0.0)
    assert value.item() == pytest.approx(math.log(6) - 5 / 3, abs=1e-6)
    (slope,) = torch.autograd.grad(value, [alphas["cell"]])
    assert slope[live].all()
    assert not slope[~live].any()


def test_the_second_stage_of_progressive_drnas_has_wider_operations_and_fewer() -> None:
    recipe = make_recipe("drnas-progressive", {})
    first, second = recipe.stages
    assert [stage.recipe.mixing for stage in (first, second)] == [Mixing(channel_share=6), Mixing(channel_share=4)]
    assert (first.leaves, first.share, recipe.restarts_rate) == ("everything", 0.5, False)
    assert stage_spans([stage.share for stage in recipe.stages], Length(50, None).epochs) == [(0, 25), (25, 50)]


def test_the_options_about_edges_choose_the_selection() -> None:
    assert make_recipe("snas", {"keep_all_edges": True}).selection == EveryEdge()
    assert make_recipe("gdas", {"allow_same_source": True}).selection == StrongestPairs()


def test_every_edge_stands_for_itself_and_none_is_a_way_out() -> None:
    space = get_space("darts")
    gates = torch.zeros(14, 8)
    gates[:, space.ops.index("none")] = 0.5
    for row in (0, 1, 2, 5, 7):
        gates[row, space.ops.index("sep_conv_3x3")] = 0.9
    genotype = EveryEdge()(space, {"normal": gates, "reduce": torch.eye(8)[:1].expand(14, 8)}, seeded())
    check_genotype(genotype, space)
    normal = genotype["normal"]
    assert [(choice.target, choice.source) for choice in normal.choices] == [(2, 0), (2, 1), (3, 0), (4, 0), (4, 2)]
    assert normal.outputs == (2, 3, 4)
    assert len(genotype["reduce"].choices) == 8, "a cell that would lose everything keeps its strongest edges"
