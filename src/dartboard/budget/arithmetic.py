"""The arithmetic of a budget: sizes to choose from, and how long a search or training may be; nothing is measured here.

The reasoning, which `docs/budget.md` tells at length: a network should see every image often enough before it is made
larger; a supernet should take enough steps before it is; and what neither needs goes to more epochs.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, Protocol, Self, TypeVar

from dartboard.runs import Length
from dartboard.space import SearchSpace

__all__ = [
    "LEAST_EPOCHS",
    "LEAST_STEPS",
    "SEARCH_STEPS",
    "TRAIN_EPOCHS",
    "SearchRate",
    "Size",
    "TrainingRate",
    "choose_size",
    "most_epochs",
    "reserve",
    "search_sizes",
    "search_within",
    "training_sizes",
    "training_within",
    "wanted_passes",
]

SEARCH_STEPS = 500
"""Steps that a supernet should take before a larger one is worth its time (benchmarks/collapse.py has as many)."""

LEAST_EPOCHS, LEAST_STEPS = 3, 5
"""A training of fewer epochs than these, or of fewer steps in each, is refused."""

TRAIN_EPOCHS = 8
"""A training that has time for fewer passes gets this many epochs of parts of passes, as far as scoring them allows."""

_SEARCH_EPOCHS = (10, 25, 50)
"""Epochs of a search: the fewest, as many as it usually has, and the most."""

_STEPS_OF_AN_EPOCH = 15
"""Steps that an epoch of a search should have where time is short, since the supernet is scored after every epoch."""

_SCORING_SHARE = 0.15
"""Share of its time that a search or a training may spend on the scores after its epochs."""

_MEASUREMENTS = 6
"""Sizes that are measured at most."""

_LARGEST_JUMP = 8
"""The next size to be measured has at most this many times the work of the largest one measured: a guess may be wrong,
and finding that out must not take long."""


class Size(NamedTuple):
    """Width and depth of a network.

    Attributes:
        channels: of its first cells.
        layers: as its space counts.
    """

    channels: int
    layers: int


@dataclass(frozen=True)
class SearchRate:
    """What a search of some size costs.

    Attributes:
        step: seconds of a step of alpha and weights.
        scoring: seconds for the supernet's score after every epoch.
        available: steps in a pass over its images.
        memory: bytes that a step keeps.
    """

    step: float
    scoring: float
    available: int
    memory: int

    def scaled(self, factor: float) -> "SearchRate":
        """The same on a machine, or of a size, that takes `factor` times as long."""
        return replace(self, step=self.step * factor, scoring=self.scoring * factor)

    def seconds(self, length: Length, share: float) -> float:
        """Seconds of a search of that length, scored on `share` of the images that score the supernet now."""
        steps = self.available if length.steps is None else length.steps
        return length.epochs * (steps * self.step + share * self.scoring)


@dataclass(frozen=True)
class TrainingRate:
    """What training a network of some size costs.

    Attributes:
        step: seconds of a step.
        image: seconds to evaluate an image.
        available: steps in a pass over the training images.
        memory: bytes that a step keeps.
    """

    step: float
    image: float
    available: int
    memory: int

    def limited(self, steps: int | None) -> "TrainingRate":
        """The rate of a training whose epochs have at most `steps` steps; None sets no bound."""
        return self if steps is None else replace(self, available=min(steps, self.available))

    def epoch(self, steps: int | None, scored: int) -> float:
        """Seconds of an epoch of `steps`, or of a pass, and the evaluation of `scored` images."""
        return min(steps or self.available, self.available) * self.step + scored * self.image

    def seconds(self, length: Length, scored: int) -> float:
        """Seconds of a training of that length, with the evaluation of `scored` images after every epoch."""
        return length.epochs * self.epoch(length.steps, scored)

    def scaled(self, factor: float) -> "TrainingRate":
        """The same on a machine, or of a size, that takes `factor` times as long."""
        return replace(self, step=self.step * factor, image=self.image * factor)


def reserve(budget: float) -> float:
    """Seconds kept for what is not planned: starting Python, writing, the report."""
    return 3.0 + 0.02 * budget


def training_sizes(space: SearchSpace) -> list[Size]:
    """Networks from half the width of a small one to twice that of the published one, each up to twice as costly.

    Widths are multiples of 8, as the vectors of processors are.

    >>> from dartboard.space import get_space
    >>> [tuple(size) for size in training_sizes(get_space("nas-bench-201"))][:5]
    [(8, 1), (16, 1), (16, 2), (24, 2), (24, 3)]
    """
    (small, shallow), (reference, deep) = space.small_size, space.reference_size
    widest = 2 * max(small, reference)
    count = 1 + math.ceil(math.log((widest / (small / 2)) ** 2 * deep / shallow, 1.5))
    sizes: list[Size] = []
    for number in range(count):
        share = number / (count - 1)
        channels = 8 * max(1, round(small / 2 * (widest / (small / 2)) ** share / 8))
        wanted = max(0.0, share - 0.4) / 0.6
        size = Size(channels, round(shallow * (deep / shallow) ** wanted))
        if size not in sizes:
            sizes.append(size)
    return sizes


def search_sizes(space: SearchSpace) -> list[Size]:
    """Supernets from a quarter of the small width to the papers' own size, each about twice as costly."""
    small, fewest = space.small_size[0], space.skeleton.fewest_layers
    deep = max(fewest, min(8, space.reference_size[1]))
    steps = [(small // 4, fewest), (small // 2, fewest), (small // 2, (fewest + deep) // 2), (small, deep)]
    return list(dict.fromkeys(Size(channels, layers) for channels, layers in steps))


def wanted_passes(images: int, channels: int = 16) -> int:
    """How often a network should see every image: the more, the fewer there are, and the wider it is.

    In equal time a network of 16 channels after 4 passes over 50,000 images is as good as one of 8 after 8, and better
    than one of 24 after 2 (benchmarks/short_trainings.py).

    >>> wanted_passes(50_000), wanted_passes(50_000, 32), wanted_passes(3000), wanted_passes(100)
    (4, 8, 38, 60)
    """
    return max(2, round(min(60, 4 * math.pow(50_000 / images, 0.8)) * channels / 16))


def most_epochs(images: int) -> int:
    """The most passes that are planned."""
    return max(60, 6 * wanted_passes(images))


class _Rate(Protocol):
    @property
    def step(self) -> float: ...

    def scaled(self, factor: float) -> Self: ...


R = TypeVar("R", bound=_Rate)


def choose_size(
    sizes: Sequence[Size],
    work: Callable[[Size], float],
    measure: Callable[[Size], R],
    enough: Callable[[Size, R], bool],
) -> tuple[Size, R]:
    """The largest size that is fast enough, found with few measurements; the smallest if none is.

    What is not measured is foretold: a step takes a fixed time, and time in proportion to its work.

    Args:
        sizes: in ascending order of work.
        work: of a size, such as multiply-adds.
        measure: a step of a size.
        enough: whether a size with such steps may be taken.
    """

    def foretold_enough(number: int, best: int) -> bool:
        """Whether a size is foretold to be enough, and is no great jump from the best one measured."""
        wanted, known = work(sizes[number]), work(sizes[best])
        if wanted > _LARGEST_JUMP * known:
            return False
        foretold = _foretell({work(sizes[each]): rate.step for each, rate in measured.items()})
        return enough(sizes[number], measured[best].scaled(foretold(wanted) / foretold(known)))

    measured = {0: measure(sizes[0])}
    best = 0 if enough(sizes[0], measured[0]) else -1
    ceiling = len(sizes)
    while best >= 0 and len(measured) < _MEASUREMENTS and best + 1 < ceiling:
        promising = [each for each in range(best + 1, ceiling) if foretold_enough(each, best)]
        if not promising and len(measured) > 1:
            break
        tried = max(promising, default=best + 1)
        measured[tried] = measure(sizes[tried])
        if enough(sizes[tried], measured[tried]):
            best = tried
        else:
            ceiling = tried
    chosen = max(best, 0)
    return sizes[chosen], measured[chosen]


def _foretell(seconds: dict[float, float]) -> Callable[[float], float]:
    """Seconds of a step by its work: in proportion, or with two measurements along the line through the outer ones."""
    (first, first_seconds), (last, last_seconds) = min(seconds.items()), max(seconds.items())
    slope = (last_seconds - first_seconds) / (last - first) if last > first else first_seconds / first
    return lambda work: first_seconds + max(slope, 0.0) * (work - first)


def search_within(rate: SearchRate, seconds: float, *, epochs: int | None = None) -> tuple[Length, float]:
    """Epochs and steps of a search that has `seconds`.

    Args:
        rate: of its size.
        seconds: for all of it.
        epochs: that are asked for.

    Returns:
        The length, which takes less time than given where the images give no more steps. And the share of the scoring
        images, at most 1, that leaves enough time for steps.
    """
    least, usual, most = _SEARCH_EPOCHS
    affordable = math.floor(seconds / (_STEPS_OF_AN_EPOCH * rate.step))
    number = epochs or max(least, min(usual, affordable))
    share = min(1.0, _SCORING_SHARE * seconds / number / rate.scoring) if rate.scoring else 1.0
    scoring = share * rate.scoring
    steps = max(1, math.floor((seconds / number - scoring) / rate.step))
    if steps >= rate.available:
        steps, whole = rate.available, rate.available * rate.step + scoring
        number = epochs or min(most, max(least, math.floor(seconds / whole)))
    return Length(number, steps), share


def training_within(
    rate: TrainingRate, seconds: float, *, images: int, scored: int, epochs: int | None = None
) -> Length:
    """Epochs of a training that has `seconds`; they are parts of passes where there is time for too few whole ones.

    Args:
        rate: of its size.
        seconds: for all of it.
        images: that it learns from.
        scored: images that are evaluated after every epoch.
        epochs: that are asked for.
    """
    whole, scoring = rate.epoch(None, scored), scored * rate.image
    number = epochs or min(math.floor(seconds / whole), most_epochs(images))
    if epochs or number >= TRAIN_EPOCHS:
        return Length(number, None)
    number = TRAIN_EPOCHS
    if scoring:
        number = max(LEAST_EPOCHS, math.floor(min(number, _SCORING_SHARE * seconds / scoring)))
    number = max(LEAST_EPOCHS, min(number, math.floor(seconds / rate.epoch(LEAST_STEPS, scored))))
    steps = max(1, min(rate.available, math.floor((seconds / number - scoring) / rate.step)))
    return Length(number, steps)
