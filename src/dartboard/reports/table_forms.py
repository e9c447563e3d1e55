"""The table of a comparison as Markdown and LaTeX, and its runs as CSV."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from dartboard.records import ComparedRun, Comparison, PairStatistics, PublishedFigure, Statistics
from dartboard.reports.method_table import MethodTable
from dartboard.runs import csv_text
from dartboard.wording import DASH

__all__ = ["latex", "markdown", "pairs_as_csv", "published_as_csv", "runs_as_csv"]

_RUN_COLUMNS = (
    "dataset", "space", "preset", "method", "seed", "test_accuracy", "balanced_accuracy", "validation_accuracy",
    "top5_accuracy", "table_accuracy", "table_percentile", "skips", "parameters", "multiply_adds", "search_seconds",
    "train_seconds", "memory", "device", "genotype", "folder", "failure",
)  # fmt: skip

_LATEX = str.maketrans(
    {
        **{sign: f"\\{sign}" for sign in "&%$#_{}"},
        "\\": "\\textbackslash{}",
        "~": "\\textasciitilde{}",
        "^": "\\textasciicircum{}",
        "±": "$\\pm$",
        DASH: "--",
    }
)


def markdown(table: MethodTable) -> str:
    """The table in Markdown, its caption above and its notes below; the best figures are bold."""
    rows = [
        [f"**{cell}**" if place in best else cell for place, cell in enumerate(row)]
        for row, best in zip(table.rows, table.best, strict=True)
    ]
    alignment = ["---", *["---:"] * (len(table.headings) - 1)]
    cells = [table.headings, alignment, *rows]
    lines = ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in cells]
    return "\n".join([table.caption, "", *lines, "", *table.notes]) + "\n"


def latex(table: MethodTable) -> str:
    """The table as a LaTeX table with its caption; the best figures are bold. It needs the package booktabs."""
    rows = [
        [_figure(cell, bold=place in best) if place else _text(cell) for place, cell in enumerate(row)]
        for row, best in zip(table.rows, table.best, strict=True)
    ]
    lines = [
        "\\begin{table}",
        "\\centering",
        f"\\caption{{{_text(table.caption)}}}",
        f"\\begin{{tabular}}{{l{'r' * (len(table.headings) - 1)}}}",
        "\\toprule",
        _row([_text(heading) for heading in table.headings]),
        "\\midrule",
        *map(_row, rows),
        "\\bottomrule",
        "\\end{tabular}",
        "\\end{table}",
        *(f"% {' '.join(note.split())}" for note in table.notes),
    ]
    return "\n".join(lines) + "\n"


def _row(cells: Sequence[str]) -> str:
    return " & ".join(cells) + " \\\\"


def _text(text: str) -> str:
    return text.translate(_LATEX)


def _figure(text: str, *, bold: bool) -> str:
    """A figure with a minus of mathematics in place of a hyphen."""
    figure = re.sub(r"(?<![\w.])-(?=\d)", "$-$", _text(text))
    return f"\\textbf{{{figure}}}" if bold else figure


def runs_as_csv(*comparisons: Comparison) -> str:
    """One row for each run, figures with six decimals; columns without any value are left out.

    The figures of the tables of NAS-Bench-201 are in columns such as `cifar10_test_200_epochs`.
    """
    runs = [(comparison, run) for comparison in comparisons for run in comparison.runs]
    rows = [_plain(comparison, run) for comparison, run in runs]
    looked_up = tuple(dict.fromkeys(column for _, run in runs for column in _looked_up(run)))
    place = _RUN_COLUMNS.index("skips")
    columns = [
        column
        for column in (*_RUN_COLUMNS[:place], *looked_up, *_RUN_COLUMNS[place:])
        if not rows or any(row.get(column) is not None for row in rows)
    ]
    return csv_text(columns, ([row.get(column) for column in columns] for row in rows))


def _looked_up(run: ComparedRun) -> Mapping[str, float]:
    """Accuracies by the tables, each under data set, part and schedule."""
    return {
        f"{column}_{entry.epochs}_epochs": told.accuracy
        for entry in run.tables
        for column, told in entry.figures.items()
    }


def _plain(comparison: Comparison, run: ComparedRun) -> Mapping[str, Any]:
    shared = {"dataset": comparison.dataset, "space": comparison.space, "preset": comparison.preset}
    figures = {
        key: round(value, 6) if isinstance(value, float) else value
        for key, value in {**dict(run), **_looked_up(run)}.items()
    }
    return {**shared, **figures, "genotype": run.genotype.text if run.genotype else None}


def pairs_as_csv(statistics: Statistics) -> str:
    """One row for each pair of methods, with every figure of its tests; differences are fractions."""
    columns = tuple(PairStatistics.model_fields)
    plain = (pair.model_dump(mode="json") for pair in statistics.pairs)
    return csv_text(columns, ([_spelled(row[column]) for column in columns] for row in plain))


def published_as_csv(figures: Sequence[PublishedFigure]) -> str:
    """One row for each published figure, all that is known of it."""
    columns = tuple(PublishedFigure.model_fields)
    return csv_text(columns, ([getattr(each, column) for column in columns] for each in figures))


def _spelled(value: Any) -> Any:
    if isinstance(value, list):
        return " to ".join(f"{each:.6f}" for each in value)
    return round(value, 6) if isinstance(value, float) else value
