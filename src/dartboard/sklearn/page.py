"""The report of a run as something that a notebook shows and that paths are made of."""

from dataclasses import dataclass
from html import escape
from pathlib import Path

__all__ = ["ReportPage"]

_HEIGHT = 700
"""Pixels; the page scrolls."""


@dataclass(frozen=True)
class ReportPage:
    """A report: its path for `str`, `open` and `Path`, the page itself for a notebook.

    Attributes:
        path: of `report.html`.
    """

    path: Path

    def __fspath__(self) -> str:
        return str(self.path)

    def __str__(self) -> str:
        return str(self.path)

    def _repr_html_(self) -> str:
        page = escape(self.path.read_text(encoding="utf-8"))
        return f'<iframe srcdoc="{page}" style="width:100%;height:{_HEIGHT}px;border:0"></iframe>'
