"""How sharply the validation loss bends in alpha: the Hessian, and its largest eigenvalue."""

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from dartboard.parts.gradient import Bilevel, SecondDerivatives, flat
from dartboard.parts.relaxation import RelaxedCell
from dartboard.runs import make_generator

__all__ = ["AlphaCurvature", "lanczos"]


class AlphaCurvature:
    """The Hessian of the validation loss in all live entries of all alphas, the weights held fixed.

    Entries come in the order of the alphas. Gates are drawn once where they are random.

    Paper: RobustDARTS, arXiv:1909.09656.

    Args:
        problem: whose validation loss is looked at, at its weights and alphas.
        cells: by kind; of the alphas of operations only live entries count.
    """

    def __init__(self, problem: Bilevel, cells: Mapping[str, RelaxedCell]) -> None:
        weights = {name: weight.detach() for name, weight in problem.weights.items()}
        self._second = SecondDerivatives(problem.validation_loss(weights, problem.alphas), problem.alphas)
        self._live = torch.nonzero(flat(_live(name, alpha, cells) for name, alpha in problem.alphas.items()))[:, 0]

    @property
    def size(self) -> int:
        """Rows of the Hessian."""
        return len(self._live)

    def times(self, vector: Tensor) -> Tensor:
        """The Hessian times a vector, both of shape (size,); float64 on the CPU."""
        return self._product(vector.to(self._second.gradient.dtype).to(self._live.device)).cpu().double()

    def dense(self) -> Tensor:
        """The whole Hessian, (size, size), float64 on the CPU; a double backward pass for each row."""
        units = torch.eye(self.size, dtype=self._second.gradient.dtype, device=self._live.device)
        return torch.stack([self._product(unit) for unit in units]).cpu().double()

    def largest_eigenvalue(self) -> float:
        """The largest eigenvalue, signed, by `lanczos`; NaN where the loss has no finite derivatives."""
        return lanczos(self.times, self.size)

    def _product(self, vector: Tensor) -> Tensor:
        spread = torch.zeros_like(self._second.gradient).index_copy(0, self._live, vector)
        return self._second.times(spread).index_select(0, self._live)


def _live(name: str, alpha: Tensor, cells: Mapping[str, RelaxedCell]) -> Tensor:
    """Which entries of an alpha count; those of edges and of attention all do."""
    return cells[name].live if name in cells else torch.ones_like(alpha, dtype=torch.bool)


def lanczos(times: Callable[[Tensor], Tensor], size: int, tolerance: float = 1e-5) -> float:
    """The largest eigenvalue of a symmetric matrix, from products alone.

    Lanczos' method with full reorthogonalisation and a fixed random start, until the residual of the largest Ritz value
    is below `tolerance` times the largest absolute one; after `size` products it is exact. The residual bounds the
    error. Source: Golub and Van Loan, Matrix Computations.

    Args:
        times: vector -> matrix times vector, both of shape (size,), float64.
        size: rows of the matrix.
        tolerance: relative residual.

    Returns:
        The eigenvalue; NaN where a product is not finite.
    """
    vector = torch.randn(size, generator=make_generator(0, "lanczos"), dtype=torch.float64)
    basis = (vector / vector.norm())[None]
    diagonal: list[Tensor] = []
    beside: list[Tensor] = []
    while True:
        ahead = times(basis[-1])
        diagonal.append(basis[-1].dot(ahead))
        for _ in range(2):  # once leaves what rounding had brought back
            ahead = ahead - basis.T @ (basis @ ahead)
        rest = ahead.norm()
        if not rest.isfinite():
            return float("nan")
        values, vectors = torch.linalg.eigh(_tridiagonal(diagonal, beside))
        if len(basis) == size or rest * vectors[-1, -1].abs() <= tolerance * values.abs().max():
            return float(values[-1])
        beside.append(rest)
        basis = torch.cat([basis, ahead[None] / rest])


def _tridiagonal(diagonal: list[Tensor], beside: list[Tensor]) -> Tensor:
    matrix = torch.diag(torch.stack(diagonal))
    return matrix + torch.diag(torch.stack(beside), 1) + torch.diag(torch.stack(beside), -1) if beside else matrix
