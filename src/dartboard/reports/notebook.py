"""A result as a notebook shows it: the rows of its sections, and the architecture drawn."""

from html import escape

from dartboard.errors import DartboardError
from dartboard.records import Result, notebook_view
from dartboard.reports.drawings.genotypes import draw_genotype
from dartboard.reports.rows import result_rows

__all__ = ["result_html"]

_SHEET = "color:#1d2630;background:#ffffff;padding:8px"
"""The drawings are dark on white, whatever the notebook's colours are."""


@notebook_view
def result_html(result: Result) -> str:
    """One `<div>` without scripts and ids; every name in it is escaped."""
    rows = "".join(
        f'<tr><th style="text-align:left">{escape(heading)}</th><td style="text-align:left">{_cell(text)}</td></tr>'
        for heading, text in result_rows(result).items()
    )
    return f'<div style="{_SHEET}"><table>{rows}</table>{_drawings(result)}</div>'


def _cell(text: str) -> str:
    """The way to a page is a link."""
    shown = escape(text)
    return f'<a href="{shown}" target="_blank">{shown}</a>' if text.endswith(".html") else shown


def _drawings(result: Result) -> str:
    try:
        drawings = draw_genotype(result.genotype.genotype)
    except DartboardError:  # an operation or space that is not installed here
        return ""
    return "".join(f"<p>{escape(kind)}</p>{drawing}" for kind, drawing in drawings)
