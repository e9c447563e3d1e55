"""Relaxations that draw gates at random in every step: from a Dirichlet distribution, or by the Gumbel trick."""

from dataclasses import dataclass, replace
from typing import Literal

import torch
from torch import Generator, Tensor
from torch.nn import functional
from typing_extensions import override

from dartboard.devices.sending import send
from dartboard.parts.relaxation.deterministic import live_softmax
from dartboard.parts.relaxation.protocol import Draw, PerCell, RelaxedCell, SmallStart

__all__ = ["Concrete", "Dirichlet", "HardGumbel", "ReinMax", "concentration", "reinmax_gates"]


def concentration(alpha: Tensor) -> Tensor:
    """ELU(alpha) + 1: exp(alpha) if alpha is below 0, else alpha + 1; above 0 everywhere, in the shape of alpha."""
    return functional.elu(alpha) + 1


@dataclass(frozen=True)
class Dirichlet(SmallStart):
    """Gates from a Dirichlet distribution with concentration ELU(alpha) + 1 (DrNAS, arXiv:2006.10355, eq. 3).

    The gates of an edge sum to one: a draw is a vector of gamma variates divided by their sum. Its gradient is pathwise
    (implicit reparameterization, arXiv:1805.08498). Validation, selection and reports use softmax(alpha), by which the
    authors choose operations and edges.
    """

    sums_to_one = True

    @override
    def draw(self, alpha: Tensor, cell: RelaxedCell, generator: Generator, *, of_alpha: bool) -> Draw:
        # On the CPU, where the generator is; in double precision, so that no gamma variate is 0.
        gammas = torch._standard_gamma(concentration(alpha).cpu().double(), generator=generator)
        if not cell.is_whole:
            gammas = gammas * cell.live.cpu()
        total = gammas.sum(dim=-1, keepdim=True)
        shares = gammas / total.clamp_min(torch.finfo(gammas.dtype).tiny)  # edges without operations have none
        return Draw(send(shares, alpha.device, alpha.dtype))

    @override
    def mean_gates(self, alpha: Tensor, cell: RelaxedCell) -> Tensor:
        """softmax(alpha), (edges, operations): the distribution's means if no alpha of the edge is above 0."""
        return live_softmax(alpha, cell)


def _shaken(alpha: Tensor, cell: RelaxedCell, generator: Generator) -> Tensor:
    """softmax((alpha + Gumbel noise) / temperature) over the live operations of every edge."""
    waiting = torch.empty(alpha.shape).exponential_(generator=generator)
    # An exponential variate of 0 would give infinite noise; the authors of GDAS draw again in that case.
    noise = -waiting.clamp_min(torch.finfo(waiting.dtype).tiny).log()
    return live_softmax(alpha + send(noise, alpha.device, alpha.dtype), cell)


def _still(alpha: Tensor, cell: RelaxedCell) -> Tensor:
    """softmax(alpha): the probability that an operation has the largest gate, at every temperature."""
    return live_softmax(alpha, _at_one(cell))


def _at_one(cell: RelaxedCell) -> RelaxedCell:
    return cell if cell.temperature == 1.0 else replace(cell, temperature=1.0)


def _largest(shares: Tensor, cell: RelaxedCell) -> tuple[Tensor, tuple[tuple[int, ...], ...]]:
    """Gates of 1 for the largest share of every edge and 0 for the others, and the columns of the former."""
    chosen = shares.argmax(dim=-1, keepdim=True)
    whole = torch.zeros_like(shares).scatter_(-1, chosen, 1.0)
    if not cell.is_whole:
        whole = whole * cell.live  # edges without operations draw none
    columns = chosen[:, 0].tolist()
    return whole, tuple((column,) if live else () for column, live in zip(columns, cell.live_columns, strict=True))


@dataclass(frozen=True)
class Concrete(PerCell):
    """Gates from a concrete distribution, softmax((alpha + G) / temperature) (SNAS, arXiv:1812.09926, eq. 8).

    G is Gumbel noise. Every step draws one set of gates for all cells of a kind. Validation, selection and reports use
    softmax(alpha).

    Attributes:
        initial_mean: mean of the start values of alpha, the logarithms of the distribution's parameters; 1 in the
            authors' code.
        initial_scale: standard deviation of the start values; 0.01 in the authors' code.
    """

    initial_mean: float = 1.0
    initial_scale: float = 1e-2
    sums_to_one = True

    @override
    def initial_alpha(self, cell: RelaxedCell, generator: Generator) -> Tensor:
        """Normal numbers around `initial_mean`, (edges, operations)."""
        return self.initial_mean + self.initial_scale * torch.randn(cell.live.shape, generator=generator)

    @override
    def draw(self, alpha: Tensor, cell: RelaxedCell, generator: Generator, *, of_alpha: bool) -> Draw:
        return Draw(_shaken(alpha, cell, generator))

    @override
    def mean_gates(self, alpha: Tensor, cell: RelaxedCell) -> Tensor:
        """softmax(alpha), (edges, operations): the mean of the gates as the temperature falls to 0."""
        return _still(alpha, cell)


