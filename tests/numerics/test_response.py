"""Gradients through several steps and through the best weights: closed forms, identities, autograd through it all."""

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.func import functional_call
from torch.nn import functional

from dartboard.errors import RecipeError
from dartboard.parts.gradient import (
    Bilevel,
    ConjugateGradient,
    FirstOrder,
    Gradient,
    Implicit,
    Neumann,
    SecondDerivatives,
    SgdStep,
    Tensors,
    TruncatedUnrolled,
    Unrolled,
    flat,
)
from dartboard.supernet import FusedSupernet, ReferenceSupernet

from .engines import SMALL_SPACES, ask, build, relative_error, small_spec
from .test_bilevel import Quadratic, joined, leaf, quadratics, scalar_toy, tanh_net

EVERY = [TruncatedUnrolled(1, 1), TruncatedUnrolled(5, 2), Implicit(Neumann()), Implicit(ConjugateGradient())]


@pytest.mark.parametrize(("kept", "wanted"), [(1, 0.1512), (2, 0.27216), (3, 0.368928)])
def test_three_steps_of_the_scalar_toy_differentiated_from_the_last(kept: int, wanted: float) -> None:
    assert TruncatedUnrolled(3, kept)(scalar_toy())["cell"].item() == pytest.approx(wanted, abs=1e-12)


@pytest.mark.parametrize(
    ("solver", "wanted"),
    [
        (ConjugateGradient(damping=0.0), 0.5),
        (Neumann(terms=3), 0.244),
        (Neumann(terms=300), 0.5),
    ],
    ids=["exact", "three-terms", "series"],
)
def test_the_scalar_toy_at_its_best_weight(solver: Neumann | ConjugateGradient, wanted: float) -> None:
    problem = replace(scalar_toy(), weights={"w": leaf(0.5)})
    assert Implicit(solver)(problem)["cell"].item() == pytest.approx(wanted, abs=1e-12)


def vector_toy() -> Bilevel:
    """L_train = w'Hw/2 - w'a with H = diag(1, 4), L_val = |w|^2 / 2, at a = (1, 2) and the best weights (1, 0.5)."""
    diagonal = torch.tensor([1.0, 4.0], dtype=torch.float64)
    return Bilevel(
        weights={"w": leaf(1.0, 0.5)},
        alphas={"cell": leaf(1.0, 2.0)},
        train_loss=lambda weights, alphas: (
            (diagonal * weights["w"].square()).sum() / 2 - weights["w"].dot(alphas["cell"])
        ),
        validation_loss=lambda weights, _alphas: weights["w"].square().sum() / 2,
        weight_step=SgdStep(lr=0.25, momentum=0.0, weight_decay=0.0, velocity={}),
    )


def test_conjugate_gradients_solve_the_vector_toy_in_two_iterations_and_not_in_one() -> None:
    wanted = torch.tensor([1.0, 0.125], dtype=torch.float64)
    found = Implicit(ConjugateGradient(iterations=2, tolerance=0.0, damping=0.0))(vector_toy())["cell"]
    torch.testing.assert_close(found, wanted, rtol=0, atol=1e-14)
    found = Implicit(ConjugateGradient(iterations=1, tolerance=0.0, damping=0.0))(vector_toy())["cell"]
    assert (found - wanted).norm() > 0.01


@pytest.mark.parametrize(("terms", "first"), [(1, 0.25), (2, 0.4375), (3, 0.578125), (4, 0.68359375)])
def test_the_series_of_the_vector_toy(terms: int, first: float) -> None:
    """The mixed derivative is -I and the direct part 0, so the gradient is q itself."""
    assert Implicit(Neumann(terms))(vector_toy())["cell"].tolist() == [first, 0.125]


@settings(max_examples=40)
@given(quadratics())
def test_one_step_is_the_exact_unrolled_gradient_without_momentum(case: Quadratic) -> None:
    problem = replace(case, momentum=0.0).problem()
    found, wanted = TruncatedUnrolled(1, 1)(case.problem()), Unrolled("exact")(problem)
    assert all(torch.equal(found[name], wanted[name]) for name in wanted)


@settings(max_examples=40)
@given(quadratics())
def test_one_term_is_the_unrolled_gradient_with_its_probe_at_the_weights_at_hand(case: Quadratic) -> None:
    still = replace(case, momentum=0.0, weight_decay=0.0)
    probe = still.curvature @ (still.weights - still.target) + still.mixed @ still.alphas
    wanted = still.first_order() + still.lr * still.coupling.T @ probe
    assert relative_error(joined(Implicit(Neumann(terms=1))(case.problem())), wanted) < 1e-10


def convex(case: Quadratic, decay: float) -> Quadratic:
    """The case with a training loss that has a minimum under that weight decay, at which the weights are."""
    hessian = case.hessian @ case.hessian / len(case.weights) + torch.eye(len(case.weights), dtype=torch.float64) / 2
    damped = hessian + decay * torch.eye(len(case.weights), dtype=torch.float64)
    best = torch.linalg.solve(damped, case.coupling @ case.alphas)
    return replace(case, hessian=hessian, weights=best, weight_decay=decay, momentum=0.0)


