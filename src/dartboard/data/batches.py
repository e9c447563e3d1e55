"""Endless, shuffled or ordered batches of one part of a dataset, on the device."""

import copy
import os
from collections.abc import Generator, Iterable, Iterator
from contextlib import closing
from functools import cached_property
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from dartboard.data.ahead import map_ahead
from dartboard.data.augmentation import Augmentation
from dartboard.data.splits import ImageView
from dartboard.devices.sending import send
from dartboard.errors import DataError

__all__ = ["RESIDENT_BELOW_BYTES", "Batch", "Batches"]

RESIDENT_BELOW_BYTES = 4 * 2**30
"""Images that take less are copied to the device once; others are gathered on the host for each batch."""

_SHARE_OF_MEMORY = 8
"""On the CPU, images may take at most one eighth of the memory, since a search holds up to three parts of a dataset."""


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

    Images that are not on the device are read ahead by threads. Random numbers are drawn by the caller's thread, when a
    batch is asked for; the threads only copy bytes, so batches do not depend on them.

    Args:
        view: which images.
        augmentation: how they become the networks' input.
        batch_size: images per training batch; reduced to the number of images where that is smaller.
        device: where batches are made.
        balanced: draw every class that the view has equally often in training batches, with repetitions.
        memory_mib: images that take so many MiB or more are not kept on the device; None for 4096, but on the CPU not
            more than an eighth of the machine's memory.
        workers: threads that read ahead; None for two, or one on a single core; 0 for none.

    Raises:
        DataError: `batch_size` is below 1.
    """

    def __init__(
        self,
        view: ImageView,
        augmentation: Augmentation,
        *,
        batch_size: int,
        device: torch.device | str,
        balanced: bool = False,
        memory_mib: int | None = None,
        workers: int | None = None,
    ) -> None:
        if batch_size < 1:
            raise DataError(f"a batch cannot have {batch_size} images; use a batch_size of 1 or more.")
        self.view = view
        self.balanced = balanced
        self.augmentation = augmentation
        self.batch_size = max(1, min(batch_size, len(view)))
        self.device = torch.device(device)
        self._workers = min(2, os.cpu_count() or 1) if workers is None else workers
        num_bytes = len(view) * view.image_set.images[:1].nbytes
        limit = _resident_below(self.device) if memory_mib is None else memory_mib * 2**20
        # What is read is a copy, so the tensor never shares memory with a read-only file mapping.
        self._resident = (
            torch.from_numpy(view.image_set.read(view.indices)).to(self.device) if num_bytes < limit else None
        )

    def __len__(self) -> int:
        """Training batches per epoch."""
        return len(self.view) // self.batch_size

    def enlarged(self, images: int) -> "Batches":
        """The same images in larger batches; the images are not copied.

        Args:
            images: how many more images a batch has; no batch has more than there are images.
        """
        larger = copy.copy(self)
        larger.batch_size = max(1, min(self.batch_size + images, len(self.view)))
        return larger

    def draw_mirrored(self, generator: torch.Generator) -> Tensor:
        """Which images to mirror, half of them in the mean: bool, shape (images,), on the CPU."""
        return torch.rand(len(self.view), generator=generator) < 0.5

    def epoch(self, generator: torch.Generator, *, mirrored: Tensor | None = None, skipped: int = 0) -> Iterator[Batch]:
        """Training batches in random order, augmented; the images that do not fill the last batch are left out.

        Args:
            generator: of order and augmentation.
            mirrored: bool, shape (images of the view,), on the CPU: which ones are mirrored; None draws them.
            skipped: number of batches that are left out at the start; the others are those of the whole epoch.
        """
        order = self._order(generator)
        starts = range(skipped * self.batch_size, len(self) * self.batch_size, self.batch_size)
        for _ in range(skipped):
            self.augmentation.draw(self.batch_size, generator)
        with closing(self._gather(order[start : start + self.batch_size] for start in starts)) as gathered:
            for there, images in gathered:
                sides = None if mirrored is None else mirrored[there]
                yield Batch(self.augmentation.train(images, generator, sides), self._labels_at(there))

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
            batch_size: images per batch; None for the batch size of training.
        """
        with closing(self._gather(self._in_order(batch_size or self.batch_size))) as gathered:
            for there, images in gathered:
                yield Batch(self.augmentation.plain(images), self._labels_at(there))

    def images_in_order(self) -> Iterator[Tensor]:
        """The images of `in_order`, float32 (batch, channels, height, width), whether they have labels or not."""
        with closing(self._gather(self._in_order(self.batch_size))) as gathered:
            for _, images in gathered:
                yield self.augmentation.plain(images)

    def _in_order(self, batch_size: int) -> Iterator[Tensor]:
        starts = range(0, len(self.view), batch_size)
        return (torch.arange(start, min(start + batch_size, len(self.view))) for start in starts)

    def _order(self, generator: torch.Generator) -> Tensor:
        if not self.balanced:
            return torch.randperm(len(self.view), generator=generator)
        labels = self.view.labels
        # A class first, then one of its images: drawing images by weight would be limited to 2**24 of them.
        by_class = np.argsort(labels, kind="stable")
        _, starts, counts = np.unique(labels[by_class], return_index=True, return_counts=True)
        classes = torch.randint(len(counts), (len(labels),), generator=generator).numpy()
        share = torch.rand(len(labels), generator=generator, dtype=torch.float64).numpy()
        return torch.from_numpy(by_class[starts[classes] + (share * counts[classes]).astype(np.int64)])

    @cached_property
    def _labels(self) -> Tensor:
        return torch.from_numpy(self.view.labels).to(self.device)

    def _labels_at(self, positions: Tensor) -> Tensor:
        return self._labels.index_select(0, send(positions, self.device))

    def _gather(self, parts: Iterable[Tensor]) -> Generator[tuple[Tensor, Tensor]]:
        """Positions in the view, and the images at them, on the device; uint8 (batch, height, width, channels)."""
        if self._resident is not None:
            for there in parts:
                yield there, self._resident.index_select(0, send(there, self.device))
            return
        # Threads, not a DataLoader's processes, which are slower to start and to hand over what they read (see
        # benchmarks/streaming.py): reading needs no interpreter, an iterator may be abandoned at any step, and after a
        # kill or Ctrl-C no process is left.
        buffers = ((there, self._buffer(len(there))) for there in parts)
        with closing(map_ahead(self._fill, buffers, threads=self._workers, ahead=self._workers + 1)) as filled:
            for there, images in filled:
                yield there, send(images, self.device)

    def _buffer(self, images: int) -> Tensor:
        """Room for a batch on the host; copies to CUDA wait for nothing where it is pinned."""
        shape = self.view.image_set.images.shape[1:]
        return torch.empty(images, *shape, dtype=torch.uint8, pin_memory=self.device.type == "cuda")

    def _fill(self, item: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        there, buffer = item
        self.view.image_set.read(self.view.indices[there.numpy()], buffer.numpy())
        return there, buffer


def _resident_below(device: torch.device) -> int:
    if device.type != "cpu" or "SC_PHYS_PAGES" not in getattr(os, "sysconf_names", {}):
        return RESIDENT_BELOW_BYTES
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return min(RESIDENT_BELOW_BYTES, memory // _SHARE_OF_MEMORY)
