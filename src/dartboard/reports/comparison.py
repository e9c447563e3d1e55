"""The page and the tables of a comparison of methods, with mean and standard deviation over seeds."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from markupsafe import Markup

from dartboard.records import ComparedMethod, ComparedRun, Comparison
from dartboard.records.comparison import Spread
from dartboard.reports.charts.svg import INK, figure_to_svg, style
from dartboard.reports.templates import render
from dartboard.runs import csv_text, write_text
from dartboard.wording import DASH, compact, duration, signed_points

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["MethodTable", "draw_comparison", "tabulate", "what_counts", "write_comparison"]

_WIDTH, _ROW_HEIGHT = 10.4, 0.42
_BLUE = "#3b82c4"


def what_counts(comparison: Comparison) -> tuple[str, str]:
    """The accuracy by which the methods are compared: its key, and its name in words."""
    if all(run.test_accuracy is None for run in comparison.runs):
        return "table_accuracy", "accuracy by the table"
    if any(run.objective == "balanced-accuracy" for run in comparison.runs):
        return "balanced_accuracy", "balanced accuracy on the test images"
    return "test_accuracy", "test accuracy"


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


_RUN_COLUMNS = (
    "method", "seed", "test_accuracy", "balanced_accuracy", "validation_accuracy", "table_accuracy",
    "table_percentile", "skips", "parameters", "multiply_adds", "search_seconds", "train_seconds", "genotype",
    "folder", "failure",
)  # fmt: skip

_LATEX = str.maketrans(
    {**{sign: f"\\{sign}" for sign in "&%$#_{}"}, "\\": "\\textbackslash{}", "±": "$\\pm$", DASH: "--"}
)


@dataclass(frozen=True)
class MethodTable:
    """A table of text with one row for each method.

    Attributes:
        headings: headings of the columns; the first column holds the names.
        rows: one text for each column.
        notes: sentences that explain the table.
    """

    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...]


def tabulate(comparison: Comparison) -> MethodTable:
    """The table of the methods of a comparison; columns without any figure are left out."""
    methods = comparison.methods
    columns: list[tuple[str, Callable[[ComparedMethod], str]]] = [
        ("method", lambda method: method.method),
        ("runs", _runs),
    ]
    for key, heading, write in _figures(comparison.baseline):
        asked = key != "balanced_accuracy" or what_counts(comparison)[0] == key
        if asked and any(getattr(method, key) for method in methods):
            columns.append((heading, _cell(key, write)))
    return MethodTable(
        headings=tuple(heading for heading, _ in columns),
        rows=tuple(tuple(write(method) for _, write in columns) for method in methods),
        notes=tuple(_notes(comparison)),
    )


def write_comparison(path: Path) -> Path:
    """Write the page of a comparison, and its tables as CSV, Markdown and LaTeX, from `comparison.json`.

    Args:
        path: the directory of the comparison, finished or not.

    Returns:
        Path of `comparison.html`, which needs no network; it links to the reports of the runs.

    Raises:
        RunDirectoryError: `comparison.json` is missing or damaged, or a file cannot be written.
    """
    comparison = Comparison.read(path, remedy="repeat the comparison with --resume")
    table = tabulate(comparison)
    texts = {
        "comparison.html": _page(comparison, table),
        "comparison.md": _markdown(table),
        "comparison.tex": _latex(table),
        "comparison.csv": _runs_as_csv(comparison.runs),
    }
    for name, text in texts.items():
        write_text(path / name, text)
    return path / "comparison.html"


def _figures(baseline: str | None) -> tuple[tuple[str, str, Callable[[float], str]], ...]:
    """Key, heading and format of every figure that a method may have."""
    return (
        ("test_accuracy", "test accuracy (%)", _percent),
        ("balanced_accuracy", "balanced accuracy (%)", _percent),
        ("difference", f"minus {baseline} (points)", signed_points),
        ("table_accuracy", "by the table (%)", _percent),
        ("table_percentile", "better than (%)", lambda value: f"{value:.1f}"),
        ("skips", "skip connections", lambda value: f"{value:.1f}"),
        ("parameters", "parameters", lambda value: compact(round(value))),
        ("multiply_adds", "multiply-adds", lambda value: compact(round(value))),
        ("search_seconds", "search", duration),
        ("train_seconds", "training", duration),
    )


_SPREADING = ("test_accuracy", "balanced_accuracy", "difference", "table_accuracy", "table_percentile", "skips")
"""Figures that are shown with their standard deviation; the others are shown as means only."""


def _cell(key: str, write: Callable[[float], str]) -> Callable[[ComparedMethod], str]:
    def text(method: ComparedMethod) -> str:
        spread: Spread | None = getattr(method, key)
        if spread is None:
            return DASH
        mean = write(spread.mean)
        if spread.std is None or key not in _SPREADING:
            return mean
        return f"{mean} ± {write(spread.std).removeprefix('+')}"

    return text


def _percent(fraction: float) -> str:
    return f"{100 * fraction:.2f}"


def _runs(method: ComparedMethod) -> str:
    return f"{method.runs}" + (f", {method.failures} failed" if method.failures else "")


def _notes(comparison: Comparison) -> list[str]:
    made = len(comparison.runs)
    notes = ["Mean ± sample standard deviation over seeds. All methods have the same images, seeds and recipe."]
    if made < comparison.wanted:
        notes.append(f"{made} of {comparison.wanted} runs are done.")
    if any(method.difference for method in comparison.methods):
        worth = what_counts(comparison)[1]
        notes.append(f"The difference from {comparison.baseline} is that of {worth} between runs with the same seed.")
    if any(method.table_accuracy for method in comparison.methods):
        notes.append(
            "By the table: the accuracy of the cell on CIFAR-10 in NAS-Bench-201 after the short schedule of 12 "
            "epochs, and the share of its architectures that are worse. Papers quote the schedule of 200 epochs."
        )
    notes += [
        f"{run.method} with seed {run.seed} found an architecture through which nothing of the images passes."
        for run in comparison.runs
        if run.blind
    ]
    notes += [f"{run.method} with seed {run.seed} failed: {run.failure}" for run in comparison.runs if run.failure]
    return notes


def _page(comparison: Comparison, table: MethodTable) -> str:
    chart = Markup(draw_comparison(comparison))  # the drawing escapes every name in it
    return render("comparison.html.j2", comparison=comparison, table=table, chart=chart)


def _markdown(table: MethodTable) -> str:
    cells = [table.headings, ["---"] * len(table.headings), *table.rows]
    lines = ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in cells]
    return "\n".join([*lines, "", *table.notes]) + "\n"


def _latex(table: MethodTable) -> str:
    """The table as a LaTeX tabular; it needs the package booktabs."""
    lines = [
        f"\\begin{{tabular}}{{l{'r' * (len(table.headings) - 1)}}}",
        "\\toprule",
        _latex_row(table.headings),
        "\\midrule",
        *map(_latex_row, table.rows),
        "\\bottomrule",
        "\\end{tabular}",
        *(f"% {note}" for note in table.notes),
    ]
    return "\n".join(lines) + "\n"


def _latex_row(cells: Sequence[str]) -> str:
    return " & ".join(map(_latex_text, cells)) + " \\\\"


def _latex_text(text: str) -> str:
    return text.translate(_LATEX)


def _runs_as_csv(runs: Iterable[ComparedRun]) -> str:
    plain = ({**dict(run), "genotype": run.genotype.text if run.genotype else None} for run in runs)
    return csv_text(_RUN_COLUMNS, ([row[column] for column in _RUN_COLUMNS] for row in plain))