def response(case: Quadratic, inverse: Tensor) -> Tensor:
    """The closed form with some approximate inverse of the inner Hessian; the mixed derivative is -coupling'."""
    probe = case.curvature @ (case.weights - case.target) + case.mixed @ case.alphas
    return case.first_order() + case.coupling.T @ inverse @ probe


@settings(max_examples=30)
@given(quadratics(), st.floats(0, 0.1), st.integers(1, 4))
def test_at_the_best_weights_truncated_steps_are_terms_of_the_series(case: Quadratic, decay: float, terms: int) -> None:
    case = convex(case, decay)
    size = len(case.weights)
    eye = torch.eye(size, dtype=torch.float64)
    once = eye - case.lr * (case.hessian + decay * eye)
    wanted = response(case, case.lr * sum(torch.linalg.matrix_power(once, j) for j in range(terms)))
    # The largest factor of the series grows to about (lr * eigenvalue)^3, and rounding with it.
    assert relative_error(joined(Implicit(Neumann(terms))(case.problem())), wanted) < 1e-8
    assert relative_error(joined(TruncatedUnrolled(terms + 2, terms)(case.problem())), wanted) < 1e-6


@settings(max_examples=30)
@given(quadratics(), st.floats(0, 0.1), st.floats(0, 1))
def test_conjugate_gradients_are_exact_after_as_many_iterations_as_weights(
    case: Quadratic, decay: float, damping: float
) -> None:
    case = convex(case, decay)
    size = len(case.weights)
    inverse = torch.linalg.inv(case.hessian + (decay + damping) * torch.eye(size, dtype=torch.float64))
    solver = ConjugateGradient(iterations=2 * size, tolerance=1e-11, damping=damping)
    assert relative_error(joined(Implicit(solver)(case.problem())), response(case, inverse)) < 1e-8


class Counted:
    """A matrix that counts the products taken with it."""

    def __init__(self, matrix: Tensor) -> None:
        self.matrix, self.count = matrix, 0

    def __call__(self, vector: Tensor) -> Tensor:
        self.count += 1
        return self.matrix @ vector


def test_conjugate_gradients_stop_when_the_residual_is_small_enough() -> None:
    matrix = torch.diag(torch.linspace(1, 2, 50, dtype=torch.float64))
    target = torch.ones(50, dtype=torch.float64)
    counts = []
    for tolerance in (1e-1, 1e-3, 1e-6):
        product = Counted(matrix)
        found = ConjugateGradient(iterations=50, tolerance=tolerance, damping=0.0)(product, target, 0.0)
        assert (matrix @ found - target).norm() <= tolerance * target.norm()
        counts.append(product.count)
    assert counts == sorted(set(counts))
    assert counts[-1] < 15


@pytest.mark.parametrize(("diagonal", "products"), [((-1.0, 2.0), 1), ((3.0, -0.5), 2), ((0.0, 0.0), 1)])
def test_conjugate_gradients_end_before_a_direction_that_does_not_bend_up(diagonal, products: int) -> None:
    product = Counted(torch.diag(torch.tensor(diagonal, dtype=torch.float64)))
    target = torch.tensor([2.0, 1.0], dtype=torch.float64)
    found = ConjugateGradient(damping=0.0)(product, target, 0.0)
    assert product.count == products
    first = target.dot(product.matrix @ target)
    wanted = target * (target.dot(target) / first if first > 0 else 0)
    torch.testing.assert_close(found, wanted)


def test_nothing_to_solve_for_gives_nothing() -> None:
    zeros = torch.zeros(3, dtype=torch.float64)
    for solver in (ConjugateGradient(), Neumann()):
        assert torch.equal(solver(lambda vector: 2 * vector, zeros, 0.1), zeros)


def test_every_virtual_step_after_the_first_sees_a_further_batch() -> None:
    seen: list[int] = []

    def loss(number: int) -> Callable[[Tensors, Tensors], Tensor]:
        def quadratic(weights: Tensors, alphas: Tensors) -> Tensor:
            seen.append(number)
            return (weights["w"] - number * alphas["cell"]).square().sum()

        return quadratic

    further = iter(range(2, 10))
    problem = replace(scalar_toy(), train_loss=loss(1), next_train_loss=lambda: loss(next(further)))
    found = TruncatedUnrolled(3, 3)(problem)["cell"].item()
    assert seen == [1, 2, 3]
    # w_3 = 0.512 + (0.2 * 1 * 0.64 + 0.2 * 2 * 0.8 + 0.2 * 3) a, and the gradient is w_3 dw_3/da.
    slope = 0.2 * 0.64 + 0.4 * 0.8 + 0.6
    assert found == pytest.approx((0.512 + slope * 0.5) * slope, abs=1e-12)


@pytest.mark.parametrize(("steps", "kept"), [(3, 4), (3, 0), (0, 0)])
def test_more_differentiated_steps_than_steps_are_refused(steps: int, kept: int) -> None:
    with pytest.raises(RecipeError, match=f"cannot go through {kept} of {steps} virtual weight steps; choose"):
        TruncatedUnrolled(steps, kept)


