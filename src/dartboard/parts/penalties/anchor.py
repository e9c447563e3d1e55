"""The penalty that keeps Dirichlet distributions near the uniform one."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from dartboard.parts.gradient import Tensors
from dartboard.parts.relaxation import Dirichlet, RelaxedCell, concentration

if TYPE_CHECKING:
    from dartboard.parts.recipe import Recipe

__all__ = ["DirichletAnchor"]


@dataclass(frozen=True)
class DirichletAnchor:
    """The divergence of every edge's Dirichlet distribution from the uniform one, summed (DrNAS, arXiv:2006.10355).

    With b = ELU(alpha) + 1 over the K live operations of an edge, KL(Dir(b) || Dir(1)) = lgamma(sum b) - sum lgamma(b)
    - lgamma(K) + sum (b - 1) (digamma(b) - digamma(sum b)).

    Attributes:
        weight: factor of the term.
    """

    weight: float = 1e-3

    def __call__(self, alphas: Tensors, cells: Mapping[str, RelaxedCell], progress: float) -> Tensor:  # noqa: ARG002
        """See the class."""
        return self.weight * torch.stack([_divergence(alphas[kind], cell) for kind, cell in cells.items()]).sum()

    def refuse_recipe(self, recipe: "Recipe") -> str:
        """The gates must come from a Dirichlet distribution."""
        if isinstance(recipe.relaxation, Dirichlet):
            return ""
        return (
            "DirichletAnchor holds Dirichlet distributions, and the gates of "
            f"{type(recipe.relaxation).__name__} come from none"
        )


def _divergence(alpha: Tensor, cell: RelaxedCell) -> Tensor:
    # An operation that an edge lacks gets 1, which adds nothing but to the sum of the concentrations.
    own = torch.where(cell.live, concentration(alpha), 1.0)
    count = cell.live.sum(dim=-1).to(own)
    total = (own * cell.live).sum(dim=-1)
    spread = ((own - 1) * (own.digamma() - total.clamp_min(1e-6).digamma()[:, None])).sum(dim=-1)
    each = total.clamp_min(1e-6).lgamma() - own.lgamma().sum(dim=-1) - count.clamp_min(1.0).lgamma() + spread
    return torch.where(count > 0, each, 0.0).sum()
