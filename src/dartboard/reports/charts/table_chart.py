"""Accuracy by the table of NAS-Bench-201 over the epochs of a search: the cell that would be chosen at each."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from dartboard.estimate import TABLE_SPACE, look_up
from dartboard.records import Comparison
from dartboard.reports.charts.column import COLOURS, COLUMN
from dartboard.runs import EventLog, SearchEpoch
from dartboard.space import Genotype
from dartboard.wording import shortened

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["TableCurves", "draw_table_curves", "read_table_curves"]

_COLUMN = "cifar10_test"
_HEIGHT = 2.5


@dataclass(frozen=True)
class TableCurves:
    """What the table says of the cells of a comparison's searches.

    Attributes:
        epochs: epochs of the table's schedule.
        curves: method -> accuracies as fractions, (seeds, epochs of the search), nan where a search has none.
    """

    epochs: int
    curves: Mapping[str, NDArray[np.float64]]


def read_table_curves(comparison: Comparison, place: Path) -> TableCurves | None:
    """Look up the cells of every epoch of every search, by the longest schedule whose table is there.

    Args:
        comparison: the comparison.
        place: directory to which the folders of its runs are relative.

    Returns:
        The curves; None in other spaces, without tables, and where no search has two epochs.

    Raises:
        RunDirectoryError: a file of events is damaged.
    """
    schedules = {entry.epochs for run in comparison.runs for entry in run.tables if _COLUMN in entry.figures}
    if comparison.space != TABLE_SPACE or not schedules:
        return None
    found: dict[str, list[list[float]]] = {}
    for run in comparison.runs:
        if run.failure is None and (own := list(_accuracies(place / run.folder, max(schedules)))):
            found.setdefault(run.method, []).append(own)
    if not any(len(own) > 1 for runs in found.values() for own in runs):
        return None
    return TableCurves(max(schedules), {name: _padded(runs) for name, runs in found.items()})


def _accuracies(folder: Path, schedule: int) -> Iterator[float]:
    events = EventLog(folder / "events.jsonl").read() if (folder / "events.jsonl").exists() else ()
    for event in events:
        if isinstance(event, SearchEpoch):
            entries = [each for each in look_up(Genotype.from_json(event.genotype)) if each.epochs == schedule]
            yield entries[0].figures[_COLUMN].accuracy if entries else float("nan")


def _padded(runs: Sequence[Sequence[float]]) -> NDArray[np.float64]:
    longest = max(map(len, runs))
    return np.array([[*own, *[np.nan] * (longest - len(own))] for own in runs])


def draw_table_curves(told: TableCurves) -> "Figure":
    """Mean over the seeds that have come so far, and from the worst to the best of them as a band."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    figure = Figure(figsize=(COLUMN, _HEIGHT + 0.11 * (len(told.curves) // 2)), layout="constrained")
    axes = figure.add_subplot()
    for place, (name, curves) in enumerate(told.curves.items()):
        seen = np.isfinite(curves).any(axis=0)
        epochs, values = np.flatnonzero(seen) + 1, 100 * curves[:, seen]
        colour, label = COLOURS[place % len(COLOURS)], shortened(name, 24)
        style = "-" if place < len(COLOURS) else "--"
        axes.plot(epochs, np.nanmean(values, axis=0), style, color=colour, label=label, marker=".", markersize=2.5)
        axes.fill_between(
            epochs, np.nanmin(values, axis=0), np.nanmax(values, axis=0), color=colour, alpha=0.15, linewidth=0
        )
    axes.set_xlabel("epoch of the search")
    axes.set_ylabel(f"CIFAR-10 by the table, {told.epochs} epochs (%)")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    figure.legend(loc="outside lower center", ncols=2)
    return figure