@pytest.mark.parametrize("gradient", EVERY, ids=repr)
def test_a_gradient_leaves_everything_as_it_was(gradient: Gradient) -> None:
    problem = tanh_net()
    everything = [*problem.weights.values(), *problem.alphas.values(), *problem.weight_step.velocity.values()]
    before = [tensor.detach().clone() for tensor in everything]
    found = gradient(problem)
    assert all(torch.equal(old, new) for old, new in zip(before, everything, strict=True))
    assert all(tensor.grad is None for tensor in everything)
    assert not found["cell"].requires_grad


def supernet_problem(supernet: ReferenceSupernet) -> Bilevel:
    """A tiny supernet with softmax gates and a batch of its own for every call of `next_train_loss`."""
    spec = supernet.spec
    labels = torch.tensor([0, 1, 2, 1])

    def loss(seed: int) -> Callable[[Tensors, Tensors], Tensor]:
        images = ask(spec, batch=4, size=(6, 6), seed=seed).images

        def mean_loss(weights: Tensors, alphas: Tensors) -> Tensor:
            gates = {kind: alpha.softmax(dim=-1) for kind, alpha in alphas.items()}
            return functional.cross_entropy(functional_call(supernet, dict(weights), (images, gates)), labels)

        return mean_loss

    alphas = {kind: alpha.requires_grad_() for kind, alpha in ask(spec, seed=7).gates.items()}
    further = iter(range(10, 20))
    step = SgdStep(lr=0.1, momentum=0.9, weight_decay=3e-2, velocity={})
    weights = dict(supernet.named_parameters())
    return Bilevel(weights, alphas, loss(1), loss(2), step, lambda: loss(next(further)))


def by_autograd(problem: Bilevel, steps: int, kept: int) -> Tensor:
    """Plain gradient descent written down with alpha detached in all but the last steps, and differentiated."""
    weights: dict[str, Tensor] = dict(problem.weights)
    step = problem.weight_step
    for number in range(steps):
        assert problem.next_train_loss is not None
        loss = problem.train_loss if number == 0 else problem.next_train_loss()
        alphas = {name: alpha if number >= steps - kept else alpha.detach() for name, alpha in problem.alphas.items()}
        slope = torch.autograd.grad(
            loss(weights, alphas), list(weights.values()), create_graph=True, materialize_grads=True
        )
        weights = {
            name: weight - step.lr * (gradient + step.weight_decay * weight)
            for (name, weight), gradient in zip(weights.items(), slope, strict=True)
        }
    value = problem.validation_loss(weights, problem.alphas)
    return flat(torch.autograd.grad(value, list(problem.alphas.values())))


@pytest.mark.parametrize("engine", [ReferenceSupernet, FusedSupernet])
@pytest.mark.parametrize("space", SMALL_SPACES, ids=lambda space: space.name)
@pytest.mark.parametrize(("steps", "kept"), [(3, 3), (3, 2), (2, 1)])
def test_steps_of_a_supernet_are_differentiated_as_by_autograd(engine, space, steps: int, kept: int) -> None:
    spec = small_spec(space)
    found = TruncatedUnrolled(steps, kept)(supernet_problem(build(engine, spec)))
    wanted = by_autograd(supernet_problem(build(ReferenceSupernet, spec)), steps, kept)
    # Second derivatives of batch norms over few pixels divide by the third power of the deviation: this is rounding.
    assert relative_error(flat(found.values()), wanted) < 1e-7


@pytest.mark.parametrize("engine", [ReferenceSupernet, FusedSupernet])
@pytest.mark.parametrize(
    "solver", [Neumann(terms=3), ConjugateGradient(iterations=3, damping=5.0)], ids=["series", "cg"]
)
def test_the_implicit_gradient_of_a_supernet_solves_with_the_explicit_hessian(engine, solver) -> None:
    """The matrices, written out column by column by the reference engine, against products by either."""
    spec = small_spec(SMALL_SPACES[1])
    found = flat(Implicit(solver)(supernet_problem(build(engine, spec))).values())
    problem = supernet_problem(build(ReferenceSupernet, spec))
    weights, alphas, decay = problem.weights, problem.alphas, problem.weight_step.weight_decay
    inner = SecondDerivatives(problem.train_loss(weights, alphas), weights)
    value = problem.validation_loss(weights, alphas)
    target = flat(torch.autograd.grad(value, list(weights.values()), retain_graph=True, materialize_grads=True))

    def product(vector: Tensor) -> Tensor:
        scalar = inner.gradient.dot(vector)
        slope = torch.autograd.grad(scalar, list(weights.values()), retain_graph=True, materialize_grads=True)
        return flat(slope) + decay * vector

    solution = solver(product, target, problem.weight_step.lr)
    mixed = torch.autograd.grad(inner.gradient.dot(solution), list(alphas.values()))
    wanted = flat(torch.autograd.grad(value, list(alphas.values()))) - flat(mixed)
    assert relative_error(found, wanted) < 1e-7
    assert relative_error(flat(FirstOrder()(problem).values()), wanted) > 1e-3, "the response counts"
