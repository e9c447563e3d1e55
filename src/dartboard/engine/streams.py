"""What the steps of an epoch draw on: random numbers, and batches beside those that they are given."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch

from dartboard.data import Batch

__all__ = ["Feed", "Held", "Streams"]


@dataclass(frozen=True)
class Held:
    """A fixed place in memory for batches of one size.

    Attributes:
        batch: what lies there now.
    """

    batch: Batch

    @classmethod
    def of(cls, batch: Batch) -> "Held":
        """A new place for a batch and for others of its size."""
        return cls(Batch(*(part.clone() for part in batch)))

    def take(self, batch: Batch) -> None:
        """Put another batch there."""
        for place, part in zip(self.batch, batch, strict=True):
            place.copy_(part)


class Feed:
    """Endless batches, given as they come, or copied to fixed places in memory.

    Args:
        source: of the batches.
    """

    def __init__(self, source: Iterator[Batch]) -> None:
        self._source = source
        self._taken = 0
        self._places: list[Held] = []
        self._from_places: Iterator[Held] | None = None

    def __next__(self) -> Batch:
        if self._from_places is not None:
            place = next(self._from_places, None)
            if place is None:
                raise RuntimeError("a step takes more batches than the one before.")
            return place.batch
        self._taken += 1
        return next(self._source)

    def hold(self) -> None:
        """From now on give batches from fixed places, as many as were taken so far."""
        self._places = [Held.of(next(self._source)) for _ in range(self._taken)]
        self.rewind()

    def rewind(self) -> None:
        """Give the held batches again, from the first one on."""
        self._from_places = iter(self._places)

    def refill(self) -> None:
        """Put the next batches into the places."""
        for place in self._places:
            place.take(next(self._source))

    def release(self) -> None:
        """Give batches as they come again."""
        self._from_places = None

    def count_anew(self) -> None:
        """Forget how many batches were taken so far."""
        self._taken = 0


class Streams:
    """Random numbers and batches of one epoch, each from a generator of its own.

    Args:
        make: purpose -> generator.
        alphas: generator -> endless batches for alpha.
        weights: generator -> endless batches like those of the weights.
    """

    def __init__(
        self,
        make: Callable[[str], torch.Generator],
        alphas: Callable[[torch.Generator], Iterator[Batch]],
        weights: Callable[[torch.Generator], Iterator[Batch]],
    ) -> None:
        self.gates = make("gates")
        self.perturbation = make("perturbation")
        self.dropping = make("dropping")
        self.noise = make("noise")
        self.alphas = Feed(alphas(make("alpha-batches")))
        self.further = Feed(weights(make("further-batches")))

    def drawn_so_far(self) -> list[bytes]:
        """The state of the generators that decide what a step runs; it changes when a step draws."""
        generators = self.gates, self.perturbation, self.dropping, self.noise
        return [generator.get_state().numpy().tobytes() for generator in generators]

    @contextmanager
    def held(self) -> Iterator[None]:
        """A context in which batches lie in fixed places; as many can be taken as were taken so far."""
        for feed in (self.alphas, self.further):
            feed.hold()
        try:
            yield
        finally:
            for feed in (self.alphas, self.further):
                feed.release()

    def count_anew(self) -> None:
        """Forget how many batches were taken, as a new recording counts those of its own first step."""
        for feed in (self.alphas, self.further):
            feed.count_anew()

    def rewind(self) -> None:
        """Give the batches that are held once more."""
        for feed in (self.alphas, self.further):
            feed.rewind()

    def refill(self) -> None:
        """Copy the next batches to the places of the held ones."""
        for feed in (self.alphas, self.further):
            feed.refill()
