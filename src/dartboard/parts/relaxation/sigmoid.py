"""Operations that do not compete: sigmoid relaxations."""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from dartboard.parts.relaxation.protocol import Deterministic, RelaxedCell

__all__ = ["Sigmoid"]


@dataclass(frozen=True)
class Sigmoid(Deterministic):
    """A sigmoid for every operation by itself (Fair DARTS, arXiv:1911.12126; Single-DARTS, arXiv:2108.08128).

    Attributes:
        start: "half" starts every gate at 1/2 (alpha 0, Fair DARTS); "share" at 1/n on an edge of n operations (alpha
            -ln(n - 1); Single-DARTS names -ln 7 for its eight), so that the gates of an edge sum to one. A lone
            operation starts at 1/2 in either case: no finite alpha gives 1.
    """

    start: Literal["half", "share"] = "half"
    sums_to_one = False
    on_simplex = False

    def initial_alpha(self, cell: RelaxedCell, generator: torch.Generator) -> Tensor:  # noqa: ARG002 - no draw
        """The same number for all operations of an edge."""
        alpha = torch.zeros(cell.live.shape)
        if self.start == "half":
            return alpha
        others = cell.live.sum(dim=1, keepdim=True).cpu() - 1
        return alpha - others.clamp(min=1).log()

    def mean_gates(self, alpha: Tensor, cell: RelaxedCell) -> Tensor:
        """sigmoid(alpha), 0 for operations that an edge does not have."""
        return alpha.sigmoid() * cell.live
