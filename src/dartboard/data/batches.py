"""Endless, shuffled or ordered batches of one part of a dataset, on the device."""

import copy
from collections.abc import Iterator
from functools import cached_property
from typing import NamedTuple

import torch
from torch import Tensor

from dartboard.data.augment import Augmentation
from dartboard.data.splits import ImageView
from dartboard.errors import DataError

__all__ = ["RESIDENT_BELOW_BYTES", "Batch", "Batches"]

RESIDENT_BELOW_BYTES = 4 * 2**30
"""Images that take less are copied to the device once; others are gathered on the host for each batch."""


class Batch(NamedTuple):
    """Images and labels for one step.

    Attributes:
        images: float32, shape (batch, channels, height, width), normalised, channels last in memory.
        labels: int64, shape (batch,).
    """

    images: Tensor
    labels: Tensor


class Batches:
    """The images of a view as batches.

    All randomness comes from the generator given to each method, a CPU generator; the same seed gives the same batches.

    Args:
        view: which images.
        augmentation: how they become the networks' input.
        batch_size: images per training batch; reduced to the number of images where that is smaller.
        device: where batches are made.

    Raises:
        DataError: `batch_size` is below 1.
    """

    def __init__(
        self, view: ImageView, augmentation: Augmentation, *, batch_size: int, device: torch.device | str
    ) -> None:
        if batch_size < 1:
            raise DataError(f"a batch cannot have {batch_size} images; use a batch_size of 1 or more.")
        self.view = view
        self.augmentation = augmentation
        self.batch_size = max(1, min(batch_size, len(view)))
        self.device = torch.device(device)
        images = view.image_set.images
        num_bytes = len(view) * images[:1].nbytes
        # Indexing by an array copies, so the tensor never shares memory with a read-only file mapping.
        self._resident = (
            torch.from_numpy(images[view.indices]).to(self.device) if num_bytes < RESIDENT_BELOW_BYTES else None
        )

    def __len__(self) -> int:
        """Training batches per epoch."""
        return len(self.view) // self.batch_size

    def enlarged(self, images: int) -> "Batches":
        """The same images in batches of so many more each, as far as there are images; they are not copied."""
        larger = copy.copy(self)
        larger.batch_size = max(1, min(self.batch_size + images, len(self.view)))
        return larger

    def epoch(self, generator: torch.Generator) -> Iterator[Batch]:
        """Training batches in random order, augmented; the images that do not fill the last batch are left out."""
        order = torch.randperm(len(self.view), generator=generator)
        for start in range(0, len(self) * self.batch_size, self.batch_size):
            there = order[start : start + self.batch_size]
            yield Batch(self.augmentation.train(self._gather(there), generator), self._labels_at(there))

    def forever(self, generator: torch.Generator) -> Iterator[Batch]:
        """Training batches of one epoch after another, each in a new order, without end.

        Raises:
            DataError: there are no images.
        """
        if not len(self.view):
            raise DataError("there are no images to draw batches from; the given part of the dataset is empty.")
        while True:
            yield from self.epoch(generator)

    def in_order(self, batch_size: int | None = None) -> Iterator[Batch]:
        """Every image once, in the order of the view and without augmentation; the last batch may be smaller.

        Args:
            batch_size: images per batch; None for that of training.
        """
        step = batch_size or self.batch_size
        for start in range(0, len(self.view), step):
            there = torch.arange(start, min(start + step, len(self.view)))
            yield Batch(self.augmentation.plain(self._gather(there)), self._labels_at(there))

    def images_in_order(self) -> Iterator[Tensor]:
        """The images of `in_order`, whether they have labels or not."""
        for start in range(0, len(self.view), self.batch_size):
            there = torch.arange(start, min(start + self.batch_size, len(self.view)))
            yield self.augmentation.plain(self._gather(there))

    @cached_property
    def _labels(self) -> Tensor:
        return torch.from_numpy(self.view.labels).to(self.device)

    def _labels_at(self, positions: Tensor) -> Tensor:
        return self._labels.index_select(0, positions.to(self.device, non_blocking=True))

    def _gather(self, positions: Tensor) -> Tensor:
        """Images, uint8 (batch, height, width, channels), at `positions` of the view, on the device."""
        if self._resident is not None:
            return self._resident.index_select(0, positions.to(self.device, non_blocking=True))
        images = self.view.image_set.images[self.view.indices[positions.numpy()]]
        return torch.from_numpy(images).to(self.device, non_blocking=True)
