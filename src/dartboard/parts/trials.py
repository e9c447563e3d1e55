"""Trials of a supernet without an operation or an edge, on as many images as the decision needs."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, NamedTuple, NoReturn, Protocol

import torch
from torch import Tensor
from torch.nn import functional

from dartboard.data import Batch, Batches
from dartboard.errors import SettingsError
from dartboard.parts.architecture import StepGates
from dartboard.runs import Contrast, ImagesBy

__all__ = [
    "FIRST_IMAGES",
    "NO_TRIALS",
    "Comparison",
    "DecisionImages",
    "Measure",
    "Trial",
    "TrialImages",
    "Trials",
    "Trying",
    "compare",
    "trial_batch",
]

Measure = Literal["accuracy", "loss"]
"""The measure of a supernet's quality on validation images."""

DecisionImages = int | Literal["all", "adaptive"]
"""How many images a decision rests on: a number; all that there are; or as many as it needs, `FIRST_IMAGES` first."""

FIRST_IMAGES = 2_000
"""Images of the first comparison of a decision that takes as many as it needs; with fewer, a decision is coarse."""

_LARGEST_BATCH = 256
_SURE = 2.0

_NO_IMAGES = (
    "this method scores the supernet without an operation on images that its weights have not seen, and there are "
    "none; give the dataset more images, or choose another method."
)


class TrialImages(NamedTuple):
    """The images on which decisions are made.

    Attributes:
        make: makes their batches, in a fixed order; called when the first decision is due, as they take memory.
        total: number of images there.
        by: "adaptive": a decision begins with the first `FIRST_IMAGES` and takes more where it needs them; else it
            takes all of them.
        coarse: whether they are fewer than a decision should rest on, because the user asked for so few.
    """

    make: Callable[[], Batches]
    total: int
    by: ImagesBy = "all"
    coarse: bool = False

    @property
    def first(self) -> int:
        """Images of the first comparison."""
        return min(FIRST_IMAGES, self.total) if self.by == "adaptive" else self.total


def trial_batch(images: int) -> int:
    """Size of equal batches, at most 256, into which so many images of a first comparison divide.

    >>> trial_batch(2000), trial_batch(256), trial_batch(300)
    (250, 256, 150)
    """
    return max(1, math.ceil(images / max(1, math.ceil(images / _LARGEST_BATCH))))


@dataclass(frozen=True)
class Trial:
    """The supernet with some gates, on the first images.

    Attributes:
        right: which images it classifies correctly, bool, (images,), on the CPU.
        total_loss: sum of the cross-entropies of the images, in nats.
    """

    right: Tensor
    total_loss: float

    @property
    def images(self) -> int:
        """Number of images."""
        return len(self.right)

    @cached_property
    def accuracy(self) -> float:
        """Share of the images that are classified correctly."""
        return int(self.right.sum()) / self.images

    @property
    def loss(self) -> float:
        """Mean cross-entropy per image in nats; infinite if it is no number."""
        mean = self.total_loss / self.images
        return math.inf if math.isnan(mean) else mean

    def quality(self, measure: Measure) -> tuple[float, float]:
        """The measure, then the other one, which breaks ties; larger is better."""
        return (self.accuracy, -self.loss) if measure == "accuracy" else (-self.loss, self.accuracy)

    def joined(self, further: "Trial") -> "Trial":
        """On these images and on further ones."""
        return Trial(torch.cat([self.right, further.right]), self.total_loss + further.total_loss)


_NOTHING = Trial(torch.zeros(0, dtype=torch.bool), 0.0)


class Trying(Protocol):
    """Tries gates in a supernet."""

    @property
    def images(self) -> TrialImages:
        """The images of the trials."""
        ...

    def __call__(self, tried: Sequence[StepGates], start: int, stop: int) -> list[Trial]:
        """A trial of each of the gates.

        Args:
            tried: gates, on any device, and which operations are run.
            start: number of the first image that counts.
            stop: number of the image after the last one; there may be fewer.

        Raises:
            SettingsError: there are no images at all.
        """
        ...


