"""Gates drawn from a Dirichlet distribution."""

from dataclasses import dataclass

import torch
from torch import Generator, Tensor
from torch.nn import functional

from dartboard.devices.sending import send
from dartboard.parts.relaxation.protocol import Draw, RelaxedCell, SmallStart
from dartboard.parts.relaxation.softmax import live_softmax

__all__ = ["Dirichlet", "concentration"]


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
    draws = False
    on_simplex = False

    def draw(self, alpha: Tensor, cell: RelaxedCell, generator: Generator, *, of_alpha: bool) -> Draw:  # noqa: ARG002 - both steps draw alike
        """See the class."""
        # On the CPU, where the generator lives; in double precision, in which no gamma number is 0.
        gammas = torch._standard_gamma(concentration(alpha).cpu().double(), generator=generator)
        if not cell.is_whole:
            gammas = gammas * cell.live.cpu()
        total = gammas.sum(dim=-1, keepdim=True)
        shares = gammas / total.clamp_min(torch.finfo(gammas.dtype).tiny)  # edges without operations have none
        return Draw(send(shares, alpha.device, alpha.dtype))

    def mean_gates(self, alpha: Tensor, cell: RelaxedCell) -> Tensor:
        """softmax(alpha); where no alpha is above 0 these are the distribution's means."""
        return live_softmax(alpha, cell)
