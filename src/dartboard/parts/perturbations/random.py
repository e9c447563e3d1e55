"""SDARTS-RS: gates shaken at random."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from dartboard.parts.gradient import Tensors
from dartboard.parts.perturbations.protocol import BoxPerturbation, Surroundings

__all__ = ["RandomPerturbation"]


@dataclass(frozen=True)
class RandomPerturbation(BoxPerturbation):
    """Uniform noise, drawn anew for every training batch (SDARTS-RS, arXiv:2002.05283).

    See `BoxPerturbation` for the attributes.
    """

    def shake(
        self,
        around: Surroundings,
        loss: Callable[[Tensors], Tensor],  # noqa: ARG002 - asks for none
        epsilon: float,
        generator: torch.Generator,
    ) -> dict[str, Tensor]:
        """A point drawn uniformly."""
        return around.uniform(epsilon, generator)
