"""Turns matplotlib figures into small, reproducible SVG with the colours and fonts of the page."""

import io
import re
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from html import escape
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["GRID", "INK", "MUTED", "SURFACE", "figure_to_svg", "style"]

INK, MUTED, GRID, SURFACE = "#010a0b", "#010a0c", "#010a0d", "#010a0e"
"""Placeholder colours that are used for nothing else; the colours of the page replace them."""

_PAGE_COLOURS: Mapping[str, str] = MappingProxyType(
    {
        INK: "var(--ink, #1d2630)",
        MUTED: "var(--muted, #5f6b78)",
        GRID: "var(--grid, #dfe3e8)",
        SURFACE: "var(--surface, #ffffff)",
    }
)

_STYLE: Any = MappingProxyType(
    {
        "svg.fonttype": "none",
        "font.family": "DejaVu Sans",
        "font.size": 8.5,
        "text.color": INK,
        "axes.edgecolor": GRID,
        "axes.facecolor": "none",
        "axes.grid": True,
        "axes.axisbelow": True,
        "axes.labelcolor": MUTED,
        "axes.labelsize": 8.5,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.titlelocation": "left",
        "axes.titlesize": 9.0,
        "figure.facecolor": "none",
        "grid.color": GRID,
        "grid.linewidth": 0.7,
        "legend.frameon": False,
        "legend.fontsize": 8.5,
        "lines.linewidth": 1.7,
        "lines.solid_capstyle": "round",
        "lines.solid_joinstyle": "round",
        "xtick.color": GRID,
        "ytick.color": GRID,
        "xtick.labelcolor": MUTED,
        "ytick.labelcolor": MUTED,
        "xtick.labelsize": 8.0,
        "ytick.labelsize": 8.0,
        "xtick.major.size": 3.0,
        "ytick.major.size": 0.0,
    }
)


@contextmanager
def style() -> Iterator[None]:
    """Set the style of the charts while a figure is built; afterwards the caller's matplotlib settings are restored."""
    import matplotlib

    with matplotlib.rc_context(dict(_STYLE)):
        yield


def figure_to_svg(figure: "Figure", name: str, title: str) -> str:
    """Render a figure as one `<svg>` element.

    Args:
        figure: figure that was built under `style()`.
        name: name that is unique on the page; all remaining ids begin with it.
        title: title for screen readers.

    Returns:
        The element, without XML prologue, metadata and fixed width; the same bytes for the same figure.
    """
    import matplotlib

    stream = io.StringIO()
    with matplotlib.rc_context({**_STYLE, "svg.hashsalt": name}), warnings.catch_warnings():
        # The browser draws the letters, with fonts that have them.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        figure.savefig(stream, format="svg", metadata={"Date": None, "Creator": None})
    return _page_ready(stream.getvalue(), name, title)


def _page_ready(text: str, name: str, title: str) -> str:
    match = re.search(r'viewBox="([^"]+)"[^>]*>(.*)</svg>', text, flags=re.DOTALL)
    if match is None:
        raise AssertionError("matplotlib wrote no <svg> element")
    view, body = match.group(1), match.group(2)
    body = re.sub(r"<metadata>.*?</metadata>|<!--.*?-->|<style.*?</style>|<defs>\s*</defs>", "", body, flags=re.DOTALL)
    body = _own_ids(body, name)
    for stand_in, colour in _PAGE_COLOURS.items():
        body = body.replace(stand_in, colour)
    body = re.sub(r"font: ([^;\"]*?)'DejaVu Sans'[^;\"]*", r"font: \1system-ui, sans-serif", body)
    body = re.sub(r"<[^>]+>", _shortened, body)
    body = re.sub(r"\s*\n\s*", "\n", body).replace("\n<", "<").replace(" \n", " ")
    width = float(view.split()[2])
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" role="img" '
        f'aria-label="{escape(title)}" class="chart" viewBox="{view}" '
        f'style="width:100%;max-width:{width * 1.5:.0f}px;stroke-linejoin:round;stroke-linecap:butt">'
        f"<title>{escape(title)}</title>{body.strip()}</svg>"
    )


def _shortened(tag: re.Match[str]) -> str:
    """A tag with at most two decimals in its places; what is written between tags, such as labels, stays as it is."""
    return re.sub(r"-?\d+\.\d{3,}", lambda number: f"{float(number.group()):.2f}".rstrip("0").rstrip("."), tag.group())


def _own_ids(body: str, name: str) -> str:
    """Drop the ids that nothing refers to, and prefix the others with `name`, since several pictures share a page."""
    used = set(re.findall(r'href="#([^"]+)"|url\(#([^)]+)\)', body))
    referenced = {first or second for first, second in used}
    body = re.sub(r' id="([^"]+)"', lambda found: f' id="{name}-{found[1]}"' if found[1] in referenced else "", body)
    body = re.sub(r'href="#', f'href="#{name}-', body)
    return re.sub(r"url\(#", f"url(#{name}-", body)
