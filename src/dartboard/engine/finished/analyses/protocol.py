"""What an analysis of a finished search is, and the loop that runs one."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from dartboard.devices import equal_steps
from dartboard.engine.finished.search import FinishedSearch
from dartboard.errors import SettingsError
from dartboard.parts.options import call_with_options
from dartboard.registry import Registry
from dartboard.runs import MeasurementDone, Observer, RunDirectory, Score
from dartboard.space import SearchSpace

__all__ = [
    "ANALYSES",
    "Analysis",
    "Findings",
    "Measurement",
    "analysis",
    "changed_search",
    "make_analysis",
    "run_analysis",
    "scored",
]

Findings = dict[str, Any]
"""Plain data, as in `analysis.json`."""


@dataclass(frozen=True)
class Measurement:
    """One of the measurements of an analysis, which a resumed run does not repeat.

    Attributes:
        name: unlike those of the others.
        measure: gives plain data.
    """

    name: str
    measure: Callable[[], Findings]


class Analysis(Protocol):
    """Looks into what a search has learned; the supernet of the search stays as it is.

    An analysis may have an attribute `search`: settings of the search, by name, that differ from those of the run
    (`changed_search`).
    """

    learns: bool
    """Whether copies of the supernet learn on."""

    def refuse(self, space: SearchSpace) -> None:
        """Raise SettingsError where the options make no sense in the space."""
        ...

    def measurements(self, finished: FinishedSearch) -> list[Measurement]:
        """What is measured, in this order."""
        ...

    def conclude(self, measured: Mapping[str, Findings]) -> Findings:
        """What the measurements, by name and in their order, say together."""
        ...


ANALYSES: Registry[Callable[..., Analysis]] = Registry("analysis", "dartboard.analyses")


def analysis(name: str, *, paper: str = "") -> Callable[[Callable[..., Analysis]], Callable[..., Analysis]]:
    """Register the decorated function as the analysis `name`; its keyword arguments are the analysis's options."""

    def register(factory: Callable[..., Analysis]) -> Callable[..., Analysis]:
        ANALYSES.add(name, factory, paper=paper)
        return factory

    return register


def make_analysis(name: str, options: Mapping[str, Any]) -> Analysis:
    """The analysis of that name.

    Raises:
        UnknownNameError: there is no such analysis.
        SettingsError: it has no option of that name, or the value does not fit.
    """
    made: Analysis = ANALYSES.made(name, lambda: call_with_options("analysis", name, ANALYSES[name].factory, options))
    return made


def changed_search(wanted: Analysis) -> Mapping[str, Any]:
    """Settings of the search, by name, that an analysis changes; all others stay as in the search."""
    changes: Mapping[str, Any] = getattr(wanted, "search", {})
    return changes


def run_analysis(
    wanted: Analysis, measurements: Sequence[Measurement], run: RunDirectory, observer: Observer
) -> Findings:
    """Take the measurements that the run directory does not hold yet, and say what all of them tell.

    Each is an event of its own, a `MeasurementDone`.

    Args:
        wanted: the analysis.
        measurements: its measurements.
        run: where events go.
        observer: hears of every measurement.
    """
    done = {event.name: event.figures for event in run.events.read() if isinstance(event, MeasurementDone)}
    with equal_steps():
        for each in measurements:
            if each.name in done:
                continue
            started, figures = time.perf_counter(), each.measure()
            seconds = time.perf_counter() - started
            run.events.append(MeasurementDone(name=each.name, figures=figures, seconds=seconds))
            done[each.name] = figures
            observer.measured(each.name, len(done), len(measurements))
    return wanted.conclude({each.name: done[each.name] for each in measurements})


def scored(score: Score | None) -> Score:
    """The score of a supernet.

    Raises:
        SettingsError: there are no validation images.
    """
    if score is None:
        raise SettingsError(
            "an analysis scores supernets on the validation images of the search, and this one had none; search again "
            "with search.validation_images as it is, or with more images."
        )
    return score
