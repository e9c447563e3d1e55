"""The gradient through the optimal weights, by the implicit function theorem and Hessian-vector products."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor
from typing_extensions import override

from dartboard.parts.gradient.problem import Bilevel, Gradient, Tensors, differentiate, differentiate_both

__all__ = ["ConjugateGradient", "Implicit", "Neumann", "SecondDerivatives", "Solver", "flat"]

Product = Callable[[Tensor], Tensor]
"""q -> H q for a matrix H, both vectors of shape (n,)."""


class SecondDerivatives:
    """Products of a scalar's second derivatives with vectors; each product takes one double backward pass.

    A vector holds one number for every entry of the tensors `at`, in their order. The graph of the gradient is kept as
    long as this object.

    Args:
        value: the scalar.
        at: the tensors in which the scalar is differentiated; they require gradients.

    Attributes:
        gradient: the gradient of the scalar, as a vector.
    """

    def __init__(self, value: Tensor, at: Tensors) -> None:
        self._at = at
        if value.requires_grad:
            self.gradient = flat(differentiate(value, at, create_graph=True).values())
        else:  # the scalar does not depend on these tensors
            self.gradient = flat(torch.zeros_like(tensor) for tensor in at.values())

    def times(self, vector: Tensor) -> Tensor:
        """The Hessian times a vector, as a vector of the same shape."""
        return flat(self.mixed(vector, self._at).values())

    def mixed(self, vector: Tensor, other: Tensors) -> dict[str, Tensor]:
        """The gradient of <gradient, vector> in the tensors `other`, by name; zero for tensors without influence."""
        if not self.gradient.requires_grad:  # it is the same everywhere
            return {name: torch.zeros_like(tensor) for name, tensor in other.items()}
        products = torch.autograd.grad(
            self.gradient, list(other.values()), vector, retain_graph=True, materialize_grads=True
        )
        return dict(zip(other, products, strict=True))


def flat(tensors: Iterable[Tensor]) -> Tensor:
    """All entries of some tensors as one vector, one tensor after the other."""
    return torch.cat([tensor.flatten() for tensor in tensors])


class Solver(Protocol):
    """Solves H q = v for a symmetric matrix H that is known only by its products with vectors."""

    def __call__(self, product: Product, target: Tensor, lr: float) -> Tensor:
        """An approximate solution, shape (n,).

        Args:
            product: q -> H q.
            target: v, shape (n,).
            lr: learning rate of the weights, from which a solver can choose its step length.
        """
        ...


@dataclass(frozen=True)
class Neumann(Solver):
    """The first terms of the Neumann series: q = step * sum over j < terms of (I - step H)^j v.

    These are `terms` steps of gradient descent on q'Hq/2 - q'v from q = 0. The series converges if and only if H is
    positive definite and step < 2 / (largest eigenvalue of H). With one term and the step lr, the result is the
    one-step unrolled gradient, except that dL_val/dw is taken at w instead of w'. Nothing waits for the device.

    Attributes:
        terms: number of terms of the series, at least 1; every term after the first costs a product.
        relative_step: step length as a multiple of the weights' learning rate.

    Paper: Lorraine et al., arXiv:1911.02590.
    """

    terms: int = 5
    relative_step: float = 1.0

    @override
    def __call__(self, product: Product, target: Tensor, lr: float) -> Tensor:
        step = self.relative_step * lr
        solution = step * target
        for _ in range(self.terms - 1):
            solution = solution - step * (product(solution) - target)
        return solution


@dataclass(frozen=True)
class ConjugateGradient(Solver):
    """Conjugate gradients on (H + damping I) q = v, from q = 0.

    The solver ends when the residual is at most tolerance * |v|, or after `iterations` products. It also ends before a
    direction in which H has no positive curvature, as H is not positive definite in deep networks. If this happens at
    the first direction, q is 0 and the result is the first-order gradient. These tests wait for the device once per
    iteration.

    Attributes:
        iterations: largest number of products.
        tolerance: largest residual, relative to |v|.
        damping: added to the diagonal of H.

    Paper: Pedregosa, arXiv:1602.02355.
    """

    iterations: int = 10
    tolerance: float = 1e-3
    damping: float = 1e-2

    @override
    def __call__(self, product: Product, target: Tensor, lr: float) -> Tensor:
        solution, residual, direction = torch.zeros_like(target), target, target
        squared = residual.dot(residual)
        enough = self.tolerance**2 * squared
        for _ in range(self.iterations):
            ahead = product(direction) + self.damping * direction
            curvature = direction.dot(ahead)
            length = squared / curvature
            residual = residual - length * ahead
            before, squared = squared, residual.dot(residual)
            bends_up, is_close = torch.stack([curvature > 0, squared <= enough]).tolist()
            if not bends_up:
                break
            solution = solution + length * direction
            if is_close:
                break
            direction = residual + squared / before * direction
        return solution


@dataclass(frozen=True)
class Implicit(Gradient):
    """The gradient of L_val(w*(alpha), alpha), as if the weights were optimal for this alpha.

    Let L_train(w, alpha) + weight_decay |w|^2 / 2 be stationary in w. Then dL_val/d(alpha) = direct part -
    (d2 L_train / d(alpha) dw) q, where H q = dL_val/dw and H = d2 L_train / dw2 + weight_decay I. The direct part is
    the gradient at fixed weights. All products with H come from double backward passes over one training batch.

    Attributes:
        solver: solves H q = dL_val/dw for q.

    Cost: a forward and backward pass for each loss, and a double backward for each product of the solver and for the
    mixed derivative.
    Paper: Lorraine et al., arXiv:1911.02590, theorem 1; Pedregosa, arXiv:1602.02355.
    """

    solver: Solver

    @override
    def __call__(self, problem: Bilevel) -> dict[str, Tensor]:
        weights, alphas, step = problem.weights, problem.alphas, problem.weight_step
        target, direct = differentiate_both(problem.validation_loss(weights, alphas), weights, alphas)
        inner = SecondDerivatives(problem.train_loss(weights, alphas), weights)
        solution = self.solver(
            lambda vector: inner.times(vector) + step.weight_decay * vector, flat(target.values()), step.lr
        )
        response = inner.mixed(solution, alphas)
        return {name: direct[name] - response[name] for name in alphas}
