"""The Hessian in alpha: closed forms, finite differences, and the largest eigenvalue with and without the matrix."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.func import functional_call
from torch.nn import functional

from dartboard.engine import SearchBatches, SearchProblem, SearchSettings, run_search
from dartboard.parts import (
    AdamUpdate,
    BetaDecay,
    BinaryGates,
    Concrete,
    Dirichlet,
    EdgeSoftmax,
    FirstOrder,
    HardGumbel,
    Recipe,
    Rule,
    SearchView,
    Sigmoid,
    UniformPaths,
)
from dartboard.parts.architecture import Architecture, all_live
from dartboard.parts.curvature import AlphaCurvature, lanczos
from dartboard.parts.gradient import Bilevel, SgdStep, Tensors, differentiate, flat
from dartboard.parts.relaxation import Relaxation
from dartboard.runs import Length, Observer, RunDirectory
from dartboard.supernet import FusedSupernet, ReferenceSupernet
from dartboard.testing import PLANTED, PlantedBatches, PlantedSupernet

from .engines import SMALL_SPACES, ask, build, relative_error, small_spec
from .test_bilevel import leaf


def problem_of(loss: Callable[[Tensors, Tensors], Tensor], **alphas: Tensor) -> Bilevel:
    return Bilevel({"w": leaf(1.0)}, alphas, loss, loss, SgdStep(0.1, 0.0, 0.0, {}))


def largest(matrix: Tensor) -> float:
    return float(torch.linalg.eigvalsh(matrix)[-1])


def test_a_quadratic_loss_has_its_matrix_and_its_eigenvalue_3() -> None:
    matrix = torch.tensor([[2.0, 1.0], [1.0, 2.0]], dtype=torch.float64)
    problem = problem_of(lambda _, alphas: alphas["a"] @ matrix @ alphas["a"] / 2, a=leaf(0.3, -0.2))
    curvature = AlphaCurvature(problem, {})
    assert torch.equal(curvature.dense(), matrix)
    assert curvature.largest_eigenvalue() == pytest.approx(3.0, abs=1e-12)


def test_a_squared_softmax_has_its_closed_form() -> None:
    problem = problem_of(lambda _, alphas: alphas["a"].softmax(0)[0].square(), a=leaf(0.0, 0.0))
    curvature = AlphaCurvature(problem, {})
    wanted = 0.125 * torch.tensor([[1.0, -1.0], [-1.0, 1.0]], dtype=torch.float64)
    torch.testing.assert_close(curvature.dense(), wanted, rtol=0, atol=1e-15)
    assert curvature.largest_eigenvalue() == pytest.approx(0.25, abs=1e-15)


def test_a_loss_that_alpha_does_not_move_has_no_curvature() -> None:
    """Such is a supernet whose edges are all decided; asking for its curvature must not fail."""
    for loss in (lambda _, alphas: 0.0 * alphas["a"].sum(), lambda weights, _: weights["w"].sum()):
        curvature = AlphaCurvature(problem_of(loss, a=leaf(0.3, -0.2)), {})
        assert (curvature.largest_eigenvalue(), curvature.trace()) == (0.0, 0.0)


@pytest.mark.parametrize("size", [2, 32, 33, 200])
def test_the_trace_is_that_of_the_matrix(size: int) -> None:
    """It is exact up to 32 rows, and for diagonal matrices, as the squares of signs are 1."""
    generator = torch.Generator().manual_seed(size)
    drawn = torch.randn(size, size, generator=generator, dtype=torch.float64)
    matrices = [torch.diag(drawn.diagonal()), drawn + drawn.T]
    for is_full, matrix in enumerate(matrices):
        problem = problem_of(lambda _, alphas, of=matrix: alphas["a"] @ of @ alphas["a"] / 2, a=leaf(*[0.1] * size))
        found, wanted = AlphaCurvature(problem, {}).trace(), float(matrix.diagonal().sum())
        # The variance of an estimate from one vector is 2 * (sum of squares off the diagonal); 16 vectors, four sigma.
        off = matrix - torch.diag(matrix.diagonal())
        spread = float((2 * off.square().sum() / 16).sqrt()) if size > 32 and is_full else 0.0
        assert found == pytest.approx(wanted, abs=4 * spread + 1e-9)


def supernet_problem(supernet: ReferenceSupernet, architecture: Architecture, seed: int = 3) -> Bilevel:
    """A cross-entropy at random alphas large enough that no row is uniform."""
    spec = supernet.spec
    images, labels = ask(spec, batch=4, size=(6, 6)).images, torch.tensor([0, 1, 2, 1])

    def loss(weights: Tensors, alphas: Tensors) -> Tensor:
        gates = architecture.draw(alphas, torch.Generator(), of_alpha=True).gates
        return functional.cross_entropy(functional_call(supernet, dict(weights), (images, gates)), labels)

    alphas = architecture.initial_alphas(torch.Generator().manual_seed(seed))
    alphas = {name: (1000 * alpha).double().requires_grad_() for name, alpha in alphas.items()}
    return Bilevel(dict(supernet.named_parameters()), alphas, loss, loss, SgdStep(0.1, 0.0, 0.0, {}))


def by_differences(problem: Bilevel, radius: float = 1e-4) -> Tensor:
    """Central differences of the gradient, entry by entry."""
    columns = []
    for name, alpha in problem.alphas.items():
        for place in range(alpha.numel()):
            slopes = []
            for sign in (1, -1):
                moved = alpha.detach().clone()
                moved.view(-1)[place] += sign * radius
                at = {**problem.alphas, name: moved.requires_grad_()}
                slopes.append(flat(differentiate(problem.validation_loss(problem.weights, at), at).values()))
            columns.append((slopes[0] - slopes[1]) / (2 * radius))
    return torch.stack(columns, dim=1)


@pytest.mark.parametrize("engine", [ReferenceSupernet, FusedSupernet])
def test_the_hessian_of_a_supernet_is_symmetric_and_that_of_finite_differences(engine) -> None:
    spec = small_spec(SMALL_SPACES[1])
    recipe = Recipe(edges=EdgeSoftmax())
    architecture = Architecture.of(recipe, spec.space, all_live(spec.space), torch.device("cpu"))
    problem = supernet_problem(build(engine, spec), architecture)
    dense = AlphaCurvature(problem, architecture.cells).dense()
    assert len(dense) == 6 * 5 + 6, "operations and edges"
    assert relative_error(dense, dense.T) < 1e-9
    # Truncation of a central difference of radius 1e-4, third derivatives being of the size of the second.
    assert relative_error(dense, by_differences(problem)) < 1e-5
    assert all(weight.grad is None for weight in problem.weights.values())


def test_entries_of_operations_that_an_edge_does_not_have_are_left_out() -> None:
    spec = small_spec(SMALL_SPACES[1])
    live = all_live(spec.space)
    live["cell"][2] = ["skip_connect"]
    live["cell"][4] = ["none", "nor_conv_3x3"]
    supernet = build(FusedSupernet, spec.with_live(live))
    architecture = Architecture.of(Recipe(), spec.space, live, torch.device("cpu"))
    problem = supernet_problem(supernet, architecture)
    curvature = AlphaCurvature(problem, architecture.cells)
    whole = AlphaCurvature(problem, {}).dense()
    kept = architecture.cells["cell"].live.flatten()
    assert curvature.size == 30 - 4 - 3
    torch.testing.assert_close(curvature.dense(), whole[kept][:, kept])
    assert whole[~kept].abs().sum() == 0


@pytest.mark.parametrize(
    "relaxation", [Dirichlet(), HardGumbel(), Concrete(), UniformPaths(), BinaryGates(), Sigmoid()], ids=type
)
def test_the_hessian_is_taken_at_the_deterministic_gates_of_methods_that_draw(
    relaxation: Relaxation, tmp_path: Path
) -> None:
    """A draw of Dirichlet gates has no second derivative at all."""
    seen: list[tuple[Bilevel, Architecture]] = []

    class Looks(Rule):
        needs_problem = True

        def after_epoch(self, search: SearchView) -> None:
            assert search.problem is not None
            seen.append((search.problem, search.architecture))

    learns = not isinstance(relaxation, UniformPaths)
    recipe = Recipe(
        relaxation=relaxation,
        gradient=FirstOrder() if learns else None,
        update=AdamUpdate(lr=0.03) if learns else None,
        penalties=(BetaDecay(10.0),) if relaxation.sums_to_one else (),
        rules=(Looks(),),
    )
    given = SearchBatches(*[PlantedBatches(PLANTED, 3)] * 3)
    make = SearchProblem(PLANTED.space, lambda _: PlantedSupernet(PLANTED), lambda _: given, torch.device("cpu"))
    with RunDirectory(tmp_path) as run:
        run_search(make, recipe, SearchSettings(), run, length=Length(1, 3), seed=0, observer=Observer())
    ((problem, architecture),) = seen
    assert problem.mean_loss is not None
    curvature = AlphaCurvature(problem, architecture.cells)
    dense = curvature.dense()
    assert torch.equal(dense, AlphaCurvature(problem, architecture.cells).dense()), "nothing is drawn"
    assert relative_error(dense, dense.T) < 1e-4
    assert curvature.largest_eigenvalue() == pytest.approx(largest(dense), rel=1e-3, abs=1e-6)
    assert curvature.trace() == pytest.approx(float(dense.diagonal().sum()), rel=1e-3, abs=1e-6)
    # The gates through which it is taken are those of validation, charts and selection.
    alphas = {name: alpha.detach().double().requires_grad_() for name, alpha in problem.alphas.items()}
    weights = {name: weight.detach().double() for name, weight in problem.weights.items()}
    smooth = replace(problem, weights=weights, alphas=alphas, validation_loss=problem.mean_loss)
    assert relative_error(dense, by_differences(smooth, radius=1e-3)) < 1e-3


@pytest.mark.parametrize("space", SMALL_SPACES, ids=lambda space: space.name)
def test_the_eigenvalue_from_products_is_that_of_the_matrix(space) -> None:
    spec = small_spec(space)
    architecture = Architecture.of(Recipe(), spec.space, all_live(spec.space), torch.device("cpu"))
    curvature = AlphaCurvature(supernet_problem(build(FusedSupernet, spec), architecture), architecture.cells)
    assert curvature.largest_eigenvalue() == pytest.approx(largest(curvature.dense()), rel=1e-3)


@settings(max_examples=60)
@given(st.integers(1, 30), st.integers(0, 2**32), st.sampled_from([-1.0, 0.0, 1.0]))
def test_lanczos_finds_the_largest_eigenvalue_of_any_symmetric_matrix(size: int, seed: int, shift: float) -> None:
    """Shifted so far that all eigenvalues are negative, of either sign, or positive."""
    matrix = torch.randn(size, size, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    matrix = matrix + matrix.T + 10 * shift * torch.eye(size, dtype=torch.float64)
    scale = float(torch.linalg.eigvalsh(matrix).abs().max())
    assert lanczos(lambda vector: matrix @ vector, size) == pytest.approx(largest(matrix), abs=1e-4 * scale)


@pytest.mark.parametrize("diagonal", [(0.0, 0.0, 0.0), (2.0, 2.0, 2.0), (-1.0, -1.0, -3.0)])
def test_lanczos_survives_matrices_of_few_eigenvalues(diagonal) -> None:
    matrix = torch.diag(torch.tensor(diagonal, dtype=torch.float64))
    assert lanczos(lambda vector: matrix @ vector, 3) == pytest.approx(max(diagonal), abs=1e-12)


@pytest.mark.parametrize("diagonal", [(0.0,), (2.0,), (3.0, 2.0, 1.0), (-3.0, -2.0, -1.0), (-1.0, 0.0)])
def test_lanczos_finds_what_a_matrix_of_low_rank_maps_to_zero(diagonal: tuple[float, ...]) -> None:
    """Gates of a softmax leave directions of alpha in which nothing bends: zero may well be the largest eigenvalue."""
    values = torch.zeros(40, dtype=torch.float64)
    values[: len(diagonal)] = torch.tensor(diagonal, dtype=torch.float64)
    found = [lanczos(lambda vector: values * vector, 40) for _ in range(2)]
    assert found[0] == pytest.approx(max(*diagonal, 0.0), abs=1e-12)
    assert found[1] == found[0], "what is drawn on the way is drawn from a fixed seed"


def test_lanczos_finds_a_largest_eigenvalue_of_zero_at_the_end_of_many() -> None:
    diagonal = torch.linspace(-1, 0, 100, dtype=torch.float64)
    assert lanczos(lambda vector: diagonal * vector, 100) == pytest.approx(0.0, abs=1e-5)


class Counted:
    """A diagonal matrix that counts its products."""

    def __init__(self, diagonal: Tensor) -> None:
        self.diagonal, self.products = diagonal, 0

    def __call__(self, vector: Tensor) -> Tensor:
        self.products += 1
        return self.diagonal * vector


def test_lanczos_needs_fewer_products_than_rows_where_the_largest_eigenvalue_stands_out() -> None:
    times = Counted(torch.cat([torch.linspace(0, 0.2, 199, dtype=torch.float64), torch.ones(1, dtype=torch.float64)]))
    assert lanczos(times, 200) == pytest.approx(1.0, abs=1e-6)
    assert times.products <= 9


def test_a_matrix_of_few_rows_is_made_whole() -> None:
    times = Counted(torch.arange(8, dtype=torch.float64))
    assert lanczos(times, 8) == pytest.approx(7.0, abs=1e-12)
    assert times.products == 8


def test_lanczos_ends_where_products_are_too_coarse_to_converge() -> None:
    """Then the matrix is made whole, of which the products here are off by a tenth."""
    generator = torch.Generator().manual_seed(0)
    diagonal = torch.linspace(0, 1, 20, dtype=torch.float64)

    def coarse(vector: Tensor) -> Tensor:
        noise = torch.randn(20, generator=generator, dtype=torch.float64)
        return diagonal * vector + 0.1 * vector.norm() * noise / noise.norm()

    assert lanczos(coarse, 20, tolerance=1e-12) == pytest.approx(1.0, abs=0.2)


@pytest.mark.parametrize("bad", [1, 5])
def test_a_product_that_is_not_finite_gives_nan_whenever_it_comes(bad: int) -> None:
    times = Counted(torch.linspace(0, 1, 30, dtype=torch.float64))
    value = lanczos(lambda vector: times(vector) * (float("nan") if times.products >= bad else 1.0), 30)
    assert value != value


def test_a_product_that_is_not_finite_gives_nan() -> None:
    value = lanczos(lambda vector: vector * float("inf"), 3)
    assert value != value
