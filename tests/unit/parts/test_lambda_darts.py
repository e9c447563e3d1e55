"""Lambda-DARTS: the weights also make the cells agree on what alpha should become."""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional

import dartboard.methods  # noqa: F401 - importing registers the methods
from dartboard.engine.loop import run_search
from dartboard.errors import RecipeError
from dartboard.parts import (
    AdamUpdate,
    AlignedCells,
    BinaryGates,
    FirstOrder,
    RandomPerturbation,
    Recipe,
    Softmax,
    Unrolled,
)
from dartboard.parts.fits import check_fit
from dartboard.parts.penalties import WeightStep
from dartboard.parts.penalties.aligned import Pairing, alignment
from dartboard.parts.recipe import make_recipe
from dartboard.runs import Length, RunDirectory, SearchEpoch
from dartboard.session.search import search_problem
from dartboard.space import SearchSpace, get_space
from dartboard.supernet import FusedSupernet, ReferenceSupernet, by_place
from dartboard.testing.small import open_small
from numerics.engines import SMALL_SPACES, ask, assert_same, small_spec, twins
from unit.engine.test_acting_within_steps import ENGINES, LAYERS, make

PAIRINGS: tuple[Pairing, ...] = ("cosine", "signcorr")
RECIPE = Recipe(gradient=FirstOrder(), update=AdamUpdate(lr=0.1))


def cells(*rows: tuple[float, ...]) -> Tensor:
    """Gradients of cells with one edge."""
    return torch.tensor(rows, dtype=torch.float64)[:, None, :]


def test_orthogonal_gradients_have_no_agreement_and_pull_towards_each_other() -> None:
    found, direction = alignment(cells((1, 0), (0, 1)))
    assert found.item() == 0
    assert direction[:, 0].tolist() == [[0, 1], [1, 0]]


@pytest.mark.parametrize("count", [2, 3, 5])
@pytest.mark.parametrize("pairing", PAIRINGS)
def test_equal_gradients_agree_wholly_and_are_left_alone(count: int, pairing: Pairing) -> None:
    found, direction = alignment(cells(*[(3.0, 4.0)] * count), pairing)
    assert found.item() == pytest.approx(1)
    assert direction.abs().max() < 1e-12


@pytest.mark.parametrize("count", [2, 4])
def test_the_least_agreement_is_that_of_cells_that_cancel(count: int) -> None:
    """Unit vectors that sum to zero have -1 / (count - 1)."""
    angles = torch.arange(count, dtype=torch.float64) * 2 * torch.pi / count
    found, _ = alignment(torch.stack([angles.cos(), angles.sin()], dim=1)[:, None])
    assert found.item() == pytest.approx(-1 / (count - 1))


@pytest.mark.parametrize("pairing", PAIRINGS)
def test_the_direction_is_the_gradient_of_the_agreement(pairing: Pairing) -> None:
    gradients = torch.randn(4, 3, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(0)).requires_grad_()
    values = []
    for first in range(4):
        for second in range(first):
            one, two = gradients[first].flatten(), gradients[second].flatten()
            if pairing == "cosine":
                values.append(functional.cosine_similarity(one, two, dim=0))
            else:
                values.append(one @ two / (one.abs() @ two.abs()))
    mean = torch.stack(values).mean()
    found, direction = alignment(gradients, pairing)
    torch.testing.assert_close(found, mean.detach())
    torch.testing.assert_close(direction, torch.autograd.grad(mean, [gradients])[0])


@pytest.mark.parametrize("pairing", PAIRINGS)
def test_a_cell_without_a_gradient_leaves_the_sum_and_the_number_of_cells_stays(pairing: Pairing) -> None:
    found, direction = alignment(cells((1, 0), (1, 0), (0, 0)), pairing)
    assert found.item() == pytest.approx(1 / 3)
    assert torch.isfinite(direction).all()
    assert not direction[2].any()


def toy(w: float) -> tuple[WeightStep, Tensor]:
    """Two cells with gates p, q of one edge, and the loss p (w, 1) + q (1, w)."""
    weight = torch.tensor(w, dtype=torch.float64, requires_grad=True)
    gates = torch.tensor([[0.25, 0.75]], dtype=torch.float64)

    def loss(given: Mapping[str, Tensor]) -> Tensor:
        p = given["cell"]
        return p[0, 0, 0] * weight + p[0, 0, 1] + p[1, 0, 0] + p[1, 0, 1] * weight

    return WeightStep({"w": weight}, {"cell": gates}, loss, {"cell": 2}, 4, 5), weight


