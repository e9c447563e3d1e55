"""Gates drawn by the Gumbel trick: soft, or one operation an edge with a straight-through gradient."""

from dataclasses import dataclass, replace

import torch
from torch import Generator, Tensor

from dartboard.devices.sending import send
from dartboard.parts.relaxation.protocol import Draw, RelaxedCell, SmallStart
from dartboard.parts.relaxation.softmax import live_softmax

__all__ = ["Concrete", "HardGumbel"]


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
class Concrete:
    """Shares of one from a concrete distribution, softmax((alpha + G) / temperature) (SNAS, arXiv:1812.09926, eq. 8).

    Every step draws one set of gates for all cells of a kind. Validation, selection and reports see softmax(alpha).

    Attributes:
        initial_mean: of the start values, the logarithms of the distribution's parameters; 1 in the authors' code.
        initial_scale: their standard deviation; 0.01 there.
    """

    initial_mean: float = 1.0
    initial_scale: float = 1e-2
    sums_to_one = True
    draws = False
    on_simplex = False

    def initial_alpha(self, cell: RelaxedCell, generator: Generator) -> Tensor:
        """Normal numbers about the mean."""
        return self.initial_mean + self.initial_scale * torch.randn(cell.live.shape, generator=generator)

    def draw(self, alpha: Tensor, cell: RelaxedCell, generator: Generator, *, of_alpha: bool) -> Draw:  # noqa: ARG002 - both steps draw alike
        """See the class."""
        return Draw(_shaken(alpha, cell, generator))

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
    on_simplex = False

    def draw(self, alpha: Tensor, cell: RelaxedCell, generator: Generator, *, of_alpha: bool) -> Draw:  # noqa: ARG002 - both steps draw alike
        """See the class."""
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

    def mean_gates(self, alpha: Tensor, cell: RelaxedCell) -> Tensor:
        """softmax(alpha), the probability of each operation."""
        return _still(alpha, cell)
