"""The curvature of the validation loss in alpha: the Hessian, its largest eigenvalue and its trace."""

import math
from collections.abc import Callable, Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dartboard.parts.gradient import Bilevel, SecondDerivatives, flat
from dartboard.parts.relaxation import RelaxedCell
from dartboard.runs import make_generator

__all__ = ["AlphaCurvature", "lanczos"]


class AlphaCurvature:
    """The Hessian of the validation loss in all live entries of all alphas, with the weights held fixed.

    It is taken at the deterministic gates of the method (`Architecture.mean_gates`), never through a random draw: a
    draw from a Dirichlet distribution, for example, has no second derivative. Terms that a method adds to the loss of
    alpha are left out. Entries come in the order of the alphas.

    Paper: RobustDARTS, arXiv:1909.09656.

    Args:
        problem: gives the validation loss, the weights and the alphas.
        cells: by kind; only the live entries of the operations' alphas count.
    """

    def __init__(self, problem: Bilevel, cells: Mapping[str, RelaxedCell]) -> None:
        weights = {name: weight.detach() for name, weight in problem.weights.items()}
        loss = problem.mean_loss or problem.validation_loss
        self._second = SecondDerivatives(loss(weights, problem.alphas), problem.alphas)
        self._live = torch.nonzero(flat(_live(name, alpha, cells) for name, alpha in problem.alphas.items()))[:, 0]

    @property
    def size(self) -> int:
        """Number of rows of the Hessian."""
        return len(self._live)

    def times(self, vector: Tensor) -> Tensor:
        """The Hessian times a vector, both of shape (size,); float64 on the CPU."""
        return self._product(vector.to(self._second.gradient.dtype).to(self._live.device)).cpu().double()

    def dense(self) -> Tensor:
        """The whole Hessian, (size, size), float64 on the CPU; a double backward pass for each row."""
        units = torch.eye(self.size, dtype=self._second.gradient.dtype, device=self._live.device)
        return torch.stack([self._product(unit) for unit in units]).cpu().double()

    def largest_eigenvalue(self) -> float:
        """The largest eigenvalue, with its sign, by `lanczos`; NaN if the derivatives of the loss are not finite."""
        return lanczos(self.times, self.size)

    def trace(self) -> float:
        """The trace: exact for at most 32 rows, else estimated; NaN if the derivatives of the loss are not finite.

        The estimate is the mean of v . H v over 16 vectors v of random signs, always the same ones (Hutchinson, 1990).
        """
        if self.size <= _EXACT:
            return float(self.dense().diagonal().sum())
        generator = make_generator(0, "trace")
        signs = 2.0 * torch.randint(2, (_PROBES, self.size), generator=generator, dtype=torch.int64).double() - 1.0
        return float(torch.stack([sign @ self.times(sign) for sign in signs]).mean())

    def _product(self, vector: Tensor) -> Tensor:
        spread = torch.zeros_like(self._second.gradient).index_copy(0, self._live, vector)
        return self._second.times(spread).index_select(0, self._live)


_EXACT, _PROBES = 32, 16


def _live(name: str, alpha: Tensor, cells: Mapping[str, RelaxedCell]) -> Tensor:
    """Which entries of an alpha count, bool; all entries of edges and of attention do."""
    return cells[name].live if name in cells else torch.ones_like(alpha, dtype=torch.bool)


def lanczos(times: Callable[[Tensor], Tensor], size: int, tolerance: float = 3e-4) -> float:
    """The largest eigenvalue of a symmetric matrix that is known only by its products with vectors.

    ARPACK runs Lanczos' method from a fixed random start, until the residual is below `tolerance` times the size of the
    eigenvalues. The residual bounds the error; mostly the error is about the square of the residual. If the matrix has
    few rows, or if ARPACK does not converge, the whole matrix is computed, with one product for every row.

    Args:
        times: vector -> matrix times vector, both of shape (size,), float64.
        size: number of rows of the matrix.
        tolerance: relative residual.

    Returns:
        The eigenvalue; NaN if a product is not finite.
    """
    found = _by_arpack(times, size, tolerance) if size > _KEPT else None
    if found is not None:
        return found
    matrix = torch.stack([times(unit) for unit in torch.eye(size, dtype=torch.float64)])
    return float(torch.linalg.eigvalsh(matrix)[-1]) if matrix.isfinite().all() else math.nan


_KEPT = 8
"""Number of vectors that Lanczos' method keeps. It is small, as convergence is first tested after so many products."""


def _by_arpack(times: Callable[[Tensor], Tensor], size: int, tolerance: float) -> float | None:
    """The largest eigenvalue of a symmetric matrix, by ARPACK; None if ARPACK finds none."""
    from scipy.sparse.linalg import ArpackError, LinearOperator, eigsh  # slow to import, and few searches come here

    start = torch.randn(size, generator=make_generator(0, "lanczos"), dtype=torch.float64)
    first = times(start)
    # ARPACK begins with the image of the start vector, which lacks all directions that the matrix maps to zero. So the
    # matrix is shifted by about the size of its eigenvalues, and the tolerance is relative to that size.
    shift = float(first.norm() / start.norm())
    if not 0 < shift < math.inf:
        return None

    def shifted(vector: NDArray[np.float64]) -> NDArray[np.float64]:
        at = torch.from_numpy(vector)
        product = first if torch.equal(at, start) else times(at)
        return (product + shift * at).numpy()

    operator = LinearOperator((size, size), shifted, dtype=np.float64)
    options = {"which": "LA", "v0": start.numpy(), "ncv": _KEPT, "maxiter": size, "tol": tolerance, "rng": 0}
    try:
        return float(eigsh(operator, k=1, return_eigenvectors=False, **options)[0]) - shift
    except ArpackError:
        return None
