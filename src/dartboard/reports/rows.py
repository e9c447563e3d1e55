"""The rows of a result for the terminal and for a notebook: the lines of its sections, in their order."""

from html import escape
from pathlib import Path

from dartboard.errors import DartboardError
from dartboard.records import Baselines, Comparison, Result, RunRecords, notebook_view
from dartboard.reports.drawings.genotypes import draw_genotype
from dartboard.reports.method_table import tabulate
from dartboard.reports.section import sections_in_order, working
from dartboard.space import Genotype
from dartboard.wording import html_sheet, html_table

__all__ = ["comparison_html", "result_html", "result_rows"]


@notebook_view(Result)
def result_html(result: Result) -> str:
    """The rows and drawings of a result as one `<div>` without scripts and ids; every name in it is escaped."""
    return html_sheet(html_table(result_rows(result).items()), _drawings(result))


@notebook_view(Comparison)
def comparison_html(comparison: Comparison) -> str:
    """The table of a comparison with its notes, and the way to its page."""
    table = tabulate(comparison)
    notes = "".join(f"<p>{escape(note)}</p>" for note in table.notes)
    where = {"report": str(comparison.path / "comparison.html"), "directory": str(comparison.path)}
    caption = f"<p>{escape(table.caption)}</p>"
    return html_sheet(caption, html_table(table.rows, table.headings), notes, html_table(where.items()))


def _drawings(result: Result) -> str:
    try:
        drawings = draw_genotype(result.genotype.genotype)
    except DartboardError:  # an operation or space that is not installed here
        return ""
    return "".join(f"<p>{escape(kind)}</p>{drawing}" for kind, drawing in drawings)


def result_rows(result: Result) -> dict[str, str]:
    """Heading -> text of each row, from the result and from the files that its run directory still holds.

    Raises:
        RunDirectoryError: a file of the run directory is damaged.
    """
    run = _ResultRecords(result)
    rows: dict[str, str] = {}
    for name, section in sections_in_order().items():
        with working(name, section):
            told = section.read(run)
            rows |= {} if told is None else section.lines(told)
    return rows


class _ResultRecords(RunRecords):
    """The records of a result in memory; its run directory may have been deleted."""

    def __init__(self, result: Result) -> None:
        self.path: Path = result.path
        self.__dict__ |= {
            "result": result,
            "genotype": _genotype(result),
            "reselection": result.reselection,
            "analysis": result.analysis,
            "seed_choice": result.choice,
            "finalists": result.finalists,
            "baselines": Baselines.of(result.baselines) if result.baselines else None,
        }


def _genotype(result: Result) -> Genotype | None:
    try:
        return result.genotype.genotype
    except DartboardError:  # an operation or space that is not installed here
        return None
