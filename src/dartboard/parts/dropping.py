"""What the batches of a search lose at random: paths of cells, values behind identities, squares of images."""

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
    """A batch with everything that was drawn for it, so that a loss on it depends only on weights and gates.

    Attributes:
        images: as in `Batch`, squares blanked.
        labels: as in `Batch`.
        paths: cell kind -> what multiplies the mixed output of every edge for each image, (batch, edges); empty where
            no path is dropped.
        values: what drops values behind identities; None where none is dropped.
        noise_seed: of what the supernet's operations draw; None where none draws.
    """

    images: Tensor
    labels: Tensor
    paths: Mapping[str, Tensor]
    values: SkipDropout | None
    noise_seed: int | None = None

    @property
    def options(self) -> dict[str, Any]:
        """What a supernet is told about the batch beside images and gates."""
        told = {"skip_dropout": self.values, "noise_seed": self.noise_seed}
        return {name: value for name, value in told.items() if value is not None}

    def gated(self, gates: Tensors) -> dict[str, Tensor]:
        """The gates, with 0 for the paths that this batch has lost."""
        dropped = dict(gates)
        for kind, mask in self.paths.items():
            weights = gates.get(f"{kind}.edges")
            dropped[f"{kind}.edges"] = mask if weights is None else weights * mask
        return dropped


@dataclass(frozen=True)
class Dropping:
    """What is dropped at random from the batches of an epoch, in steps of weights and alpha; never in validation.

    Attributes:
        paths: chance that an image loses the mixed output of an edge, in [0, 1); what stays is scaled by 1 / (1 -
            paths). All cells of a kind lose the same edges.
        squares: chance that an image loses a square about a random pixel, blanked to the mean colour.
        side: of the square, as a share of the image's shorter side.
        values: chance that a value behind an identity is dropped, on every edge others, in [0, 1) (`SkipDropout`).

    Raises:
        RecipeError: every path would be dropped.
    """

    paths: float = 0.0
    squares: float = 0.0
    side: float = 0.5
    values: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.paths < 1:
            raise RecipeError(f"paths dropped with a chance of {self.paths} leave no network; choose one below 1.")

    def __call__(self, batch: Batch, cells: Mapping[str, RelaxedCell], generator: torch.Generator) -> SeenBatch:
        """Draw on the CPU what a batch loses, and apply it on the device of the batch."""
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
        centres = centres.masked_fill(spared, -2 * side - 1)  # a square wholly outside of the image
        kept = outside_squares(send(centres, images.device), side, height, width)
        return images * kept.permute(0, 3, 1, 2)
