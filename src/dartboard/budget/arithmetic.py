"""The arithmetic of a budget: sizes to choose from, and lengths of searches and trainings. Nothing is measured here.

A network is made larger only if it can still see every image often enough, and a supernet only if it can still take
enough steps. The remaining time goes to more epochs. `docs/budget.md` explains the reasons.
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
"""A training with time for fewer passes gets this many shorter epochs, or fewer where scoring would take too long."""

_SEARCH_EPOCHS = (10, 25, 50)
"""Epochs of a search: the fewest, the usual number, and the most."""

_STEPS_OF_AN_EPOCH = 15
"""Steps that each epoch of a short search should have, since the supernet is scored after every epoch."""

_PASSES, _PASSES_OF_SHORT_TRAININGS = (4, 0.8), (3, 0.5)
"""Passes over 50,000 images that a small network should make, and the power of the number of images by which others
need more or fewer."""

_SCORING_SHARE = 0.15
"""Share of the time of a search or a training that may go to the evaluations after its epochs."""

_MEASUREMENTS = 6
"""Largest number of sizes that are measured."""

_LARGEST_JUMP = 8
"""The next size to measure has at most this many times the work of the largest suitable size so far. A prediction may
be wrong, and the measurement that shows this must not take long."""

_GROWTH = 0.75
"""Power of the work by which the seconds of a step are assumed to grow until two sizes are measured: narrow networks
are bound by memory, wide ones by arithmetic."""


class Size(NamedTuple):
    """Width and depth of a network.

    Attributes:
        channels: channels of its first cells.
        layers: number of layers, as its space counts them.
    """

    channels: int
    layers: int


@dataclass(frozen=True)
class SearchRate:
    """The cost of a search at one size.

    Attributes:
        step: seconds of a step of alphas and weights.
        scoring: seconds of the supernet's evaluation after every epoch.
        available: steps in one pass over the images.
        memory: bytes that autograd keeps in a step.
        trials: seconds of all trials of the supernet for decisions, whatever the length of the search.
    """

    step: float
    scoring: float
    available: int
    memory: int
    trials: float = 0.0

    def scaled(self, factor: float) -> "SearchRate":
        """The cost if everything takes `factor` times as long."""
        return replace(self, step=self.step * factor, scoring=self.scoring * factor, trials=self.trials * factor)

    def seconds(self, length: Length, share: float) -> float:
        """Seconds of a search of this length without trials, if `share` of the present images evaluate the supernet."""
        steps = self.available if length.steps is None else length.steps
        return length.epochs * (steps * self.step + share * self.scoring)


@dataclass(frozen=True)
class TrainingRate:
    """The cost of a training at one size.

    Attributes:
        step: seconds of a step.
        image: seconds to evaluate one image.
        available: steps in one pass over the training images.
        memory: bytes that autograd keeps in a step.
    """

    step: float
    image: float
    available: int
    memory: int

    def limited(self, steps: int | None) -> "TrainingRate":
        """The cost of a training with at most `steps` steps in an epoch; None sets no limit."""
        return self if steps is None else replace(self, available=min(steps, self.available))

    def epoch(self, steps: int | None, scored: int) -> float:
        """Seconds of an epoch of `steps` steps (None: a whole pass) and the evaluation of `scored` images."""
        return min(steps or self.available, self.available) * self.step + scored * self.image

    def seconds(self, length: Length, scored: int) -> float:
        """Seconds of a training of this length, with an evaluation of `scored` images after every epoch."""
        return length.epochs * self.epoch(length.steps, scored)

    def scaled(self, factor: float) -> "TrainingRate":
        """The cost if everything takes `factor` times as long."""
        return replace(self, step=self.step * factor, image=self.image * factor)


def reserve(budget: float) -> float:
    """Seconds kept free for work that is not planned: starting Python, writing files, the report."""
    return 6.5 + 0.005 * budget


def training_sizes(space: SearchSpace) -> list[Size]:
    """Sizes of networks, from half the width of the small size to twice the larger of small and published width.

    Each size costs up to twice as much as the one before. Widths are multiples of 8, which suit the vector instructions
    of processors.

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
    """Sizes of supernets, from a quarter of the small width to the size in the papers, each about twice as costly."""
    small, fewest = space.small_size[0], space.skeleton.fewest_layers
    deep = max(fewest, min(8, space.reference_size[1]))
    steps = [(small // 4, fewest), (small // 2, fewest), (small // 2, (fewest + deep) // 2), (small, deep)]
    return list(dict.fromkeys(Size(channels, layers) for channels, layers in steps))


def wanted_passes(images: int, width: float = 1.0, *, short_recipe: bool = False) -> int:
    """How often a network should see every image: more often for fewer images, and for a wider network.

    In the same time, a network of cells of 16 channels with 4 passes over 50,000 images becomes as good as one of 8
    channels with 8 passes, and better than one of 24 channels with 2 passes (benchmarks/short_trainings.py). By the
    recipe of short trainings, wider networks pay with fewer passes (docs/budget.md).

    >>> wanted_passes(50_000), wanted_passes(50_000, 2.0), wanted_passes(3000), wanted_passes(100)
    (4, 8, 38, 60)
    >>> [wanted_passes(images, short_recipe=True) for images in (50_000, 3000, 100)]
    [3, 12, 60]

    Args:
        images: that the network learns from.
        width: of the network, in units of a small one of its space.
        short_recipe: whether it is trained by the recipe of short trainings.
    """
    passes, power = _PASSES_OF_SHORT_TRAININGS if short_recipe else _PASSES
    return max(2, round(min(60, passes * math.pow(50_000 / images, power)) * width))


def most_epochs(images: int) -> int:
    """The largest number of epochs that a training is planned for."""
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
    first: Size | None = None,
) -> tuple[Size, R]:
    """The largest size that is fast enough, found with few measurements; the smallest if no size is fast enough.

    The times of other sizes are predicted: a step takes a fixed time, and additional time in proportion to its work.

    Args:
        sizes: the sizes, in ascending order of work.
        work: gives the work of a size, such as multiply-adds.
        measure: measures the cost of a step at a size.
        enough: whether a size with this cost may be chosen.
        first: the size to measure first; None for the smallest.

    Returns:
        The chosen size, and its measured cost.
    """
    start = 0 if first is None else sizes.index(first)
    measured = {start: measure(sizes[start])}
    best, ceiling = (start, len(sizes)) if enough(sizes[start], measured[start]) else (-1, start)

    def foretold_enough(number: int) -> bool:
        """Whether a size is predicted to be fast enough, and is not much larger than the best size so far."""
        known = best if best >= 0 else ceiling
        wanted, worked = work(sizes[number]), work(sizes[known])
        if wanted > _LARGEST_JUMP * worked:
            return False
        foretold = _foretell({work(sizes[each]): rate.step for each, rate in measured.items()})
        return enough(sizes[number], measured[known].scaled(foretold(wanted) / foretold(worked)))

    while len(measured) < _MEASUREMENTS and best + 1 < ceiling:
        promising = [each for each in range(best + 1, ceiling) if foretold_enough(each)]
        if best >= 0 and not promising and len(measured) > 1:
            break
        tried = max(promising, default=best + 1)
        measured[tried] = measure(sizes[tried])
        if enough(sizes[tried], measured[tried]):
            best = tried
        else:
            ceiling = tried
    chosen = max(best, 0)
    return sizes[chosen], measured[chosen] if chosen in measured else measure(sizes[chosen])


def _foretell(seconds: dict[float, float]) -> Callable[[float], float]:
    """A function that predicts the seconds of a step from its work, on a line through the outer two measurements.

    With one measurement the seconds grow by a power of the work.

    Args:
        seconds: work -> measured seconds.
    """
    (first, first_seconds), (last, last_seconds) = min(seconds.items()), max(seconds.items())
    if last == first:
        return lambda work: first_seconds * (work / first) ** _GROWTH
    slope = (last_seconds - first_seconds) / (last - first)
    return lambda work: first_seconds + max(slope, 0.0) * (work - first)


def search_within(rate: SearchRate, seconds: float, *, epochs: int | None = None) -> tuple[Length, float]:
    """Epochs and steps of a search that may take `seconds`.

    Args:
        rate: cost of the search at its size.
        seconds: time for the whole search.
        epochs: number of epochs that the user gave, or None.

    Returns:
        The length of the search, and the share of the scoring images, at most 1, that leaves enough time for steps. The
        search takes less than `seconds` where it reaches the largest number of epochs of whole passes.
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
    """Epochs and steps of a training that may take `seconds`; epochs are shorter than a pass if time is short.

    Args:
        rate: cost of the training at its size.
        seconds: time for the whole training.
        images: number of training images.
        scored: number of images that are evaluated after every epoch.
        epochs: number of epochs that the user gave, or None.

    Returns:
        The length; its steps are None where every epoch is a whole pass.
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
