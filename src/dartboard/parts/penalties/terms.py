"""Penalties on the alphas themselves: they keep alphas small, alike or uniform, or push gates to 0 and 1."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Literal

import torch
from torch import Tensor
from typing_extensions import override

from dartboard.parts.demands import Slots
from dartboard.parts.gradient import Tensors
from dartboard.parts.penalties.protocol import Penalty
from dartboard.parts.relaxation import Dirichlet, RelaxedCell, Sigmoid, concentration
from dartboard.space import has_weights

__all__ = ["BetaDecay", "DirichletAnchor", "DirichletDistance", "FadingMagnitude", "ZeroOne"]


@dataclass(frozen=True)
class BetaDecay(Penalty):
    """The mean over all edges of log sum exp(alpha), with a weight that grows over the search (beta-DARTS).

    The weight is `weight` * progress: 0 in the first epoch, nearly `weight` in the last. An edge's term has the
    gradient softmax(alpha) / edges. The mean runs over the edges of all kinds of cells, the sum over the live
    operations of an edge. Paper: arXiv:2203.01665, with the schedule of the authors' code.

    Attributes:
        weight: factor of the term after the last epoch.
    """

    weight: float = 25.0

    @override
    def __call__(self, alphas: Tensors, cells: Mapping[str, RelaxedCell], progress: float) -> Tensor:
        terms = torch.cat([_edge_terms(alphas[kind], cell) for kind, cell in cells.items()])
        edges = torch.cat([cell.live.any(dim=1) for cell in cells.values()])
        return self.weight * progress * terms.sum() / edges.sum()


def _edge_terms(alpha: Tensor, cell: RelaxedCell) -> Tensor:
    """Log sum exp of alpha over the live operations of every edge, (edges,); 0 for edges without live operations."""
    if cell.is_whole:
        return alpha.logsumexp(dim=1)
    # The lowest finite number instead of -inf: a row without a live operation must not become NaN.
    live = alpha.masked_fill(~cell.live, torch.finfo(alpha.dtype).min)
    return live.logsumexp(dim=1) * cell.live.any(dim=1)


@dataclass(frozen=True)
class DirichletAnchor(Penalty):
    """The divergence of every edge's Dirichlet distribution from the uniform one, summed (DrNAS, arXiv:2006.10355).

    With b = ELU(alpha) + 1 over the K live operations of an edge, KL(Dir(b) || Dir(1)) = lgamma(sum b) - sum lgamma(b)
    - lgamma(K) + sum (b - 1) (digamma(b) - digamma(sum b)).

    Attributes:
        weight: factor of the term.
    """

    weight: float = 1e-3

    @override
    def __call__(self, alphas: Tensors, cells: Mapping[str, RelaxedCell], progress: float) -> Tensor:
        return self.weight * torch.stack([_divergence(alphas[kind], cell) for kind, cell in cells.items()]).sum()

    def refuse_recipe(self, recipe: Slots) -> str:
        """Refuse relaxations other than `Dirichlet`."""
        return _refuse_others("DirichletAnchor", recipe)


@dataclass(frozen=True)
class DirichletDistance(Penalty):
    """The Euclidean distance of every edge's concentrations from 1, summed (DrNAS, arXiv:2006.10355, eq. 3).

    It is the distance that the paper writes, not its square; at the uniform distribution its gradient is 0.

    Attributes:
        weight: factor of the term; the paper prints none.
    """

    weight: float = 1e-3

    @override
    def __call__(self, alphas: Tensors, cells: Mapping[str, RelaxedCell], progress: float) -> Tensor:
        away = [((concentration(alphas[kind]) - 1) * cell.live).norm(dim=-1).sum() for kind, cell in cells.items()]
        return self.weight * torch.stack(away).sum()

    def refuse_recipe(self, recipe: Slots) -> str:
        """Refuse relaxations other than `Dirichlet`."""
        return _refuse_others("DirichletDistance", recipe)


def _refuse_others(name: str, recipe: Slots) -> str:
    if isinstance(recipe.relaxation, Dirichlet):
        return ""
    return (
        f"{name} needs gates from a Dirichlet distribution, and the gates of {type(recipe.relaxation).__name__} come "
        "from another source"
    )


def _divergence(alpha: Tensor, cell: RelaxedCell) -> Tensor:
    # An operation that an edge lacks gets the concentration 1, for which its terms are 0.
    own = torch.where(cell.live, concentration(alpha), 1.0)
    count = cell.live.sum(dim=-1).to(own)
    total = (own * cell.live).sum(dim=-1)
    spread = ((own - 1) * (own.digamma() - total.clamp_min(1e-6).digamma()[:, None])).sum(dim=-1)
    each = total.clamp_min(1e-6).lgamma() - own.lgamma().sum(dim=-1) - count.clamp_min(1.0).lgamma() + spread
    return torch.where(count > 0, each, 0.0).sum()


@dataclass(frozen=True)
class FadingMagnitude(Penalty):
    """The sum of |alpha| over poolings and skip connections, with a weight that falls to 0 (CDARTS).

    The weight falls linearly from `weight` at the progress `start` to 0 at the progress `end`. Progress is the share of
    the epochs that are done. Paper: arXiv:2006.10724.

    Attributes:
        weight: factor of the term until the progress `start`.
        start: progress at which alpha begins to learn.
        end: progress from which on there is no penalty.
    """

    weight: float = 5.0
    start: float = 2 / 32
    end: float = 0.25

    @override
    def __call__(self, alphas: Tensors, cells: Mapping[str, RelaxedCell], progress: float) -> Tensor:
        sums = [
            (alphas[kind].abs() * (cell.live & _held(cell.ops, cell.live.device))).sum() for kind, cell in cells.items()
        ]
        return self.factor(progress) * torch.stack(sums).sum()

    def factor(self, progress: float) -> float:
        """The factor of the term at a progress."""
        left = (self.end - progress) / (self.end - self.start) if progress < self.end else 0.0
        return self.weight * min(1.0, left)


@cache
def _held(ops: tuple[str, ...], device: torch.device) -> Tensor:
    """Which operations have no weights and are not `none`, (operations,), bool; cached, so that no step waits."""
    return torch.tensor([not has_weights(name) and name != "none" for name in ops], device=device)


@dataclass(frozen=True)
class ZeroOne(Penalty):
    """Minus the mean distance of sigmoid(alpha) from 1/2, which pushes gates to 0 or 1 (Fair DARTS).

    A threshold then changes the gates little. The mean runs over the live operations of all kinds of cells. Paper:
    arXiv:1911.12126, the zero-one loss.

    Attributes:
        weight: factor of the term; 10 in the authors' code.
        distance: "l2" squares the distance, "l1" takes its absolute value.
    """

    weight: float = 10.0
    distance: Literal["l2", "l1"] = "l2"

    @override
    def __call__(self, alphas: Tensors, cells: Mapping[str, RelaxedCell], progress: float) -> Tensor:
        sums = torch.stack([(self._distances(alphas[kind]) * cell.live).sum() for kind, cell in cells.items()])
        counts = torch.stack([cell.live.sum() for cell in cells.values()])
        return -self.weight * sums.sum() / counts.sum()

    def refuse_recipe(self, recipe: Slots) -> str:
        """Refuse relaxations other than `Sigmoid`."""
        if isinstance(recipe.relaxation, Sigmoid):
            return ""
        return (
            f"ZeroOne pushes sigmoids to 0 or 1, and the gates of {type(recipe.relaxation).__name__} are not sigmoids"
        )

    def _distances(self, alpha: Tensor) -> Tensor:
        from_half = alpha.sigmoid() - 0.5
        return from_half.square() if self.distance == "l2" else from_half.abs()
