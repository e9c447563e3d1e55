"""Tables as CSV text that a spreadsheet opens without running what stands in a cell."""

import csv
import io
import re
from collections.abc import Iterable, Sequence

__all__ = ["csv_rows", "csv_text", "safe_cell", "written_cell"]

_RUN = re.compile(r"'*[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")
"""How a text begins that a spreadsheet would run or swallow, with the apostrophes that stand before it."""

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")


def safe_cell(text: str) -> str:
    r"""A text with an apostrophe in front where a spreadsheet would otherwise run it; numbers stay as they are.

    Class and file names can hold formulas. The apostrophe is what spreadsheets take for "this is text"
    (OWASP, "CSV Injection"); `written_cell` takes it off again.

    >>> safe_cell("=SUM(A1)"), safe_cell("'=x"), safe_cell("-1"), safe_cell("'tis"), safe_cell("a=b")
    ("'=SUM(A1)", "''=x", '-1', "'tis", 'a=b')
    """
    return f"'{text}" if _RUN.match(text) and not _NUMBER.fullmatch(text) else text


def written_cell(text: str) -> str:
    """The text that `safe_cell` was given.

    >>> written_cell(safe_cell("=SUM(A1)")), written_cell("'tis"), written_cell("-1")
    ('=SUM(A1)', "'tis", '-1')
    """
    return text[1:] if text[:1] == "'" and _RUN.match(text) else text


def csv_text(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table as CSV; None becomes an empty cell, and texts go through `safe_cell`."""
    return "".join(map(_line, (header, *rows)))


def _line(row: Sequence[object]) -> str:
    stream = io.StringIO(newline="")
    # The writer only quotes the line breaks that it ends lines with, so it must end them with both.
    writer = csv.writer(stream, lineterminator="\r\n")
    writer.writerow(["" if cell is None else safe_cell(cell) if isinstance(cell, str) else cell for cell in row])
    return stream.getvalue().removesuffix("\r\n") + "\n"


def csv_rows(text: str) -> list[list[str]]:
    """The rows of a table that `csv_text` wrote, the header first, with every text as it was given."""
    return [[written_cell(cell) for cell in row] for row in csv.reader(io.StringIO(text, newline=""))]
