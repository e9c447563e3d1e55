"""The Hessian in alpha: closed forms, finite differences, and the largest eigenvalue with and without the matrix."""

from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.func import functional_call
from torch.nn import functional

from dartboard.parts import EdgeSoftmax, Recipe
from dartboard.parts.architecture import Architecture, all_live
from dartboard.parts.curvature import AlphaCurvature, lanczos
from dartboard.parts.gradient import Bilevel, SgdStep, Tensors, differentiate, flat
from dartboard.supernet import FusedSupernet, ReferenceSupernet

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