@dataclass(frozen=True)
class HardGumbel(SmallStart):
    """One operation per edge, drawn with probability softmax(alpha); only this operation is run (GDAS).

    The gate of the drawn operation is 1, and the gates of the others are 0. All gates have the gradient of
    softmax((log softmax(alpha) + G) / temperature), where G is Gumbel noise. The other operations are not run, so their
    gates are added to the edge's output as plain numbers: the gradient of such a gate is the sum of the gradient of the
    edge's output over all its values.

    Paper: arXiv:1910.04465, section 3.2, as in the authors' code.
    """

    sums_to_one = True
    draws = True

    @override
    def draw(self, alpha: Tensor, cell: RelaxedCell, generator: Generator, *, of_alpha: bool) -> Draw:
        # alpha and log softmax(alpha) differ by a constant per edge, which cancels in a softmax.
        shares = _shaken(alpha, cell, generator)
        whole, active = _largest(shares, cell)
        gates = whole + (shares - shares.detach())  # exactly 0 and 1
        return Draw(gates, active, (gates * (1 - whole)).sum(dim=-1))

    @override
    def mean_gates(self, alpha: Tensor, cell: RelaxedCell) -> Tensor:
        """softmax(alpha), the probability of each operation, (edges, operations)."""
        return _still(alpha, cell)


@dataclass(frozen=True)
class ReinMax(SmallStart):
    """One operation per edge, drawn with probability softmax(alpha); its gradient is right to second order (ReinMax).

    The gate of the drawn operation is 1, and the gates of the others are 0. A weight step runs the drawn operation
    alone. The gates pass their gradient on to alpha by Heun's rule (`reinmax_gates`), where a straight-through
    estimator takes a step of Euler's.

    Paper: arXiv:2304.08612, which has no search of architectures.

    Attributes:
        run: which operations a step of alpha runs. "one": the drawn one; the gates of the others are added to the
            edge's output as plain numbers, as `HardGumbel` does, so that the gradient is no longer right to second
            order. "all": all of them, which is the published estimator, at the cost of a step of DARTS.
    """

    run: Literal["one", "all"] = "one"
    sums_to_one = True
    draws = True

    @override
    def draw(self, alpha: Tensor, cell: RelaxedCell, generator: Generator, *, of_alpha: bool) -> Draw:
        # The largest of alpha + Gumbel noise is a draw from softmax(alpha).
        whole, active = _largest(_shaken(alpha.detach(), _at_one(cell), generator), cell)
        gates = reinmax_gates(alpha, whole, cell)
        if of_alpha and self.run == "all":
            return Draw(gates)
        return Draw(gates, active, (gates * (1 - whole)).sum(dim=-1))

    @override
    def mean_gates(self, alpha: Tensor, cell: RelaxedCell) -> Tensor:
        """softmax(alpha), the probability of each operation, (edges, operations)."""
        return _still(alpha, cell)


def reinmax_gates(alpha: Tensor, whole: Tensor, cell: RelaxedCell) -> Tensor:
    """The numbers of `whole`, with the gradient 2 J(q) g - J(p) g / 2 for alpha (ReinMax, arXiv:2304.08612).

    g is the gradient at the gates, p = softmax(alpha), q = (softmax(alpha / temperature) + whole) / 2, and
    J(p) = diag(p) - p p^T. The temperature acts only within q; the authors advise one of at least 1.

    Args:
        alpha: (edges, operations).
        whole: a draw from p: 1 for the operation drawn, 0 for the others, (edges, operations).
        cell: knows the live operations and the temperature.
    """
    still = _at_one(cell)
    # A share of 0 has a logarithm of -inf, and with a temperature of 1 or more only an operation that an edge lacks.
    middle = ((live_softmax(alpha, cell) + whole) / 2).detach().clamp_min(torch.finfo(alpha.dtype).tiny)
    ahead = live_softmax((middle.log() - alpha).detach() + alpha, still)
    moved = 2 * ahead - live_softmax(alpha, still) / 2
    return whole + (moved - moved.detach())
