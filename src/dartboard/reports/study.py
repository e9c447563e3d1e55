"""The page of a study, and its tables as files."""

from pathlib import Path

from markupsafe import Markup

from dartboard.records import Comparison, StudyRecord
from dartboard.reports.comparison import draw_comparison
from dartboard.reports.method_table import MethodTable, tabulate, tabulate_schedules
from dartboard.reports.table_forms import latex, markdown, runs_as_csv
from dartboard.reports.table_notes import what_it_shows
from dartboard.reports.templates import render
from dartboard.runs import write_text

__all__ = ["study_tables", "write_study"]


def study_tables(record: StudyRecord) -> list[tuple[str, list[MethodTable]]]:
    """The tables of a study as text, under their titles: the methods, then each schedule of NAS-Bench-201."""
    return [
        (title, [tabulate(comparison), *tabulate_schedules(comparison)])
        for title, comparison in zip(record.titles, record.tables, strict=True)
    ]


def write_study(path: Path) -> Path:
    """Write the page of a study, and its tables as CSV, Markdown and LaTeX, from `table.json`.

    Args:
        path: the directory of the study, finished or not.

    Returns:
        Path of `report.html`, which needs no other file and no network.

    Raises:
        RunDirectoryError: `table.json` is missing or damaged, or a file cannot be written.
    """
    record = StudyRecord.read(path, remedy="repeat the study with --resume")
    tables = study_tables(record)
    texts = {
        "report.html": _page(record, tables),
        "table.md": "\n".join(f"## {title}\n\n" + "\n".join(map(markdown, each)) for title, each in tables),
        "table.tex": "\n".join(f"% {title}\n" + "\n".join(map(latex, each)) for title, each in tables),
        "table.csv": runs_as_csv(*record.tables),
    }
    for name, text in texts.items():
        write_text(path / name, text)
    return path / "report.html"


def _page(record: StudyRecord, tables: list[tuple[str, list[MethodTable]]]) -> str:
    parts = [
        {
            "title": title,
            "tables": each,
            "chart": Markup(draw_comparison(comparison)),  # the drawing escapes every name in it
            "shown": what_it_shows(comparison),
            "runs": _runs(comparison),
        }
        for (title, each), comparison in zip(tables, record.tables, strict=True)
    ]
    return render("study.html.j2", record=record, parts=parts)


def _runs(comparison: Comparison) -> list[tuple[str, int, str, str]]:
    """Method, seed, what came of it, and folder of every run."""
    return [
        (
            run.method,
            run.seed,
            f"failed: {run.failure}" if run.failure else (run.genotype.text if run.genotype else ""),
            run.folder,
        )
        for run in comparison.runs
    ]
