"""The watches of a search, measured once it has ended."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from typing_extensions import override

from dartboard.engine.finished.analyses.protocol import Analysis, Findings, Measurement, analysis
from dartboard.engine.finished.search import FinishedSearch
from dartboard.engine.watches import Probes, Watch, make_watch, refuse_watches
from dartboard.errors import SettingsError
from dartboard.runs import Record, SearchEpoch, Watched
from dartboard.space import SearchSpace
from dartboard.wording import names_in

__all__ = ["WatchedCheckpoint", "WatchedEpoch", "Watches"]


class WatchedEpoch(Record):
    """What a watch has measured in the supernet as it was after an epoch."""

    name: str
    """Name of the watch, with its options."""

    epoch: int
    """Number of the epoch."""

    figures: dict[str, float | None]
    """What it measured, under names of its own."""

    parts: tuple[dict[str, Any], ...] = ()
    """The same cell by cell or edge by edge, where the watch records that."""

    validation_accuracy: float | None = None
    """Of the supernet after that epoch, as a fraction."""

    eigenvalue: float | None = None
    """The largest of the Hessian in alpha after that epoch, where it was measured."""


class WatchedCheckpoint(Record):
    """What watches have measured in a supernet after the search."""

    watched: tuple[WatchedEpoch, ...]
    """Every measurement."""


@dataclass(frozen=True)
class Watches(Analysis):
    """Measures the supernet as the search has left it, as watches measure while it goes on.

    A watch that only reads what an epoch has recorded measures all epochs.

    Attributes:
        names: of the watches, with their options.
    """

    names: Sequence[str]
    learns = False

    @override
    def refuse(self, space: SearchSpace) -> None:
        if not self.names:
            raise SettingsError("no watch is named; name some, as in --set watch=gradient-correlation,hypergradient.")
        for name in self.names:
            make_watch(name)

    def measurements(self, finished: FinishedSearch) -> list[Measurement]:
        """Every watch, after the last epoch or after all of them.

        Raises:
            SettingsError: a watch has nothing to measure in this search, or no epoch was recorded.
        """
        refuse_watches(self.names, finished.problem.space, finished.recipe)
        if not finished.epochs:
            raise SettingsError("this search has recorded no epoch, so there is nothing to measure; name another run.")
        search, probes = finished.stage, Probes(finished.stage, finished.seed)

        def measured(watch: Watch, epochs: Sequence[SearchEpoch]) -> Findings:
            found = [(epoch, watch.measure(search, epoch, probes)) for epoch in epochs]
            events = [
                Watched(
                    name="",
                    epoch=epoch.epoch,
                    seconds=0.0,
                    figures=dict(seen.figures),
                    parts=tuple(map(dict, seen.parts)),
                )
                for epoch, seen in found
                if seen is not None
            ]
            told = {epoch.epoch: epoch for epoch in epochs}
            return {"epochs": [_findings(event, told[event.epoch]) for event in events]}

        made = {name: make_watch(name) for name in self.names}
        return [
            Measurement(
                name, partial(measured, watch, finished.epochs if watch.reads_records else finished.epochs[-1:])
            )
            for name, watch in made.items()
        ]

    def conclude(self, measured: Mapping[str, Findings]) -> Findings:
        """Every measurement.

        Returns:
            The plain data of `WatchedCheckpoint`.
        """
        every = [WatchedEpoch(name=name, **each) for name, found in measured.items() for each in found["epochs"]]
        return WatchedCheckpoint(watched=tuple(every)).model_dump(mode="json")


def _plain(parts: Sequence[Mapping[str, Any]]) -> tuple[dict[str, Any], ...]:
    return tuple(dict(part) for part in parts)


def _findings(event: Watched, epoch: SearchEpoch) -> Findings:
    content = event.to_json()
    return {
        "epoch": event.epoch,
        "figures": content["figures"],
        "parts": content["parts"],
        "validation_accuracy": epoch.validation_accuracy,
        "eigenvalue": epoch.figures.get("eigenvalue"),
    }


@analysis("watches", paper="arXiv:2108.08128")
def watches(*, watch: str = "gradient-correlation,operator-gradients,discretisation-gap") -> Any:
    """Measure what watches measure during a search, in the supernet at its end.

    Args:
        watch: names of the watches, separated by commas (`dartboard watches` lists them).
    """
    return Watches(names_in(watch))
