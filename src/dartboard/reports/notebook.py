"""A result as a notebook shows it: a short table, and the architecture drawn."""

from collections.abc import Iterator
from html import escape

from dartboard.errors import DartboardError
from dartboard.records import Result, notebook_view
from dartboard.reports.page import draw_genotype
from dartboard.reports.wording import compact, duration, percent, points

__all__ = ["result_html"]

_SHEET = "color:#1d2630;background:#ffffff;padding:8px"
"""The drawings are dark on white, whatever the notebook's colours are."""


@notebook_view
def result_html(result: Result) -> str:
    """One `<div>` without scripts and ids; every name in it is escaped."""
    rows = "".join(
        f'<tr><th style="text-align:left">{escape(heading)}</th><td style="text-align:left">{content}</td></tr>'
        for heading, content in _rows(result)
    )
    return f'<div style="{_SHEET}"><table>{rows}</table>{"".join(_drawings(result))}</div>'


def _rows(result: Result) -> Iterator[tuple[str, str]]:
    """Headings, and contents as HTML."""
    if result.test_accuracy is not None:
        yield "test accuracy", _accuracy(result.test_accuracy, result.test_accuracy_std)
    if result.objective == "balanced-accuracy" and result.balanced_accuracy is not None:
        yield "balanced accuracy", percent(result.balanced_accuracy)
    if result.validation_accuracy is not None:
        yield "validation accuracy", percent(result.validation_accuracy)
    for baseline in result.baselines.values():
        low, high = (points(end) for end in baseline.interval)
        accuracy = _accuracy(baseline.test_accuracy, baseline.test_accuracy_std)
        if baseline.objective == "balanced-accuracy":
            accuracy = f"{percent(baseline.balanced_accuracy)} balanced accuracy"
        yield (
            baseline.what,
            f"{accuracy}; the network found is {points(baseline.difference)} from it (95% interval {low} to {high})",
        )
    yield "parameters", compact(result.parameters)
    yield "multiply-adds", compact(result.multiply_adds)
    yield "architecture", f"<code>{escape(result.genotype.text)}</code>"
    yield "time", duration(result.seconds.get("total"))
    page = escape(str(result.path / "report.html"))
    yield "report", f'<a href="{page}" target="_blank">{page}</a>'


def _drawings(result: Result) -> Iterator[str]:
    try:
        drawings = draw_genotype(result.genotype.genotype)
    except DartboardError:  # an operation or space that is not installed here
        return
    for kind, drawing in drawings:
        yield f"<p>{escape(kind)}</p>{drawing}"


def _accuracy(mean: float, deviation: float | None) -> str:
    return percent(mean) + (f" \u00b1 {percent(deviation)}" if deviation else "")
