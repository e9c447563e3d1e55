"""Relaxations that draw gates at random in every step: from a Dirichlet distribution, or by the Gumbel trick."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Literal

import torch
from torch import Generator, Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional
from typing_extensions import override

from dartboard.devices.sending import send
from dartboard.parts.relaxation.deterministic import live_softmax
from dartboard.parts.relaxation.protocol import Cells, Columns, Draw, PerCell, RelaxedCell, SmallStart
from dartboard.parts.relaxation.shares import grown_shares
from dartboard.space import CellGenotype

__all__ = ["Concrete", "Dirichlet", "HardGumbel", "ReinMax", "concentration", "drawn_back", "reinmax_gates"]


def concentration(alpha: Tensor) -> Tensor:
    """ELU(alpha) + 1: exp(alpha) if alpha is below 0, else alpha + 1; above 0 everywhere, in the shape of alpha."""
    return functional.elu(alpha) + 1


@dataclass(frozen=True)
class Dirichlet(SmallStart):
    """Gates from a Dirichlet distribution with concentration ELU(alpha) + 1 (DrNAS, arXiv:2006.10355, eq. 3).

    The gates of an edge sum to one. A draw is a vector of gamma variates divided by their sum. Validation, curvature,
    charts and analyses use the mean of the distribution, concentration / its sum. Beside it stands softmax(alpha) under
    the name `KIND.softmax`, by which the authors choose operations and edges (`StrongestSoftmax`).

    Attributes:
        radius: largest Euclidean distance of an edge's concentrations from 1; after every step of alpha those that are
            farther off are drawn back to it (DrNAS, eq. 3 with a hard constraint). None: any distance.
        derivative: "dirichlet" is the pathwise derivative of the distribution itself (arXiv:1805.08498), as torch's
            `Dirichlet.rsample` and the authors have it; "gamma" goes through the gamma variates and their sum. Both are
            unbiased; the second varies more.
    """

    radius: float | None = None
    derivative: Literal["dirichlet", "gamma"] = "dirichlet"
    sums_to_one = True

    @override
    def lean(self, alpha: Tensor, cell: RelaxedCell, discrete: CellGenotype, lead: float) -> Tensor:
        """Give the means the shares that the lead gives in a softmax; the sum of an edge's concentrations stays.

        So draws vary no less than at the start without a lead. A radius holds from the start on.
        """
        marked, live = cell.marked(cell.columns_of(discrete)).cpu(), cell.live.cpu()
        concentrations = concentration(alpha)
        total = (concentrations * live).sum(dim=-1, keepdim=True)
        led = total * grown_shares(_shares_of(concentrations, live), lead * marked)
        leaning = torch.where(marked.any(dim=-1, keepdim=True) & live, _alpha_of(led), alpha)
        return leaning if self.radius is None else drawn_back(leaning, live, self.radius)

    @override
    def draw(self, alpha: Tensor, cell: RelaxedCell, generator: Generator, *, of_alpha: bool) -> Draw:
        # On the CPU, where the generator is; in double precision, so that no gamma variate is 0.
        concentrations = concentration(alpha).cpu().double()
        live = cell.live.cpu()
        if self.derivative == "dirichlet":
            shares: Tensor = _DirichletDraw.apply(concentrations, live, generator)  # type: ignore[no-untyped-call]
        else:
            shares = _shares_of(torch._standard_gamma(concentrations, generator=generator), live)
        return Draw(send(shares, alpha.device, alpha.dtype))

    @override
    def mean_gates(self, alpha: Tensor, cell: RelaxedCell) -> Tensor:
        """The means of the distributions, (edges, operations)."""
        return _shares_of(concentration(alpha), cell.live)

    @override
    def mean_cells(self, alphas: Mapping[str, Tensor], cells: Cells) -> dict[str, Tensor]:
        softmaxes = {f"{kind}.softmax": live_softmax(alphas[kind], cell) for kind, cell in cells.items()}
        return super().mean_cells(alphas, cells) | softmaxes

    @override
    @contextmanager
    def settling(
        self, alphas: Mapping[str, Tensor], cells: Cells, active: Mapping[str, Columns] | None
    ) -> Iterator[None]:
        yield
        if self.radius is not None:
            with torch.no_grad():
                for kind, cell in cells.items():
                    alphas[kind].copy_(drawn_back(alphas[kind], cell.live, self.radius))


def _shares_of(values: Tensor, live: Tensor) -> Tensor:
    """Positive values of live operations divided by their sum, (edges, operations); edges without operations have 0."""
    own = values * live
    return own / own.sum(dim=-1, keepdim=True).clamp_min(torch.finfo(values.dtype).tiny)


def drawn_back(alpha: Tensor, live: Tensor, radius: float) -> Tensor:
    """The nearest alphas on the line to 0 whose concentrations are no farther than `radius` from 1, in alpha's shape.

    Args:
        alpha: (edges, operations).
        live: which operations an edge has, (edges, operations), bool; the distance is over these.
        radius: Euclidean, above 0.
    """
    away = (concentration(alpha) - 1) * live
    distance = away.norm(dim=-1, keepdim=True)
    nearer = 1 + away * (radius / distance.clamp_min(radius))
    return torch.where(live & (distance > radius), _alpha_of(nearer), alpha)


def _alpha_of(concentrations: Tensor) -> Tensor:
    """The alphas that have these concentrations, in the same shape."""
    below = concentrations.clamp_min(torch.finfo(concentrations.dtype).tiny).log()
    return torch.where(concentrations >= 1, concentrations - 1, below)


class _DirichletDraw(torch.autograd.Function):
    """Draws from the Dirichlet distributions of edges over their live operations, with their own derivative.

    It is that of `torch.distributions.Dirichlet`, which can neither be given a generator nor leave operations out.
    """

    @staticmethod
    def forward(ctx: Any, concentrations: Tensor, live: Tensor, generator: Generator) -> Tensor:
        """Concentrations, (edges, operations), float64 on the CPU -> shares, (edges, operations)."""
        shares = _shares_of(torch._standard_gamma(concentrations, generator=generator), live)
        ctx.save_for_backward(shares, concentrations, live)
        return shares

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None]:
        """The gradient of the concentrations; 0 for operations that an edge lacks."""
        shares, concentrations, live = ctx.saved_tensors
        own = torch.where(live, concentrations, 1.0)
        total = (
            (own * live).sum(dim=-1, keepdim=True).clamp_min(torch.finfo(own.dtype).tiny).expand_as(own).contiguous()
        )
        # What lies outside of (0, 1) has no such derivative: dead operations, and the only one of an edge.
        varies = live & (live.sum(dim=-1, keepdim=True) > 1)
        inside = torch.where(varies, shares, 0.5).clamp(
            torch.finfo(shares.dtype).tiny, 1 - torch.finfo(shares.dtype).eps
        )
        slopes = torch._dirichlet_grad(inside, own, total)
        inward = grad - (shares * grad).sum(dim=-1, keepdim=True)
        return torch.where(varies, slopes * inward, 0.0), None, None


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