@pytest.mark.parametrize("w", [0.0, 0.5, 2.0, -1.5])
def test_the_central_difference_is_exact_where_the_loss_is_linear_in_the_gates(w: float) -> None:
    """The cells' gradients are (w, 1) and (1, w): they agree by 2w / (1 + w^2), of slope 2 (1 - w^2) / (1 + w^2)^2."""
    step, _ = toy(w)
    gradients, figures = AlignedCells(weight=0.5).weight_gradients(step)
    assert figures["alignment_cell"].item() == pytest.approx(2 * w / (1 + w * w))
    assert gradients["w"] is not None
    slope = 2 * (1 - w * w) / (1 + w * w) ** 2
    assert slope == pytest.approx({0.0: 2, 2.0: -0.24}.get(w, slope))
    assert gradients["w"].item() == pytest.approx(0.25 + 0.75 - 0.5 * slope, abs=1e-9)
    directions: dict[float, list[list[float]]] = {0.0: [[1, 0], [0, 1]], 2.0: [[-0.12, 0.24], [0.24, -0.12]]}
    if w in directions:
        found = alignment(cells((w, 1), (1, w)))[1][:, 0]
        torch.testing.assert_close(found, torch.tensor(directions[w], dtype=torch.float64))


def test_cells_that_agree_skip_the_term() -> None:
    step, _ = toy(1.0)
    gradients, figures = AlignedCells(weight=100.0).weight_gradients(step)
    assert figures["alignment_cell"].item() == pytest.approx(1)
    assert gradients["w"] is not None
    assert gradients["w"].item() == 1.0


@pytest.mark.parametrize("space", SMALL_SPACES, ids=lambda space: space.name)
@pytest.mark.parametrize("pairing", PAIRINGS)
def test_the_gradient_is_that_of_the_agreement_in_a_supernet(space: SearchSpace, pairing: Pairing) -> None:
    """The central difference against differentiating the cells' gradients once more; and both engines agree."""
    spec = small_spec(space, width=4)
    question = ask(spec, softmax=True)
    labels = torch.arange(len(question.images)) % spec.plan.num_classes
    part = AlignedCells(weight=1.0, reductions=True, pairing=pairing)
    found = []
    for supernet in twins(spec):
        weights = dict(supernet.named_parameters())

        def loss(gates: Mapping[str, Tensor], supernet: ReferenceSupernet = supernet) -> Tensor:
            return functional.cross_entropy(supernet(question.images, gates), labels)

        step = WeightStep(weights, question.gates, loss, spec.cell_counts, 1, 2)
        joined, _ = part.weight_gradients(step)
        without, _ = replace(part, weight=0.0).weight_gradients(step)
        found.append(
            {
                name: ours - other
                for name, other in without.items()
                if (ours := joined[name]) is not None and other is not None
            }
        )
    assert_same(found[1], found[0], relative=1e-4, floor=1e-6)

    (reference, _), placed = twins(spec), by_place(question.gates, spec.cell_counts)
    own = {kind: placed[kind].clone().requires_grad_() for kind in spec.cell_counts if spec.cell_counts[kind] > 1}
    value = functional.cross_entropy(reference(question.images, {**question.gates, **own}), labels)
    slopes = torch.autograd.grad(value, list(own.values()), create_graph=True)
    agreement = torch.zeros((), dtype=torch.float64)
    for slope in slopes:
        pairs = [(one.flatten(), two.flatten()) for n, one in enumerate(slope) for two in slope[:n]]
        values = [
            functional.cosine_similarity(one, two, dim=0)
            if pairing == "cosine"
            else one @ two / (one.abs() @ two.abs())
            for one, two in pairs
        ]
        agreement = agreement + torch.stack(values).mean()
    weights = dict(reference.named_parameters())
    exact = torch.autograd.grad(-agreement, list(weights.values()), materialize_grads=True)
    wanted = {name: slope for name, slope in zip(weights, exact, strict=True) if name in found[0]}
    assert_same(found[0], wanted, relative=1e-3, floor=1e-4)


