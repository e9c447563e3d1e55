"""What a watch of a search is: something that is measured after epochs, and changes nothing."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, ClassVar, Literal

from dartboard.data import Batch, Batches
from dartboard.engine.stage import StageSearch
from dartboard.errors import SettingsError
from dartboard.parts.architecture import StepGates
from dartboard.parts.options import call_with_options
from dartboard.parts.recipe import Recipe
from dartboard.registry import Registry
from dartboard.runs import SearchEpoch, make_generator
from dartboard.space import SearchSpace

__all__ = [
    "WATCHES",
    "Chart",
    "Observation",
    "Probes",
    "Seen",
    "Watch",
    "make_watch",
    "mean_step",
    "rank_correlation",
    "watch",
]


@dataclass(frozen=True)
class Chart:
    """A chart of what a watch has found, for the report.

    Attributes:
        caption: what it shows and how it is read, in sentences.
        label: label of the vertical axis.
        figures: figures of the watch -> names of their curves. A figure that ends with "*" stands for all figures that
            begin so; each curve is named by the rest.
        percent: whether fractions are shown as percentages.
        against: what is on the horizontal axis instead of the epoch: "validation_accuracy" of the supernet, or
            "eigenvalue", the largest of the Hessian in alpha. Every point is one epoch.
    """

    caption: str
    label: str
    figures: Mapping[str, str]
    percent: bool = False
    against: Literal["epoch", "validation_accuracy", "eigenvalue"] = "epoch"


@dataclass(frozen=True)
class Seen:
    """What a watch has found after an epoch, as plain data.

    Attributes:
        figures: name -> number, the points of the curves; None where there is none.
        parts: rows of a table, such as one for every edge.
    """

    figures: Mapping[str, float | None]
    parts: Sequence[Mapping[str, Any]] = field(default=())


@dataclass(frozen=True)
class Observation:
    """What was found after one epoch, beside what the epoch itself recorded.

    Attributes:
        epoch: its number, from 1.
        figures: of the watch.
        validation_accuracy: of the supernet, as a fraction; None without validation images.
        eigenvalue: the largest of the Hessian in alpha; None where it was not measured.
    """

    epoch: int
    figures: Mapping[str, float | None]
    validation_accuracy: float | None = None
    eigenvalue: float | None = None


class Probes:
    """The batches that all measurements of a run look at: drawn once, from a generator of their own.

    Args:
        search: the stage that is watched, at any epoch of it.
        seed: of the run.
    """

    def __init__(self, search: StageSearch, seed: int) -> None:
        self._single_level = search.recipe.images == "same-batch"
        self._batches, self._seed = search.batches, seed
        self._kept: dict[str, list[Batch]] = {}

    def training(self, number: int = 1) -> list[Batch]:
        """Batches of the images on which the weights learn, of the batch size of the search."""
        return self._take("weights", self._batches.weights, number)

    def validation(self, number: int = 1) -> list[Batch]:
        """Batches of the images on which alpha learns; those of `training` where both learn from the same batch."""
        return self.training(number) if self._single_level else self._take("alphas", self._batches.alphas, number)

    def _take(self, name: str, batches: Batches, number: int) -> list[Batch]:
        if len(self._kept.get(name, ())) < number:
            drawn = batches.forever(make_generator(self._seed, "watch", name))
            self._kept[name] = list(islice(drawn, number))
        return self._kept[name][:number]


class Watch:
    """Measures something after an epoch. It leaves weights, alphas, optimisers and generators as they are.

    Attributes:
        title: its headline in the report.
        charts: what of it is drawn.
        reads_records: whether it only reads what an epoch has recorded, so that it can measure earlier epochs later on.
    """

    title: ClassVar[str] = ""
    reads_records: ClassVar[bool] = False
    charts: ClassVar[tuple[Chart, ...]] = ()

    def refuse(self, space: SearchSpace, recipe: Recipe) -> None:
        """Raise SettingsError where there is nothing to measure in the space, or with the method."""

    def measure(self, search: StageSearch, epoch: SearchEpoch, probes: Probes) -> Seen | None:
        """What is found after an epoch; None where this epoch has nothing to measure.

        Args:
            search: the stage, as the epoch has left it.
            epoch: what the epoch has recorded.
            probes: the batches to look at.
        """
        raise NotImplementedError

    def conclude(self, seen: Sequence[Observation]) -> dict[str, float | int | str | None]:  # noqa: ARG002
        """What all epochs say together: a name in words -> a figure; None where it is not defined."""
        return {}


WATCHES: Registry[Callable[..., Watch]] = Registry("watch", "dartboard.watches", gives=Watch)


def watch(name: str, *, paper: str = "") -> Callable[[Callable[..., Watch]], Callable[..., Watch]]:
    """Register the decorated function as the watch `name`; its keyword arguments are the watch's options."""

    def register(factory: Callable[..., Watch]) -> Callable[..., Watch]:
        WATCHES.add(name, factory, paper=paper)
        return factory

    return register


def make_watch(text: str) -> Watch:
    """The watch that a text such as "discretisation-gap" or "gradient-correlation:kernel=true" names.

    Raises:
        UnknownNameError: there is no such watch.
        SettingsError: it has no option of that name, or the value does not fit.
    """
    name, _, rest = text.strip().partition(":")
    options = {}
    for part in filter(None, rest.split(",")):
        key, equals, value = part.partition("=")
        if not equals:
            raise SettingsError(f"the option '{part}' of the watch '{name}' has no value; write {name}:{part}=VALUE.")
        options[key.strip()] = value.strip()
    made: Watch = WATCHES.made(name, lambda: call_with_options("watch", name, WATCHES[name].factory, options))
    return made


def mean_step(search: StageSearch) -> StepGates:
    """The deterministic gates of a stage as it stands, on its device, and the operations that they need."""
    gates = search.mean_gates(search.state.alphas)
    on_device = {name: gate.to(search.device) for name, gate in gates.items()}
    return StepGates(on_device, search.state.architecture.active)


def rank_correlation(one: Sequence[float | None], other: Sequence[float | None]) -> float | None:
    """Spearman's rho of the pairs without None; None where there are fewer than three, or all of one side are equal."""
    from scipy.stats import spearmanr  # slow to import, and few searches are watched

    pairs = [(a, b) for a, b in zip(one, other, strict=True) if a is not None and b is not None]
    if len(pairs) < 3 or any(len(set(side)) < 2 for side in zip(*pairs, strict=True)):
        return None
    return float(spearmanr(*zip(*pairs, strict=True)).statistic)
