"""One whole architecture a step, drawn uniformly."""

from dataclasses import dataclass, field

import torch
from torch import Generator, Tensor

from dartboard.devices.sending import send
from dartboard.parts.drawing import draw_uniformly
from dartboard.parts.relaxation.protocol import Draw, RelaxedCell
from dartboard.parts.relaxation.softmax import Softmax

__all__ = ["UniformPaths"]


@dataclass(frozen=True)
class UniformPaths:
    """The weights see one architecture a step, drawn uniformly among those that a search can end with.

    Its operations have the gate 1 and are the only ones that are run. Paper: random search with weight sharing (Li and
    Talwalkar, arXiv:1902.07638), section 3.2; SETN (arXiv:1910.05733).

    Attributes:
        learning: what alpha's own steps see, and what mean gates are: the mixture of all operations.
    """

    learning: Softmax = field(default_factory=Softmax)
    sums_to_one = True
    draws = True
    on_simplex = False

    def initial_alpha(self, cell: RelaxedCell, generator: Generator) -> Tensor:
        """As that of `learning`."""
        return self.learning.initial_alpha(cell, generator)

    def draw(self, alpha: Tensor, cell: RelaxedCell, generator: Generator, *, of_alpha: bool) -> Draw:
        """See the class."""
        if of_alpha:
            return self.learning.draw(alpha, cell, generator, of_alpha=True)
        chosen = draw_uniformly(cell.topology, cell.selectable_columns, generator)
        active = tuple((chosen[row],) if row in chosen else () for row in range(len(cell.topology.edges)))
        gates = [[float(column in columns) for column in range(len(cell.ops))] for columns in active]
        return Draw(send(torch.tensor(gates, dtype=alpha.dtype), alpha.device), active)

    def mean_gates(self, alpha: Tensor, cell: RelaxedCell) -> Tensor:
        """As those of `learning`."""
        return self.learning.mean_gates(alpha, cell)
