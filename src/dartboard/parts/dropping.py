"""Random dropping in the batches of a search: paths of cells, values behind identities, squares of images."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor

from dartboard.data import Batch, outside_squares
from dartboard.devices.sending import send
from dartboard.errors import RecipeError
from dartboard.parts.gradient import Tensors
from dartboard.parts.relaxation import RelaxedCell
from dartboard.supernet import SkipDropout

__all__ = ["Dropping", "SeenBatch"]


class SeenBatch(NamedTuple):
    """A batch with all random numbers drawn for it, so that a loss on it depends only on weights and gates.

    Attributes:
        images: as in `Batch`, with the dropped squares blanked.
        labels: as in `Batch`.
        paths: cell kind -> factor of the mixed output of every edge for each image, (batch, edges); empty if no path is
            dropped.
        values: drops values behind identities; None if no value is dropped.
        noise_seed: seed of the random numbers that the supernet's operations draw; None if they draw none.
    """

    images: Tensor
    labels: Tensor
    paths: Mapping[str, Tensor]
    values: SkipDropout | None
    noise_seed: int | None = None

    @property
    def options(self) -> dict[str, Any]:
        """The arguments of a supernet for this batch, beside images and gates."""
        told = {"skip_dropout": self.values, "noise_seed": self.noise_seed}
        return {name: value for name, value in told.items() if value is not None}

    def gated(self, gates: Tensors) -> dict[str, Tensor]:
        """The gates, with `KIND.edges` multiplied by `paths`: 0 for the paths that this batch drops."""
        dropped = dict(gates)
        for kind, mask in self.paths.items():
            weights = gates.get(f"{kind}.edges")
            dropped[f"{kind}.edges"] = mask if weights is None else weights * mask
        return dropped


@dataclass(frozen=True)
class Dropping:
    """The random dropping in the batches of an epoch, in steps of weights and alpha; validation drops nothing.

    Attributes:
        paths: chance that an image loses the mixed output of an edge, in [0, 1). The outputs that stay are multiplied
            by 1 / (1 - paths). All cells of a kind lose the same edges.
        squares: chance that an image loses a square around a random pixel; the square is blanked to the mean colour.
        side: side of the square, as a share of the image's shorter side.
        values: chance that a value behind an identity is dropped, in [0, 1), drawn anew for every edge (`SkipDropout`).

    Raises:
        RecipeError: `paths` is not in [0, 1).
    """

    paths: float = 0.0
    squares: float = 0.0
    side: float = 0.5
    values: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.paths < 1:
            raise RecipeError(
                f"paths cannot be dropped with a chance of {self.paths}; choose a chance of at least 0 and below 1."
            )

    def __call__(self, batch: Batch, cells: Mapping[str, RelaxedCell], generator: torch.Generator) -> SeenBatch:
        """Draw the dropped parts of a batch on the CPU, and drop them on the device of the batch."""
        images = self._blanked(batch.images, generator) if self.squares else batch.images
        masks = {kind: self._mask(len(images), cell, generator) for kind, cell in cells.items() if self.paths}
        paths = {kind: send(mask, images.device) for kind, mask in masks.items()}
        seed = int(torch.randint(2**62, (), generator=generator)) if self.values else 0
        return SeenBatch(images, batch.labels, paths, SkipDropout(self.values, seed) if self.values else None)

    def _mask(self, batch: int, cell: RelaxedCell, generator: torch.Generator) -> Tensor:
        keep = 1.0 - self.paths
        return torch.empty(batch, len(cell.topology.edges)).bernoulli_(keep, generator=generator).div_(keep)

    def _blanked(self, images: Tensor, generator: torch.Generator) -> Tensor:
        batch, _, height, width = images.shape
        side = round(self.side * min(height, width))
        rows = torch.randint(height, (batch, 1), generator=generator)
        centres = torch.cat([rows, torch.randint(width, (batch, 1), generator=generator)], dim=1)
        spared = torch.rand(batch, 1, generator=generator) >= self.squares
        centres = centres.masked_fill(spared, -2 * side - 1)  # such a square lies wholly outside the image
        kept = outside_squares(send(centres, images.device), side, height, width)
        return images * kept.permute(0, 3, 1, 2)
