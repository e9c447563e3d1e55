"""Scores architectures with the weights of a supernet."""

from collections.abc import Callable, Iterator
from itertools import islice

import torch
from torch import Tensor
from torch.nn import functional

from dartboard.data import Batch, Batches
from dartboard.errors import SettingsError
from dartboard.parts.architecture import StepGates
from dartboard.runs import Score, ScoreMeter
from dartboard.space import CellPlace
from dartboard.supernet import Reader

__all__ = ["NO_IMAGES", "Scorer"]

NO_IMAGES = (
    "this method tries architectures on validation images, and there are none; leave search.validation_images as it "
    "is, or give the dataset more images."
)
"""The error message when there are no images for trials."""


class Scorer:
    """Scores gates in a supernet on validation images, with batch statistics and without gradients.

    Args:
        supernet: the supernet. It is called as supernet(images, gates), with `active` too if only some operations are
            run.
        validation: the validation images; batches come in order and are not augmented.
        device: where everything runs.
        training: the images of the weights, augmented; None: there are none to watch.
    """

    def __init__(
        self,
        supernet: Callable[..., Tensor],
        validation: Batches,
        device: torch.device,
        training: Batches | None = None,
    ) -> None:
        self._supernet, self._validation, self._device = supernet, validation, device
        self._training = training

    @torch.no_grad()
    def __call__(self, drawn: StepGates, batches: int | None = None) -> Score | None:
        """The score, or None if there are no images.

        Args:
            drawn: gates, on any device, and which operations are run.
            batches: only so many of the first batches count; None: all.
        """
        meter = ScoreMeter(self._device)
        for batch in islice(self._validation.in_order(), batches):
            logits = self._logits(drawn, batch)
            meter.add(functional.cross_entropy(logits, batch.labels), logits, batch.labels)
        return meter.read()

    @torch.no_grad()
    def accuracy(self, drawn: StepGates, batch: Batch) -> Tensor:
        """The accuracy on one batch, as a fraction, a scalar tensor; the call does not wait for the device."""
        return (self._logits(drawn, batch).argmax(dim=1) == batch.labels).float().mean()

    @property
    def cell_kinds(self) -> dict[int, str]:
        """Place of every cell in the network -> its kind."""
        places = self._supernet.spec.plan.places  # type: ignore[attr-defined]
        return {number: place.kind for number, place in enumerate(places) if isinstance(place, CellPlace)}

    @torch.no_grad()
    def watch(self, drawn: StepGates, batch: Batch, read: Reader) -> None:
        """Run a batch, and hand the output of every operation of every cell to a reader."""
        gates = {name: gate.to(self._device) for name, gate in drawn.gates.items()}
        self._supernet.watched(batch.images, gates, drawn.active, read)  # type: ignore[attr-defined]

    def training_batches(self, generator: torch.Generator, batches: int) -> Iterator[Batch]:
        """So many batches of training images in a new order, as the weights see them; fewer if there are fewer."""
        return iter(()) if self._training is None else islice(self._training.epoch(generator), batches)

    def endless(self) -> Iterator[Batch]:
        """The validation images in batches, in order, over and over.

        Raises:
            SettingsError: there are no validation images.
        """
        while True:
            first = True
            for batch in self._validation.in_order():
                first = False
                yield batch
            if first:
                raise SettingsError(NO_IMAGES)

    def _logits(self, drawn: StepGates, batch: Batch) -> Tensor:
        gates = {name: gate.to(self._device) for name, gate in drawn.gates.items()}
        options = {} if drawn.active is None else {"active": drawn.active}
        return self._supernet(batch.images, gates, **options)
