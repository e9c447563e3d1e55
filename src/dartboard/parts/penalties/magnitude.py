"""The penalty that holds operations without weights down at first."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor

from dartboard.parts.gradient import Tensors
from dartboard.parts.relaxation import RelaxedCell
from dartboard.space import has_weights

__all__ = ["FadingMagnitude"]


@dataclass(frozen=True)
class FadingMagnitude:
    """The sum of |alpha| over poolings and skip connections, with a weight that falls to 0 (CDARTS).

    The weight falls linearly from `weight` at the progress `start` to 0 at `end`. Paper: arXiv:2006.10724.

    Attributes:
        weight: factor of the term at first.
        start: progress at which alpha begins to learn.
        end: progress from which on there is no penalty.
    """

    weight: float = 5.0
    start: float = 2 / 32
    end: float = 0.25

    def __call__(self, alphas: Tensors, cells: Mapping[str, RelaxedCell], progress: float) -> Tensor:
        """See the class."""
        sums = [
            (alphas[kind].abs() * (cell.live & _held(cell.ops, cell.live.device))).sum() for kind, cell in cells.items()
        ]
        return self.factor(progress) * torch.stack(sums).sum()

    def factor(self, progress: float) -> float:
        """The weight at a progress."""
        left = (self.end - progress) / (self.end - self.start) if progress < self.end else 0.0
        return self.weight * min(1.0, left)


@cache
def _held(ops: tuple[str, ...], device: torch.device) -> Tensor:
    """Which operations have no weights and are not `none`, (operations,), bool; kept, so that no step waits."""
    return torch.tensor([not has_weights(name) and name != "none" for name in ops], device=device)