class Trials:
    """Tries gates in a supernet, with batch statistics and without gradients; all gates see the same batches.

    Args:
        supernet: called as supernet(images, gates), with `active` too if only some operations are run.
        images: on which it is tried.
        device: where everything runs.
    """

    def __init__(self, supernet: Callable[..., Tensor], images: TrialImages, device: torch.device) -> None:
        self.images = images
        self._supernet, self._device = supernet, device

    @cached_property
    def _batches(self) -> Batches:
        return self.images.make()

    @torch.no_grad()
    def __call__(self, tried: Sequence[StepGates], start: int, stop: int) -> list[Trial]:
        """A trial of each of the gates on the batches between two images; see `Trying`."""
        placed = [self._placed(each) for each in tried]
        right: list[list[Tensor]] = [[] for _ in tried]
        losses: list[list[Tensor]] = [[] for _ in tried]
        for batch in self._between(start, stop):
            for number, (gates, options) in enumerate(placed):
                logits = self._supernet(batch.images, gates, **options)
                right[number].append(logits.argmax(dim=1) == batch.labels)
                losses[number].append(functional.cross_entropy(logits, batch.labels, reduction="sum"))
        if right and not right[0] and not start:
            _refuse()
        return [
            Trial(torch.cat(own).cpu(), float(torch.stack(sums).cpu().double().sum())) if own else _NOTHING
            for own, sums in zip(right, losses, strict=True)
        ]

    def _placed(self, drawn: StepGates) -> tuple[dict[str, Tensor], dict[str, object]]:
        gates = {name: gate.to(self._device) for name, gate in drawn.gates.items()}
        return gates, {} if drawn.active is None else {"active": drawn.active}

    def _between(self, start: int, stop: int) -> Iterator[Batch]:
        """The batches that begin between two images."""
        begun = 0
        for batch in self._batches.in_order():
            if begun >= stop:
                return
            if begun >= start:
                yield batch
            begun += len(batch.labels)


class _NoTrials:
    """Stands where there are no images for trials."""

    images = TrialImages(lambda: _refuse(), 0)

    def __call__(self, tried: Sequence[StepGates], start: int, stop: int) -> list[Trial]:  # noqa: ARG002 - see `Trying`
        _refuse()


def _refuse() -> NoReturn:
    raise SettingsError(_NO_IMAGES)


NO_TRIALS: Trying = _NoTrials()
"""Tries nothing: there are no images."""


@dataclass(frozen=True)
class Comparison:
    """Candidates, what the supernet is without each, and their order.

    Attributes:
        untouched: the supernet with all of them, on the images of the first comparison.
        trials: without each candidate.
        order: numbers of the candidates; those that are chosen come first.
        border: number of candidates that are chosen.
        wants: "worst": the candidate without which the supernet is worst is chosen; "best": the other way round.
        measure: of the supernet's quality.
    """

    untouched: Trial
    trials: tuple[Trial, ...]
    order: tuple[int, ...]
    border: int
    wants: Literal["worst", "best"]
    measure: Measure

    @property
    def pair(self) -> tuple[int, int]:
        """The last candidate that is chosen, and the first that is not."""
        return self.order[self.border - 1], self.order[self.border]

    @property
    def contrast(self) -> Contrast:
        """How sure the border between the two is."""
        chosen, other = (self.trials[number].right for number in self.pair)
        if self.wants == "worst":
            chosen, other = other, chosen
        return Contrast.of(int((chosen & ~other).sum()), int((other & ~chosen).sum()), len(chosen))

    @property
    def tie(self) -> Literal["accuracy", "loss", "index"] | None:
        """What broke a tie between the two; None if there was none."""
        (first, then), (other_first, other_then) = (self.trials[each].quality(self.measure) for each in self.pair)
        if first != other_first:
            return None
        if then == other_then:
            return "index"
        return "loss" if self.measure == "accuracy" else "accuracy"


def compare(
    trying: Trying,
    untouched: StepGates,
    tried: Sequence[StepGates],
    *,
    wants: Literal["worst", "best"],
    measure: Measure,
    border: int = 1,
) -> Comparison:
    """Try the supernet without each of several candidates, and order them.

    Equal supernets are ordered by the other measure, and then by their numbers. Where the images are "adaptive", the
    two candidates at the border are compared on twice as many images again and again, until they differ by two standard
    errors or all images are used.

    Args:
        trying: tries gates.
        untouched: the gates with all candidates.
        tried: the gates without each candidate; at least two.
        wants: see `Comparison`.
        measure: of the supernet's quality.
        border: number of candidates that are chosen, less than there are.
    """
    whole, *trials = trying([untouched, *tried], 0, trying.images.first)
    sign = 1 if wants == "worst" else -1

    def ordered(numbers: Sequence[int]) -> list[int]:
        return sorted(numbers, key=lambda each: (*(sign * part for part in trials[each].quality(measure)), each))

    order = ordered(range(len(trials)))
    while True:
        found = Comparison(whole, tuple(trials), tuple(order), border, wants, measure)
        pair, seen = list(found.pair), trials[order[border]].images
        if trying.images.by != "adaptive" or seen >= trying.images.total or found.contrast.z >= _SURE:
            return found
        further = trying([tried[number] for number in pair], seen, 2 * seen)
        if not further[0].images:
            return found
        for number, more in zip(pair, further, strict=True):
            trials[number] = trials[number].joined(more)
        order[border - 1 : border + 1] = ordered(pair)
