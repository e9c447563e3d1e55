"""The page and the tables of a comparison: methods beside one another, with mean and deviation over seeds."""

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from markupsafe import Markup

from dartboard.errors import RunDirectoryError
from dartboard.reports.comparison_chart import draw_comparison, what_counts
from dartboard.reports.templates import make_environment
from dartboard.reports.wording import compact, duration
from dartboard.runs import read_json, write_text

__all__ = ["COMPARISON_FILE", "MethodTable", "tabulate", "write_comparison"]

COMPARISON_FILE = "comparison.json"

_RUN_COLUMNS = (
    "method", "seed", "test_accuracy", "balanced_accuracy", "validation_accuracy", "table_accuracy",
    "table_percentile", "skips", "parameters", "multiply_adds", "search_seconds", "train_seconds", "genotype",
    "folder", "failure",
)  # fmt: skip

_DASH = "\u2013"

_LATEX = str.maketrans(
    {**{sign: f"\\{sign}" for sign in "&%$#_{}"}, "\\": "\\textbackslash{}", "±": "$\\pm$", _DASH: "--"}
)

Recorded = Mapping[str, Any]
Spread = Mapping[str, float | None]


@dataclass(frozen=True)
class MethodTable:
    """A row for each method, in texts.

    Attributes:
        headings: of the columns; the first is that of the names.
        rows: as many texts each.
        notes: what the headings do not say.
    """

    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...]


def tabulate(comparison: Recorded) -> MethodTable:
    """The methods of a comparison, as `comparison.json` holds it; columns without any figure are left out."""
    methods = comparison["methods"]
    columns: list[tuple[str, Callable[[Recorded], str]]] = [
        ("method", lambda method: str(method["method"])),
        ("runs", _runs),
    ]
    for key, heading, write in _figures(comparison["reference"]):
        asked = key != "balanced_accuracy" or what_counts(comparison)[0] == key
        if asked and any(method[key] for method in methods):
            columns.append((heading, _cell(key, write)))
    return MethodTable(
        headings=tuple(heading for heading, _ in columns),
        rows=tuple(tuple(write(method) for _, write in columns) for method in methods),
        notes=tuple(_notes(comparison)),
    )


def write_comparison(path: Path) -> Path:
    """Write the page of a comparison and its tables as CSV, Markdown and LaTeX, from its `comparison.json`.

    Args:
        path: the directory of the comparison, finished or not.

    Returns:
        Path of `comparison.html`, which needs no network; it links to the reports of the runs.

    Raises:
        RunDirectoryError: `comparison.json` is missing or damaged, or a file cannot be written.
    """
    source = path / COMPARISON_FILE
    recorded = read_json(source)
    try:
        table = tabulate(recorded)
        texts = {
            "comparison.html": _page(recorded, table),
            "comparison.md": _markdown(table),
            "comparison.tex": _latex(table),
            "comparison.csv": _runs_as_csv(recorded["runs"]),
        }
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        raise RunDirectoryError(
            f"{source} does not hold what a comparison writes there ({type(error).__name__}: {error}); restore it, or "
            "repeat the comparison with --resume."
        ) from error
    for name, text in texts.items():
        write_text(path / name, text)
    return path / "comparison.html"


def _figures(reference: str | None) -> tuple[tuple[str, str, Callable[[float], str]], ...]:
    """Key, heading and notation of every figure that a method may have."""
    return (
        ("test_accuracy", "test accuracy (%)", _percent),
        ("balanced_accuracy", "balanced accuracy (%)", _percent),
        ("difference", f"less {reference} (points)", lambda value: f"{100 * value:+.2f}"),
        ("table_accuracy", "by the table (%)", _percent),
        ("table_percentile", "better than (%)", lambda value: f"{value:.1f}"),
        ("skips", "skip connections", lambda value: f"{value:.1f}"),
        ("parameters", "parameters", lambda value: compact(round(value))),
        ("multiply_adds", "multiply-adds", lambda value: compact(round(value))),
        ("search_seconds", "search", duration),
        ("train_seconds", "training", duration),
    )


_SPREADING = ("test_accuracy", "balanced_accuracy", "difference", "table_accuracy", "table_percentile", "skips")
"""Figures whose deviation is shown; of the others the mean tells enough."""


def _cell(key: str, write: Callable[[float], str]) -> Callable[[Recorded], str]:
    def text(method: Recorded) -> str:
        spread: Spread | None = method[key]
        if spread is None or spread["mean"] is None:
            return _DASH
        mean, std = write(spread["mean"]), spread["std"]
        return mean if std is None or key not in _SPREADING else f"{mean} ± {write(std).removeprefix('+')}"

    return text


def _percent(fraction: float) -> str:
    return f"{100 * fraction:.2f}"


def _runs(method: Recorded) -> str:
    failures = method["failures"]
    return f"{method['runs']}" + (f", {failures} failed" if failures else "")


def _notes(comparison: Recorded) -> list[str]:
    made, wanted = len(comparison["runs"]), comparison["wanted"]
    notes = ["Mean ± sample standard deviation over seeds; all methods have the same images, seeds and recipe."]
    if made < wanted:
        notes.append(f"{made} of {wanted} runs are done.")
    if any(method["difference"] for method in comparison["methods"]):
        worth = what_counts(comparison)[1]
        notes.append(f"The difference to {comparison['reference']} is that of {worth} with the same seed.")
    if any(method["table_accuracy"] for method in comparison["methods"]):
        notes.append(
            "By the table: what NAS-Bench-201 gives for the cell on CIFAR-10 after its short schedule of 12 epochs, "
            "and how many of its architectures are worse; papers quote the schedule of 200 epochs."
        )
    notes += [
        f"{run['method']} with seed {run['seed']} failed: {run['failure']}"
        for run in comparison["runs"]
        if run["failure"]
    ]
    return notes


def _page(comparison: Recorded, table: MethodTable) -> str:
    return (
        make_environment()
        .get_template("comparison.html.j2")
        .render(
            comparison=comparison,
            table=table,
            chart=Markup(draw_comparison(comparison)),
            pages={run["folder"]: f"{run['folder']}/report.html" for run in comparison["runs"]},
        )
    )


def _markdown(table: MethodTable) -> str:
    cells = [table.headings, ["---"] * len(table.headings), *table.rows]
    lines = ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in cells]
    return "\n".join([*lines, "", *table.notes]) + "\n"


def _latex(table: MethodTable) -> str:
    """A tabular with rules of the package booktabs."""
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


def _runs_as_csv(runs: Sequence[Recorded]) -> str:
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(_RUN_COLUMNS)
    for run in runs:
        plain = {**run, "genotype": (run["genotype"] or {}).get("text")}
        writer.writerow(["" if plain[column] is None else plain[column] for column in _RUN_COLUMNS])
    return stream.getvalue()
