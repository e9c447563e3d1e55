"""Architecture gradients against closed forms and against a second derivative by autograd."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional

from dartboard.parts.gradient import (
    Bilevel,
    FirstOrder,
    Gradient,
    SgdStep,
    Tensors,
    Unrolled,
    differentiate,
    differentiate_both,
)

WAYS = [Unrolled("finite-difference"), Unrolled("exact")]
EVERY_GRADIENT = [FirstOrder(), *WAYS]
DIFFERENCE_TOLERANCE = 1e-4
"""Truncation of a central difference of radius 0.01 on a net whose weights are of size 1."""


def leaf(*values: float) -> Tensor:
    return torch.tensor(values, dtype=torch.float64, requires_grad=True)


def scalar_toy(*, momentum: float = 0.0, velocity: float | None = None, weight_decay: float = 0.0) -> Bilevel:
    """L_train = h/2 (w - a)^2 and L_val = (w - b)^2 / 2 with h = 2, b = 0, lr = 0.1, at w = 1, a = 0.5."""
    buffers = {} if velocity is None else {"w": torch.tensor([velocity], dtype=torch.float64)}
    return Bilevel(
        weights={"w": leaf(1.0)},
        alphas={"cell": leaf(0.5)},
        train_loss=lambda weights, alphas: (weights["w"] - alphas["cell"]).square().sum(),
        validation_loss=lambda weights, _alphas: weights["w"].square().sum() / 2,
        weight_step=SgdStep(lr=0.1, momentum=momentum, weight_decay=weight_decay, velocity=buffers),
    )


@pytest.mark.parametrize("gradient", WAYS, ids=lambda way: way.second_derivative)
def test_the_scalar_toy_gives_0_18(gradient: Gradient) -> None:
    assert gradient(scalar_toy())["cell"].item() == pytest.approx(0.18, abs=1e-12)


@pytest.mark.parametrize("gradient", WAYS, ids=lambda way: way.second_derivative)
def test_the_scalar_toy_with_momentum_and_decay_gives_0_1708(gradient: Gradient) -> None:
    problem = scalar_toy(momentum=0.9, velocity=0.5, weight_decay=0.01)
    assert gradient(problem)["cell"].item() == pytest.approx(0.1708, abs=1e-12)


def test_the_first_order_gradient_of_the_scalar_toy_is_zero() -> None:
    assert FirstOrder()(scalar_toy())["cell"].item() == 0.0


@pytest.mark.parametrize(
    ("problem", "moved"),
    [(scalar_toy(), 0.9), (scalar_toy(momentum=0.9, velocity=0.5, weight_decay=0.01), 0.854)],
    ids=["plain", "momentum"],
)
def test_the_virtual_step_of_the_scalar_toy(problem: Bilevel, moved: float) -> None:
    gradients = differentiate(problem.train_loss(problem.weights, problem.alphas), problem.weights)
    assert problem.weight_step(problem.weights, gradients)["w"].item() == pytest.approx(moved, abs=1e-15)


@dataclass(frozen=True)
class Quadratic:
    """Both losses quadratic in w and alpha, so that every gradient has a closed form.

    L_train = w'Hw/2 - w'Ba and L_val = (w-b)'M(w-b)/2 + a'Ca/2 + w'Da. The weights are split over two names and
    alpha over two cell kinds, so that a norm or a sum taken name by name would show.
    """

    hessian: Tensor
    coupling: Tensor
    curvature: Tensor
    target: Tensor
    own: Tensor
    mixed: Tensor
    weights: Tensor
    alphas: Tensor
    velocity: Tensor
    lr: float
    momentum: float
    weight_decay: float

    def problem(self) -> Bilevel:
        def train(weights: Tensors, alphas: Tensors) -> Tensor:
            w, a = joined(weights), joined(alphas)
            return w @ self.hessian @ w / 2 - w @ self.coupling @ a

        def validation(weights: Tensors, alphas: Tensors) -> Tensor:
            w, a = joined(weights), joined(alphas)
            gap = w - self.target
            return gap @ self.curvature @ gap / 2 + a @ self.own @ a / 2 + w @ self.mixed @ a

        return Bilevel(
            weights=split(self.weights, ("stem", "head"), leaves=True),
            alphas=split(self.alphas, ("normal", "reduce"), leaves=True),
            train_loss=train,
            validation_loss=validation,
            weight_step=SgdStep(self.lr, self.momentum, self.weight_decay, split(self.velocity, ("stem", "head"))),
        )

    def first_order(self) -> Tensor:
        return self.own @ self.alphas + self.mixed.T @ self.weights

    def unrolled(self) -> Tensor:
        gradient = self.hessian @ self.weights - self.coupling @ self.alphas
        direction = self.momentum * self.velocity + gradient + self.weight_decay * self.weights
        moved = self.weights - self.lr * direction
        probe = self.curvature @ (moved - self.target) + self.mixed @ self.alphas
        direct = self.own @ self.alphas + self.mixed.T @ moved
        return direct + self.lr * self.coupling.T @ probe


def joined(named: Tensors) -> Tensor:
    return torch.cat(list(named.values()))


def split(vector: Tensor, names: tuple[str, str], *, leaves: bool = False) -> dict[str, Tensor]:
    pieces = (piece.clone() for piece in (vector[:1], vector[1:]))
    return {name: piece.requires_grad_(leaves) for name, piece in zip(names, pieces, strict=True)}


@st.composite
def quadratics(draw: st.DrawFn) -> Quadratic:
    weights, alphas = draw(st.integers(2, 6)), draw(st.integers(2, 5))
    generator = torch.Generator().manual_seed(draw(st.integers(0, 2**32)))

    def normal(*shape: int) -> Tensor:
        return torch.randn(shape, generator=generator, dtype=torch.float64)

    hessian, curvature, own = normal(weights, weights), normal(weights, weights), normal(alphas, alphas)
    return Quadratic(
        hessian=hessian + hessian.T,
        coupling=normal(weights, alphas),
        curvature=curvature + curvature.T,
        target=normal(weights),
        own=own + own.T,
        mixed=normal(weights, alphas),
        weights=normal(weights),
        alphas=normal(alphas),
        velocity=normal(weights),
        lr=draw(st.floats(1e-3, 0.5)),
        momentum=draw(st.floats(0, 0.95)),
        weight_decay=draw(st.floats(0, 0.1)),
    )


def relative_error(found: Tensor, wanted: Tensor) -> float:
    return float((found - wanted).norm() / wanted.norm())


@settings(max_examples=60)
@given(quadratics())
def test_every_gradient_of_a_quadratic_problem_has_its_closed_form(case: Quadratic) -> None:
    problem = case.problem()
    # Rounding only: central differences have no truncation error on a quadratic, and divide rounding by 0.01.
    assert relative_error(joined(FirstOrder()(problem)), case.first_order()) < 1e-10
    assert relative_error(joined(Unrolled("exact")(problem)), case.unrolled()) < 1e-10
    assert relative_error(joined(Unrolled("finite-difference")(problem)), case.unrolled()) < 1e-8


@settings(max_examples=20)
@given(quadratics(), st.floats(1e-3, 1.0))
def test_the_radius_does_not_matter_on_a_quadratic(case: Quadratic, radius: float) -> None:
    assert relative_error(joined(Unrolled(radius=radius)(case.problem())), case.unrolled()) < 1e-7


def tanh_net(seed: int = 0, *, lr: float = 0.05) -> Bilevel:
    """Two layers with three gated activations between them, cross-entropy, momentum and decay; float64."""
    generator = torch.Generator().manual_seed(seed)

    def normal(*shape: int) -> Tensor:
        return torch.randn(shape, generator=generator, dtype=torch.float64)

    images, labels = normal(2, 16, 5), torch.randint(3, (2, 16), generator=generator)
    weights = {"first": normal(5, 8) / 2, "second": normal(8, 3) / 2}
    velocity = {name: normal(*weight.shape) / 10 for name, weight in weights.items()}

    def loss(half: int) -> Callable[[Tensors, Tensors], Tensor]:
        def mean_loss(weights: Tensors, alphas: Tensors) -> Tensor:
            hidden = images[half] @ weights["first"]
            gates = alphas["cell"].softmax(dim=-1)[0]
            mixed = gates[0] * hidden.tanh() + gates[1] * hidden.sin() + gates[2] * hidden
            return functional.cross_entropy(mixed @ weights["second"], labels[half])

        return mean_loss

    return Bilevel(
        weights={name: weight.requires_grad_() for name, weight in weights.items()},
        alphas={"cell": (normal(1, 3) / 2).requires_grad_()},
        train_loss=loss(0),
        validation_loss=loss(1),
        weight_step=SgdStep(lr=lr, momentum=0.9, weight_decay=0.01, velocity=velocity),
    )


def by_double_backward(problem: Bilevel) -> Tensor:
    """d/d(alpha) of L_val(w - lr (mv + dL_train/dw + wd w), alpha), written down as it stands."""
    step = problem.weight_step

    def objective(alpha: Tensor) -> Tensor:
        weights = dict(problem.weights)
        slope = torch.func.grad(lambda w: problem.train_loss(w, {"cell": alpha}))(weights)
        moved = {
            name: w - step.lr * (step.momentum * step.velocity[name] + slope[name] + step.weight_decay * w)
            for name, w in weights.items()
        }
        return problem.validation_loss(moved, {"cell": alpha})

    return torch.func.grad(objective)(problem.alphas["cell"]).detach()


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    ("gradient", "tolerance"), [(WAYS[0], DIFFERENCE_TOLERANCE), (WAYS[1], 1e-12)], ids=["difference", "exact"]
)
def test_the_unrolled_gradient_of_a_smooth_net_is_that_of_double_backward(
    gradient: Gradient, tolerance: float, seed: int
) -> None:
    problem = tanh_net(seed)
    assert relative_error(gradient(problem)["cell"], by_double_backward(problem)) < tolerance


def test_the_finite_difference_converges_with_the_square_of_the_radius() -> None:
    problem = tanh_net()
    wanted = by_double_backward(problem)
    coarse, fine = (relative_error(Unrolled(radius=r)(problem)["cell"], wanted) for r in (0.2, 0.1))
    assert coarse / fine == pytest.approx(4, rel=0.1)


@dataclass(frozen=True)
class FiniteDifference:
    """The finite difference written once more, with its last line left open for mistakes."""

    second_term: Callable[[Tensor, Tensor, float, Tensor], Tensor]

    def __call__(self, problem: Bilevel) -> dict[str, Tensor]:
        current = {name: weight.detach() for name, weight in problem.weights.items()}
        slope = differentiate(problem.train_loss(problem.weights, problem.alphas), problem.weights)
        moved = {name: w.requires_grad_() for name, w in problem.weight_step(current, slope).items()}
        probe, direct = differentiate_both(problem.validation_loss(moved, problem.alphas), moved, problem.alphas)
        epsilon = 0.01 / torch.cat([q.flatten() for q in probe.values()]).norm()
        positive, negative = (
            differentiate(
                problem.train_loss({n: w + sign * epsilon * probe[n] for n, w in current.items()}, problem.alphas),
                problem.alphas,
            )
            for sign in (1, -1)
        )
        lr = problem.weight_step.lr
        return {kind: direct[kind] + self.second_term(positive[kind], negative[kind], lr, epsilon) for kind in direct}


def right(positive: Tensor, negative: Tensor, lr: float, epsilon: Tensor) -> Tensor:
    return -lr * (positive - negative) / (2 * epsilon)


def misplaced_bracket(positive: Tensor, negative: Tensor, lr: float, epsilon: Tensor) -> Tensor:
    """As khanrc/pt.darts has it."""
    return -lr * ((positive - negative) / 2.0 * epsilon)


def flipped_sign(positive: Tensor, negative: Tensor, lr: float, epsilon: Tensor) -> Tensor:
    return lr * (positive - negative) / (2 * epsilon)


@pytest.mark.parametrize(("second_term", "error"), [(right, 0.0), (misplaced_bracket, 1.0), (flipped_sign, 2.0)])
def test_the_scalar_toy_tells_a_misplaced_bracket_and_a_flipped_sign_from_the_formula(
    second_term: Callable[..., Tensor], error: float
) -> None:
    found = FiniteDifference(second_term)(scalar_toy())["cell"]
    # A misplaced bracket shrinks the term by epsilon^2 = (0.01 / 0.9)^2, so its error is 1 but for 0.0002.
    assert relative_error(found, torch.tensor([0.18], dtype=torch.float64)) == pytest.approx(error, abs=1e-3)


@pytest.mark.parametrize(("second_term", "passes"), [(right, True), (misplaced_bracket, False), (flipped_sign, False)])
def test_the_double_backward_check_rejects_a_wrong_second_term(
    second_term: Callable[..., Tensor], passes: bool
) -> None:
    problem = tanh_net()
    error = relative_error(FiniteDifference(second_term)(problem)["cell"], by_double_backward(problem))
    assert (error < DIFFERENCE_TOLERANCE) is passes
    assert passes or error > 100 * DIFFERENCE_TOLERANCE


@pytest.mark.parametrize("steps_before", [0, 1, 3])
def test_the_virtual_step_is_torchs_next_sgd_step(steps_before: int) -> None:
    problem = tanh_net()
    optimizer = torch.optim.SGD(problem.weights.values(), lr=0.05, momentum=0.9, weight_decay=0.01)
    for _ in range(steps_before):
        real_step(problem, optimizer)
    velocity = (
        {name: optimizer.state[weight]["momentum_buffer"].clone() for name, weight in problem.weights.items()}
        if steps_before
        else {}
    )
    slope = differentiate(problem.train_loss(problem.weights, problem.alphas), problem.weights)
    moved = SgdStep(0.05, 0.9, 0.01, velocity)(problem.weights, slope)
    real_step(problem, optimizer)
    for name, weight in problem.weights.items():
        torch.testing.assert_close(moved[name], weight, rtol=0, atol=1e-15)


def real_step(problem: Bilevel, optimizer: torch.optim.Optimizer) -> None:
    slope = differentiate(problem.train_loss(problem.weights, problem.alphas), problem.weights)
    for name, weight in problem.weights.items():
        weight.grad = slope[name]
    optimizer.step()


@pytest.mark.parametrize("gradient", EVERY_GRADIENT, ids=lambda part: repr(part))
def test_a_gradient_leaves_weights_velocity_and_alphas_bit_for_bit(gradient: Gradient) -> None:
    problem = tanh_net()
    everything = [*problem.weights.values(), *problem.alphas.values(), *problem.weight_step.velocity.values()]
    before = [tensor.detach().clone() for tensor in everything]
    found = gradient(problem)
    assert all(torch.equal(old, new) for old, new in zip(before, everything, strict=True))
    assert all(tensor.grad is None for tensor in everything)
    assert not found["cell"].requires_grad


@pytest.mark.parametrize("gradient", WAYS, ids=lambda way: way.second_derivative)
def test_alpha_takes_no_part_in_the_virtual_step(gradient: Gradient) -> None:
    problem = tanh_net()
    seen: list[tuple[list[str], Tensor]] = []

    def watched(loss: Callable[[Tensors, Tensors], Tensor]) -> Callable[[Tensors, Tensors], Tensor]:
        def call(weights: Tensors, alphas: Tensors) -> Tensor:
            seen.append((list(weights), alphas["cell"].detach().clone()))
            return loss(weights, alphas)

        return call

    gradient(
        Bilevel(
            problem.weights,
            problem.alphas,
            watched(problem.train_loss),
            watched(problem.validation_loss),
            problem.weight_step,
        )
    )
    assert len(seen) >= 2
    for names, alpha in seen:
        assert names == ["first", "second"]
        assert torch.equal(alpha, problem.alphas["cell"])


@pytest.mark.parametrize("gradient", WAYS, ids=lambda way: way.second_derivative)
def test_weights_without_influence_on_validation_leave_the_direct_gradient(gradient: Gradient) -> None:
    problem = Bilevel(
        weights={"w": leaf(1.0)},
        alphas={"cell": leaf(0.5)},
        train_loss=lambda weights, alphas: (weights["w"] * alphas["cell"]).sum(),
        validation_loss=lambda weights, alphas: alphas["cell"].square().sum() + 0 * weights["w"].sum(),
        weight_step=SgdStep(0.1, 0.0, 0.0, {}),
    )
    assert gradient(problem)["cell"].item() == 1.0