def searched(
    folder: Path, recipe: Recipe, engine: type[ReferenceSupernet] = FusedSupernet, epochs: int = 2
) -> tuple[Mapping[str, Any], list[SearchEpoch]]:
    with RunDirectory(folder) as run:
        session = open_small(run, LAYERS)
        problem = replace(search_problem(session), make_supernet=partial(make, engine, session))
        length, told = Length(epochs, 2), session.observer
        run_search(problem, recipe, session.settings.search, run, length=length, seed=1, observer=told)
        saved = run.load_checkpoint("search", "search")
        events = [event for event in run.events.read() if isinstance(event, SearchEpoch)]
    assert saved is not None
    return saved, events


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(("weight", "epochs"), [(0.0, 2), (5.0, 1)], ids=["no weight", "first epoch"])
def test_without_a_weight_it_is_darts_bit_for_bit(
    engine: type[ReferenceSupernet], weight: float, epochs: int, tmp_path: Path
) -> None:
    aligned = replace(RECIPE, weight_penalties=(AlignedCells(weight),))
    found, events = searched(tmp_path / "aligned", aligned, engine, epochs)
    plain, _ = searched(tmp_path / "plain", RECIPE, engine, epochs)
    assert torch.equal(found["alphas"]["cell"], plain["alphas"]["cell"])
    for name, weights in plain["supernet"].items():
        assert torch.equal(weights, found["supernet"][name]), name
    assert -1 <= events[-1].figures["alignment_cell"] <= 1  # type: ignore[operator]


def test_with_a_weight_the_cells_agree_more() -> None:
    """Descent from the same start on one batch: the agreement with the term ends above that without it."""
    spec = small_spec(get_space("nas-bench-201"), width=4)
    question = ask(spec, softmax=True)
    labels = torch.arange(len(question.images)) % spec.plan.num_classes
    ends = []
    for weight in (0.0, 1.0):
        supernet, _ = twins(spec)
        for _ in range(6):
            step = WeightStep(
                dict(supernet.named_parameters()),
                question.gates,
                lambda gates, supernet=supernet: functional.cross_entropy(supernet(question.images, gates), labels),
                spec.cell_counts,
                1,
                2,
            )
            gradients, figures = AlignedCells(weight).weight_gradients(step)
            with torch.no_grad():
                for name, parameter in supernet.named_parameters():
                    if (gradient := gradients[name]) is not None:
                        parameter -= 0.02 * gradient
        ends.append(figures["alignment_cell"].item())
    assert ends[1] > ends[0] + 0.05


def test_reduction_cells_are_left_alone_unless_asked_for() -> None:
    part = AlignedCells()
    assert part._aligns("normal")
    assert part._aligns("cell")
    assert not part._aligns("reduce")
    assert AlignedCells(reductions=True)._aligns("reduce")


def test_the_factor_grows_from_the_first_epoch_to_the_last() -> None:
    part = AlignedCells(0.25)
    assert [part.factor(epoch, 5) for epoch in range(5)] == [0, 0.0625, 0.125, 0.1875, 0.25]
    assert part.factor(0, 1) == 0


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"gradient": Unrolled()}, "works only with a first-order gradient"),
        ({"perturbation": RandomPerturbation()}, "RandomPerturbation changes it as well"),
        ({"relaxation": BinaryGates()}, "BinaryGates runs only those that it draws"),
    ],
)
def test_recipes_whose_weight_step_goes_elsewhere_are_refused(parts: Mapping[str, Any], message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        replace(RECIPE, weight_penalties=(AlignedCells(),), **parts)


def test_spaces_in_which_no_cells_share_an_alpha_are_refused() -> None:
    with pytest.raises(RecipeError, match="every block has an alpha of its own"):
        check_fit(make_recipe("lambda-darts", {}), get_space("proxyless"))


def test_a_supernet_with_nothing_to_align_is_told() -> None:
    assert "this was plain DARTS" in AlignedCells().remark({"aligned_cells": 0.0})
    assert AlignedCells().remark({"aligned_cells": 6.0}) == AlignedCells().remark({}) == ""


def test_the_method_has_the_settings_of_the_darts_space() -> None:
    recipe = make_recipe("lambda-darts", {})
    assert recipe.weight_penalties == (AlignedCells(0.125, 1e-4, reductions=False, pairing="cosine"),)
    assert isinstance(recipe.relaxation, Softmax)
