"""Figures for papers: one column wide, as SVG and PDF, with fonts that a printer takes."""

import io
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from dartboard.runs import write_atomically

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["COLOURS", "COLUMN", "paper_style", "write_figure"]

COLUMN = 3.5
"""Width of a column in inches, 88.9 mm: that of two-column journals; single-column ones scale it."""

COLOURS = (
    *("#3b82c4", "#d9772b", "#2f9e6e", "#8b5cc7", "#c2474f"),
    *("#7a6a53", "#4b9fb0", "#a3882c", "#5f6b78", "#b0568f"),
)
"""Colours of methods, in their order."""

_STYLE: Any = MappingProxyType(
    {
        "font.family": "DejaVu Sans",
        "font.size": 7.0,
        "axes.labelsize": 7.0,
        "axes.titlesize": 7.0,
        "axes.linewidth": 0.6,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.grid": False,
        "axes.axisbelow": True,
        "legend.fontsize": 6.5,
        "legend.frameon": False,
        "lines.linewidth": 1.2,
        "xtick.labelsize": 6.5,
        "ytick.labelsize": 6.5,
        "xtick.major.width": 0.6,
        "ytick.major.width": 0.6,
        # Letters as outlines of a TrueType font (42): journals refuse type 3.
        "pdf.fonttype": 42,
        "svg.fonttype": "none",
        "svg.hashsalt": "dartboard",
    }
)


@contextmanager
def paper_style() -> Iterator[None]:
    """Set the style of figures for papers; afterwards the caller's matplotlib settings are restored."""
    import matplotlib

    with matplotlib.rc_context(dict(_STYLE)):
        yield


def write_figure(draw: Callable[[], "Figure"], path: Path) -> None:
    """Draw a figure in the style of papers, and write it as `path`.svg and `path`.pdf.

    Args:
        draw: makes the figure, one column wide; the same figure is written as the same bytes.
        path: where the files go, without an ending.

    Raises:
        RunDirectoryError: a file cannot be written.
    """
    undated = {"svg": {"Date": None, "Creator": None}, "pdf": {"CreationDate": None, "Creator": None, "Producer": None}}
    with paper_style(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        figure = draw()
        for ending, metadata in undated.items():
            stream = io.BytesIO()
            figure.savefig(stream, format=ending, metadata=metadata)
            write_atomically(path.with_name(f"{path.name}.{ending}"), _written(stream.getvalue()))


def _written(content: bytes) -> Callable[[Any], Any]:
    return lambda stream: stream.write(content)
