"""Gates drawn for every step: from a Dirichlet distribution, or by the Gumbel trick, soft or one operation an edge."""

from dataclasses import dataclass, replace

import torch
from torch import Generator, Tensor
from torch.nn import functional
from typing_extensions import override

from dartboard.devices.sending import send
from dartboard.parts.relaxation.deterministic import live_softmax
from dartboard.parts.relaxation.protocol import Draw, PerCell, RelaxedCell, SmallStart

__all__ = ["Concrete", "Dirichlet", "HardGumbel", "concentration"]


def concentration(alpha: Tensor) -> Tensor:
    """ELU(alpha) + 1, above zero: 1 at alpha 0, exp(alpha) below, alpha + 1 above."""
    return functional.elu(alpha) + 1


@dataclass(frozen=True)
class Dirichlet(SmallStart):
    """Shares of one from a Dirichlet distribution with concentration ELU(alpha) + 1 (DrNAS, arXiv:2006.10355, eq. 3).

    A draw is a vector of gamma numbers over their sum, with the pathwise gradient of these (implicit
    reparameterization, arXiv:1805.08498). Validation, selection and reports see softmax(alpha), by which the authors
    choose operations and edges.
    """

    sums_to_one = True

    @override
    def draw(self, alpha: Tensor, cell: RelaxedCell, generator: Generator, *, of_alpha: bool) -> Draw:
        # On the CPU, where the generator lives; in double precision, in which no gamma number is 0.
        gammas = torch._standard_gamma(concentration(alpha).cpu().double(), generator=generator)
        if not cell.is_whole:
            gammas = gammas * cell.live.cpu()
        total = gammas.sum(dim=-1, keepdim=True)
        shares = gammas / total.clamp_min(torch.finfo(gammas.dtype).tiny)  # edges without operations have none
        return Draw(send(shares, alpha.device, alpha.dtype))

    @override
    def mean_gates(self, alpha: Tensor, cell: RelaxedCell) -> Tensor:
        """softmax(alpha); where no alpha is above 0 these are the distribution's means."""
        return live_softmax(alpha, cell)


def _shaken(alpha: Tensor, cell: RelaxedCell, generator: Generator) -> Tensor:
    """softmax((alpha + Gumbel noise) / temperature) over the live operations of every edge."""
    waiting = torch.empty(alpha.shape).exponential_(generator=generator)
    # An exponential number of 0 would give infinite noise; the authors of GDAS draw again.
    noise = -waiting.clamp_min(torch.finfo(waiting.dtype).tiny).log()
    return live_softmax(alpha + send(noise, alpha.device, alpha.dtype), cell)


def _still(alpha: Tensor, cell: RelaxedCell) -> Tensor:
    """softmax(alpha): how often each operation comes out, whatever the temperature."""
    return live_softmax(alpha, cell if cell.temperature == 1.0 else replace(cell, temperature=1.0))


@dataclass(frozen=True)
class Concrete(PerCell):
    """Shares of one from a concrete distribution, softmax((alpha + G) / temperature) (SNAS, arXiv:1812.09926, eq. 8).

    Every step draws one set of gates for all cells of a kind. Validation, selection and reports see softmax(alpha).

    Attributes:
        initial_mean: of the start values, the logarithms of the distribution's parameters; 1 in the authors' code.
        initial_scale: their standard deviation; 0.01 there.
    """

    initial_mean: float = 1.0
    initial_scale: float = 1e-2
    sums_to_one = True

    @override
    def initial_alpha(self, cell: RelaxedCell, generator: Generator) -> Tensor:
        """Normal numbers about the mean."""
        return self.initial_mean + self.initial_scale * torch.randn(cell.live.shape, generator=generator)

    @override
    def draw(self, alpha: Tensor, cell: RelaxedCell, generator: Generator, *, of_alpha: bool) -> Draw:
        return Draw(_shaken(alpha, cell, generator))

    @override
    def mean_gates(self, alpha: Tensor, cell: RelaxedCell) -> Tensor:
        """softmax(alpha), to which the gates tend on average as the temperature falls."""
        return _still(alpha, cell)


@dataclass(frozen=True)
class HardGumbel(SmallStart):
    """One operation an edge, drawn with probability softmax(alpha), and the only one that is run (GDAS).

    Its gate is 1 and has the gradient of softmax((log softmax(alpha) + G) / temperature). So have the gates of the
    others, of value 0, which join as numbers, since their operations are not run: the gradient of such a gate is the
    sum of that of the edge's output.

    Paper: arXiv:1910.04465, section 3.2, as in the authors' code.
    """

    sums_to_one = True
    draws = True

    @override
    def draw(self, alpha: Tensor, cell: RelaxedCell, generator: Generator, *, of_alpha: bool) -> Draw:
        # log softmax and softmax differ by a number an edge, which the softmax of the sum does not see.
        shares = _shaken(alpha, cell, generator)
        chosen = shares.argmax(dim=-1, keepdim=True)
        whole = torch.zeros_like(shares).scatter_(-1, chosen, 1.0)
        if not cell.is_whole:
            whole = whole * cell.live  # edges without operations draw none
        gates = whole + (shares - shares.detach())  # exactly 0 and 1
        columns = chosen[:, 0].tolist()
        active = tuple((column,) if live else () for column, live in zip(columns, cell.live_columns, strict=True))
        return Draw(gates, active, (gates * (1 - whole)).sum(dim=-1))

    @override
    def mean_gates(self, alpha: Tensor, cell: RelaxedCell) -> Tensor:
        """softmax(alpha), the probability of each operation."""
        return _still(alpha, cell)
