"""What watches have measured, watch by watch, for the sections that show it."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from markupsafe import Markup

from dartboard.engine.finished.analyses.watches import WatchedEpoch
from dartboard.engine.watches import Chart, Observation, Watch, make_watch
from dartboard.errors import DartboardError
from dartboard.reports.charts.clouds import draw_points
from dartboard.reports.charts.curves import BLUE, ORANGE, VIOLET, Line, draw_lines
from dartboard.reports.colours import family, operation_colour
from dartboard.reports.templates import render
from dartboard.wording import count, plain_value

__all__ = ["WatchFacts", "WatchesFacts", "facts_of", "watches_html", "watches_lines"]

_PALETTE = (BLUE, ORANGE, VIOLET, "#14938a", "#d6455d", "#5c9c3a", "#a0764a", "#2a5f94", "#7d8590")
_ACROSS = {
    "validation_accuracy": "accuracy of the supernet (%)",
    "eigenvalue": "largest eigenvalue of the Hessian in alpha",
}


@dataclass(frozen=True)
class WatchFacts:
    """What one watch has measured.

    Attributes:
        name: of the watch, with its options.
        title: headline.
        epochs: every measurement, the oldest first; rows of parts only in the last.
        conclusions: what all of them say together; None where something is not defined.
        seconds: that the measurements took; None where that was not recorded.
    """

    name: str
    title: str
    epochs: tuple[WatchedEpoch, ...]
    conclusions: Mapping[str, float | int | str | None]
    seconds: float | None


@dataclass(frozen=True)
class WatchesFacts:
    """What all watches have measured."""

    watches: tuple[WatchFacts, ...]


def facts_of(measured: Iterable[WatchedEpoch], seconds: Mapping[str, float]) -> WatchesFacts | None:
    """The facts watch by watch; None where nothing was measured.

    Args:
        measured: every measurement, in the order of the epochs.
        seconds: name of a watch -> what its measurements took.
    """
    by_name: dict[str, list[WatchedEpoch]] = {}
    for each in measured:
        by_name.setdefault(each.name, []).append(each)
    facts = [_of_watch(name, epochs, seconds.get(name)) for name, epochs in by_name.items()]
    return WatchesFacts(tuple(facts)) if facts else None


def _of_watch(name: str, epochs: Sequence[WatchedEpoch], seconds: float | None) -> WatchFacts:
    watch = _known(name)
    only_last = [each.model_copy(update={"parts": ()}) for each in epochs[:-1]]
    told = watch.conclude([_observation(each) for each in epochs]) if watch else {}
    return WatchFacts(name, (watch.title if watch else "") or name, (*only_last, epochs[-1]), told, seconds)


def _known(name: str) -> Watch | None:
    """The watch; None for one of a package that is no longer installed."""
    try:
        return make_watch(name)
    except DartboardError:
        return None


def _observation(each: WatchedEpoch) -> Observation:
    return Observation(each.epoch, each.figures, each.validation_accuracy, each.eigenvalue)


def watches_html(told: WatchesFacts) -> Markup:
    """The part of the page: charts, conclusions and figures of every watch."""
    drawn = {
        each.name: {
            "charts": [(chart.caption, Markup(_draw(each, chart, number))) for number, chart in _charts(each)],
            "conclusions": _texts(each.conclusions),
            "figures": _texts(each.epochs[-1].figures),
            "rows": [_flat(part) for part in each.epochs[-1].parts],
        }
        for each in told.watches
    }
    return render("watches.html.j2", beside=Path(__file__).with_name("sections"), told=told, drawn=drawn)


def watches_lines(told: WatchesFacts) -> dict[str, str]:
    """A row for every watch in the terminal: how often it measured, and what all of it says together."""
    rows = {}
    for each in told.watches:
        defined = {name: value for name, value in each.conclusions.items() if value is not None}
        said = [f"{name}: {text}" for name, text in _texts(defined).items()]
        rows[f"watch {each.name}"] = "; ".join([count(len(each.epochs), "measurement"), *said[:2]])
    return rows


def _texts(figures: Mapping[str, float | int | str | None]) -> dict[str, str]:
    return {name: "not defined" if value is None else plain_value(_rounded(value)) for name, value in figures.items()}


def _charts(told: WatchFacts) -> list[tuple[int, Chart]]:
    watch = _known(told.name)
    return list(enumerate(watch.charts)) if watch else []


def _draw(told: WatchFacts, chart: Chart, number: int) -> str:
    name = f"watch-{re.sub(r'[^a-z0-9]+', '-', told.name.lower())}-{number}"
    curves = _curves(told.epochs, chart)
    if chart.against == "epoch":
        lines = [
            Line(label, colour, [each.epoch for each in told.epochs], [each.figures.get(key) for each in told.epochs])
            for key, label, colour in curves
        ]
        return draw_lines(name, told.title, lines, label=chart.label, percent=chart.percent)
    (key, _, colour), *_ = curves or [("", "", BLUE)]
    return draw_points(
        name,
        told.title,
        [getattr(each, chart.against) for each in told.epochs],
        [each.figures.get(key) for each in told.epochs],
        labels=(_ACROSS[chart.against], chart.label),
        percent=(chart.against == "validation_accuracy", chart.percent),
        colour=colour,
    )


def _curves(epochs: Sequence[WatchedEpoch], chart: Chart) -> list[tuple[str, str, str]]:
    """Figure, name and colour of every curve of a chart."""
    every = list(dict.fromkeys(name for each in epochs for name in each.figures))
    found = []
    for pattern, label in chart.figures.items():
        start = pattern.removesuffix("*")
        keys = [name for name in every if name.startswith(start)] if pattern.endswith("*") else [pattern]
        found += [(key, label.replace("*", key.removeprefix(start)), key.removeprefix(start)) for key in keys]
    return [
        (key, label, operation_colour(rest) if family(rest) != "other" else _PALETTE[number % len(_PALETTE)])
        for number, (key, label, rest) in enumerate(found)
    ]


def _flat(part: Mapping[str, Any]) -> dict[str, str]:
    """A row of a table as text; a mapping within it becomes columns of its own."""
    row: dict[str, str] = {}
    for key, value in part.items():
        inner = value if isinstance(value, Mapping) else {key: value}
        row |= {str(name): plain_value(_rounded(each)) for name, each in inner.items()}
    return row


def _rounded(value: object) -> object:
    return float(f"{value:.4g}") if isinstance(value, float) else value
