"""The page of a comparison of methods, and its tables as files."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from markupsafe import Markup

from dartboard.errors import DartboardError
from dartboard.estimate import SCHEDULES
from dartboard.records import ComparedRun, Comparison
from dartboard.reports.charts.svg import INK, figure_to_svg, style
from dartboard.reports.comparison_figures import comparison_figures, write_figures
from dartboard.reports.derived import draw_bands
from dartboard.reports.drawings.genotypes import draw_genotype
from dartboard.reports.method_table import MethodTable, tabulate, tabulate_schedules
from dartboard.reports.sorting import SORTING, script_hash
from dartboard.reports.statistics_tables import further_tables, tabulate_pairs, tabulate_published
from dartboard.reports.table_forms import latex, markdown, pairs_as_csv, published_as_csv, runs_as_csv
from dartboard.reports.table_notes import what_counts, what_it_shows
from dartboard.reports.templates import render
from dartboard.runs import write_text
from dartboard.wording import DASH, percent

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["draw_comparison", "write_comparison"]

_WIDTH, _ROW_HEIGHT = 10.4, 0.42
_BLUE = "#3b82c4"


def draw_comparison(comparison: Comparison) -> str:
    """Draw the accuracies of all runs and the mean of each method, as SVG; empty if nothing was measured."""
    from matplotlib.figure import Figure

    key, label = what_counts(comparison)
    names = [method.method for method in comparison.methods]
    values = {name: [100 * value for run in comparison.runs
                     if run.method == name and (value := getattr(run, key)) is not None]
              for name in names}  # fmt: skip
    if not any(values.values()):
        return ""
    with style():
        figure = Figure(figsize=(_WIDTH, _ROW_HEIGHT * len(names) + 0.9), layout="constrained")
        axes = figure.add_subplot()
        for row, name in enumerate(names):
            _draw_method(axes, row, values[name])
        axes.set_yticks(range(len(names)), names)
        axes.set_ylim(len(names) - 0.4, -0.6)
        axes.margins(x=0.06)
        axes.set_xlabel(f"{label} (%); a dot for each seed, a line at the mean")
        return figure_to_svg(figure, "comparison", "Accuracy of every run by method")


def _draw_method(axes: "Axes", row: int, values: list[float]) -> None:
    if not values:
        return
    mean = sum(values) / len(values)
    axes.plot([mean, mean], [row - 0.28, row + 0.28], color=INK, linewidth=1.6, zorder=3)
    axes.scatter(values, [row] * len(values), s=42, color=_BLUE, alpha=0.75, zorder=2)


def write_comparison(path: Path, *, figures: bool = True) -> Path:
    """Write the page of a comparison, and its tables as CSV, Markdown and LaTeX, from `comparison.json`.

    Args:
        path: the directory of the comparison, finished or not.
        figures: whether to write the figures for a paper, too, into the folder `figures`.

    Returns:
        Path of `comparison.html`, which needs no other file and no network.

    Raises:
        RunDirectoryError: `comparison.json` is missing or damaged, or a file cannot be written.
    """
    comparison = Comparison.read(path, remedy="repeat the comparison with --resume")
    table, *by_schedule = tabulate(comparison), *tabulate_schedules(comparison)
    further = further_tables(comparison)
    texts = {
        "comparison.html": _page(comparison, path, table, by_schedule, draw_bands(path, comparison)),
        "comparison.md": "\n".join(map(markdown, (table, *by_schedule, *further))),
        "comparison.tex": "\n".join(map(latex, (table, *by_schedule, *further))),
        "comparison.csv": runs_as_csv(comparison),
        **({"comparison-pairs.csv": pairs_as_csv(comparison.statistics)} if comparison.statistics else {}),
        **({"comparison-published.csv": published_as_csv(comparison.published)} if comparison.published else {}),
    }
    for name, text in texts.items():
        write_text(path / name, text)
    if figures:
        write_figures(comparison, path)
    return path / "comparison.html"


def _page(
    comparison: Comparison,
    path: Path,
    table: MethodTable,
    by_schedule: Sequence[MethodTable],
    bands: Mapping[int, str],
) -> str:
    chart = Markup(draw_comparison(comparison))  # the drawing escapes every name in it
    ended = [run for run in comparison.runs if run.failure is None]
    columns = [(heading, write) for key, heading, write in _RUN_FIGURES if any(_has(run, key) for run in ended)]
    return render(
        "comparison.html.j2",
        comparison=comparison,
        table=table,
        by_schedule=by_schedule,
        chart=chart,
        bands={epochs: Markup(drawn) for epochs, drawn in bands.items()},
        pairs=tabulate_pairs(comparison.statistics) if comparison.statistics else None,
        published=tabulate_published(comparison.published, comparison.scales) if comparison.published else None,
        figures_for_papers=[(Markup(each.svg()), each.caption) for each in comparison_figures(comparison, path)],
        sorting=Markup(SORTING),
        sorting_hash=script_hash(SORTING),
        shown=what_it_shows(comparison),
        findings=[finding.sentence for finding in comparison.findings],
        headings=[heading for heading, _ in columns],
        figures=[[write(run) for _, write in columns] for run in comparison.runs],
        cells=[(run, drawings) for run in ended if run.genotype and (drawings := _drawings(run))],
    )


_RUN_FIGURES: tuple[tuple[str, str, Callable[[ComparedRun], str]], ...] = (
    ("test_accuracy", "Test accuracy", lambda run: percent(run.test_accuracy)),
    ("validation_accuracy", "Validation accuracy", lambda run: percent(run.validation_accuracy)),
    ("table_accuracy", "By the table, 12 epochs", lambda run: percent(run.table_accuracy)),
    ("table_accuracy_long", "By the table, 200 epochs", lambda run: percent(_long(run))),
    ("skips", "Skip connections", lambda run: DASH if run.skips is None else str(run.skips)),
)
"""Key, heading and text of the figures of one run on the page."""


def _has(run: ComparedRun, key: str) -> bool:
    return (_long(run) if key == "table_accuracy_long" else getattr(run, key)) is not None


def _long(run: ComparedRun) -> float | None:
    """Accuracy on CIFAR-10's test images by the table of the long schedule."""
    found = (entry.figures.get("cifar10_test") for entry in run.tables if entry.epochs == SCHEDULES[-1])
    return next((told.accuracy for told in found if told is not None), None)


def _drawings(run: ComparedRun) -> list[tuple[str, Markup]]:
    """Drawings of the architecture of a run; none for one of an operation or space that is not installed here."""
    assert run.genotype is not None
    try:
        return draw_genotype(run.genotype.genotype)
    except DartboardError:
        return []
