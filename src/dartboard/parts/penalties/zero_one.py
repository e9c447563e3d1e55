"""The penalty that pushes sigmoids to 0 or 1."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import torch
from torch import Tensor

from dartboard.parts.gradient import Tensors
from dartboard.parts.relaxation import RelaxedCell, Sigmoid

if TYPE_CHECKING:
    from dartboard.parts.recipe import Recipe

__all__ = ["ZeroOne"]


@dataclass(frozen=True)
class ZeroOne:
    """Minus the mean distance of sigmoid(alpha) from 1/2, so that a threshold loses little (Fair DARTS).

    The mean runs over the live operations of all kinds of cells. Paper: arXiv:1911.12126, its zero-one loss.

    Attributes:
        weight: factor of the term; 10 in the authors' code.
        distance: "l2" squares the distance, "l1" takes its absolute value.
    """

    weight: float = 10.0
    distance: Literal["l2", "l1"] = "l2"

    def __call__(self, alphas: Tensors, cells: Mapping[str, RelaxedCell], progress: float) -> Tensor:  # noqa: ARG002
        """See the class."""
        sums = torch.stack([(self._distances(alphas[kind]) * cell.live).sum() for kind, cell in cells.items()])
        counts = torch.stack([cell.live.sum() for cell in cells.values()])
        return -self.weight * sums.sum() / counts.sum()

    def refuse_recipe(self, recipe: "Recipe") -> str:
        """The gates must be sigmoids."""
        if isinstance(recipe.relaxation, Sigmoid):
            return ""
        return f"ZeroOne pushes sigmoids to 0 or 1, and the gates of {type(recipe.relaxation).__name__} are none"

    def _distances(self, alpha: Tensor) -> Tensor:
        from_half = alpha.sigmoid() - 0.5
        return from_half.square() if self.distance == "l2" else from_half.abs()
