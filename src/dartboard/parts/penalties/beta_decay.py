"""The penalty that keeps alphas small and alike."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from dartboard.parts.gradient import Tensors
from dartboard.parts.relaxation import RelaxedCell

__all__ = ["BetaDecay"]


@dataclass(frozen=True)
class BetaDecay:
    """The mean over all edges of log sum exp(alpha), with a weight that grows over the search (beta-DARTS).

    The weight is `weight` * progress: 0 in the first epoch, nearly `weight` in the last. An edge's term has the
    gradient softmax(alpha) / edges. The mean runs over the edges of all kinds of cells, the sum over the live
    operations of an edge. Paper: arXiv:2203.01665, with the schedule of the authors' code.

    Attributes:
        weight: factor of the term after the last epoch.
    """

    weight: float = 25.0

    def __call__(self, alphas: Tensors, cells: Mapping[str, RelaxedCell], progress: float) -> Tensor:
        """See the class."""
        terms = torch.cat([_edge_terms(alphas[kind], cell) for kind, cell in cells.items()])
        edges = torch.cat([cell.live.any(dim=1) for cell in cells.values()])
        return self.weight * progress * terms.sum() / edges.sum()


def _edge_terms(alpha: Tensor, cell: RelaxedCell) -> Tensor:
    """Log sum exp over the live operations, (edges,); 0 for edges without any."""
    if cell.is_whole:
        return alpha.logsumexp(dim=1)
    # The lowest finite number instead of -inf: a row without a live operation must not become NaN.
    live = alpha.masked_fill(~cell.live, torch.finfo(alpha.dtype).min)
    return live.logsumexp(dim=1) * cell.live.any(dim=1)
