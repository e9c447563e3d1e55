"""What the cells that a search would have derived epoch by epoch are worth in the tables of NAS-Bench-201.

Nothing of this takes part in a search: it is looked up when a report is written, from what the epochs have recorded.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import fmean, stdev

from dartboard.engine.finished.analyses.watches import WatchedEpoch
from dartboard.engine.watches import table_figures
from dartboard.errors import DartboardError
from dartboard.estimate import SCHEDULES, TABLE_SPACE, find_tables
from dartboard.records import Comparison
from dartboard.reports.charts.curves import BLUE, ORANGE, VIOLET, Line, draw_lines
from dartboard.runs import RunDirectory, SearchEpoch
from dartboard.space import Genotype

__all__ = ["DERIVED", "band", "derived_epochs", "draw_bands"]

DERIVED = "derived-accuracy"
"""Name of the watch that measures the same."""

_COLUMN = "cifar10_test"
_COLOURS = (BLUE, ORANGE, VIOLET, "#14938a", "#d6455d", "#5c9c3a", "#a0764a", "#2a5f94")


def derived_epochs(epochs: Sequence[SearchEpoch]) -> list[WatchedEpoch]:
    """The figures of the derived cells, as the watch has them; empty in other spaces, and where no table is."""
    own = [epoch for epoch in epochs if epoch.genotype.get("space") == TABLE_SPACE]
    if not own or not find_tables():
        return []
    every = [(epoch, table_figures(Genotype.from_json(epoch.genotype))) for epoch in own]
    return [
        WatchedEpoch(
            name=DERIVED,
            epoch=epoch.epoch,
            figures=dict(figures),
            validation_accuracy=epoch.validation_accuracy,
            eigenvalue=epoch.figures.get("eigenvalue"),
        )
        for epoch, figures in every
        if figures
    ]


def band(series: Sequence[Mapping[int, float]]) -> dict[int, tuple[float, float]]:
    """Epoch -> mean and standard deviation over several searches, each epoch -> value; of one search it is 0.

    >>> band([{1: 0.25, 2: 0.5}, {1: 0.5}, {1: 0.75}])
    {1: (0.5, 0.25), 2: (0.5, 0.0)}
    """
    found = {}
    for epoch in sorted({epoch for each in series for epoch in each}):
        values = [each[epoch] for each in series if epoch in each]
        found[epoch] = fmean(values), stdev(values) if len(values) > 1 else 0.0
    return found


def draw_bands(path: Path, comparison: Comparison) -> dict[int, str]:
    """Charts of the derived cells over the epochs, mean and standard deviation over the seeds of every method.

    Args:
        path: the directory of the comparison.
        comparison: its record.

    Returns:
        Epochs of a schedule -> SVG; empty in other spaces, and where no table is.
    """
    found = {name: _searches(path, comparison, name) for name in dict.fromkeys(run.method for run in comparison.runs)}
    drawn = {}
    for epochs in SCHEDULES:
        key, lines = f"{epochs} epochs {_COLUMN}", list[Line]()
        for number, (name, searches) in enumerate(found.items()):
            told = band([_series(search, key) for search in searches])
            means, spreads = ([pair[place] for pair in told.values()] for place in (0, 1))
            lines.append(Line(name, _COLOURS[number % len(_COLOURS)], list(told), means, spread=spreads))
        lines += _levels([search for searches in found.values() for search in searches], key)
        if any(line.values for line in lines):
            drawn[epochs] = draw_lines(
                f"derived-{epochs}",
                f"Accuracy of the derived cells by the table of {epochs} epochs",
                lines,
                label=f"accuracy (%), {epochs} epochs",
                percent=True,
            )
    return drawn


def _series(search: Sequence[WatchedEpoch], key: str) -> dict[int, float]:
    """Epoch -> a figure, where there is one."""
    return {each.epoch: value for each in search if (value := each.figures.get(key)) is not None}


def _levels(searches: Sequence[Sequence[WatchedEpoch]], key: str) -> list[Line]:
    """Lines at the mean and at the best of all cells of the table, as long as the longest search."""
    lines = []
    for what, colour in (("mean", "#7d8590"), ("best", "#a0a7b0")):
        level = {epoch: value for search in searches for epoch, value in _series(search, f"{key} {what}").items()}
        lines.append(Line(f"{what} of all cells", colour, sorted(level), [level[epoch] for epoch in sorted(level)]))
    return lines


def _searches(path: Path, comparison: Comparison, method: str) -> list[list[WatchedEpoch]]:
    """The derived cells of every search of a method whose record can be read."""
    found = []
    for run in comparison.runs:
        if run.method == method and run.failure is None:
            try:
                events = RunDirectory(path / run.folder).events.read()
            except DartboardError:
                continue
            found.append(derived_epochs([event for event in events if isinstance(event, SearchEpoch)]))
    return [each for each in found if each]
