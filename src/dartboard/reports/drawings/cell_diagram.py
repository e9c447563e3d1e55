"""Draws a discrete cell as an SVG picture: inputs on the left, output on the right, an operation on every edge."""

from html import escape
from itertools import pairwise

from dartboard.reports.colours import FAMILIES, FAMILY_COLOURS, family
from dartboard.reports.drawings.cell_layout import Box, CellLayout, Route, place_cell
from dartboard.space.genotype import CellGenotype, Choice

__all__ = ["draw_cell"]

_INK, _MUTED, _LINE, _SURFACE = (
    "var(--ink, #1d2630)",
    "var(--muted, #5f6b78)",
    "var(--wire, #a7b0ba)",
    "var(--node, #eef1f4)",
)
_LEGEND_HEIGHT = 34.0
_ARROW_LENGTH, _ARROW_HALF_WIDTH = 8.0, 4.0


def draw_cell(cell: CellGenotype, *, title: str = "cell", num_inputs: int | None = None) -> str:
    """Draw one cell.

    Nodes have the numbers of the genotype's text; the inputs have the names of the literature (`c_{k-2}`, `c_{k-1}`).
    Each edge has the colour of its operation's family, and a box with the name of the operation. If attention follows
    the operation, its name is below. Edges of `none` are dashed and grey.

    Args:
        cell: the cell.
        title: title of the picture, as in "normal cell".
        num_inputs: number of input nodes of the cell; None derives it from the cell.

    Returns:
        One `<svg>` element without ids, for an HTML page or a file. It uses the page's colours `--ink`, `--muted`,
        `--wire` and `--node` if they are defined.
    """
    layout = place_cell(cell, num_inputs)
    description = "; ".join(f"{choice.source} to {choice.target}: {_name(choice)}" for choice in cell.choices)
    shown_inputs = sum(box.kind == "input" for box in layout.boxes)
    legend, legend_width = _legend([choice.op for choice in cell.choices])
    width, height = max(layout.width, legend_width), layout.height + _LEGEND_HEIGHT
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-label="{escape(title)}" class="cell-diagram" '
        f'viewBox="0 0 {width:.0f} {height:.0f}" style="width:100%;max-width:{width:.0f}px" '
        'font-family="system-ui, -apple-system, Segoe UI, Roboto, sans-serif" font-size="12.5">',
        f"<title>{escape(title)}</title>",
        f"<desc>{escape(description)}</desc>",
        *(_draw_route(route) for route in sorted(layout.routes, key=_drawing_order)),
        *(_draw_box(box, shown_inputs, _joins(layout)) for box in layout.boxes),
        f'<g transform="translate({(width - legend_width) / 2:.1f} {layout.height + 12:.1f})">{legend}</g>',
        "</svg>",
    ]
    return "\n".join(part for part in parts if part)


def _name(choice: Choice) -> str:
    return f"{choice.op}, then {choice.attention}" if choice.attention else choice.op


def _joins(layout: CellLayout) -> bool:
    return sum(route.operation is None for route in layout.routes) > 1


def _drawing_order(route: Route) -> int:
    if route.operation is None:
        return 1
    return 0 if family(route.operation) == "none" else 2


def _draw_route(route: Route) -> str:
    """Draw an edge, interrupted by the box of its operation, with an arrow head at its end."""
    colour = _LINE if route.operation is None else FAMILY_COLOURS[family(route.operation)]
    dashes = ' stroke-dasharray="5 4"' if route.operation is not None and family(route.operation) == "none" else ""
    path, last = [], len(route.boxes) - 2
    for number, (start, end) in enumerate(pairwise(route.boxes)):
        x1, x2 = start.x + start.width / 2, end.x - end.width / 2
        stop = x2 - _ARROW_LENGTH + 1 if number == last else x2
        middle = (x1 + x2) / 2
        lead = f"L{x1:.1f} {start.y:.1f}" if start.kind == "pass" else f"M{x1:.1f} {start.y:.1f}"
        path.append(f"{lead}C{middle:.1f} {start.y:.1f} {middle:.1f} {end.y:.1f} {stop:.1f} {end.y:.1f}")
    tip = route.boxes[-1].x - route.boxes[-1].width / 2
    y = route.boxes[-1].y
    arrow = f"M{tip:.1f} {y:.1f}l{-_ARROW_LENGTH} {-_ARROW_HALF_WIDTH}v{2 * _ARROW_HALF_WIDTH}z"
    thickness = 1.3 if route.operation is None else 1.9
    return (
        f'<path d="{"".join(path)}" fill="none" stroke="{colour}" stroke-width="{thickness}"{dashes}/>'
        f'<path d="{arrow}" fill="{colour}"/>'
    )


def _draw_box(box: Box, num_inputs: int, joins: bool) -> str:
    if box.kind == "pass":
        return ""
    if box.kind == "operation":
        colour = FAMILY_COLOURS[family(box.label)]
        dashes = ' stroke-dasharray="4 3"' if family(box.label) == "none" else ""
        frame = _rectangle(box, 7, f'fill="{colour}" fill-opacity="0.15" stroke="{colour}" stroke-width="1.2"{dashes}')
        if box.detail:
            return frame + _two_lines(box, escape(box.label), escape(box.detail))
        return frame + _text(box, escape(box.label), size=12.5)
    if box.kind == "node":
        circle = f'<circle cx="{box.x:.1f}" cy="{box.y:.1f}" r="{box.height / 2:.1f}" {_node_paint()}/>'
        return circle + _text(box, box.label, size=15, weight=600)
    frame = _rectangle(box, box.height / 2, _node_paint())
    if box.kind == "input":
        return frame + _text(box, _input_name(int(box.label), num_inputs), size=15, weight=600)
    if not joins:
        return frame + _text(box, "output", size=12.5, weight=600)
    return frame + _two_lines(box, "output", "concat", weight=600)


def _node_paint() -> str:
    return f'fill="{_SURFACE}" stroke="{_LINE}" stroke-width="1.4"'


def _input_name(number: int, num_inputs: int) -> str:
    back = num_inputs - number
    return f'<tspan font-style="italic">c</tspan><tspan dy="4" font-size="10.5">k\u2212{back}</tspan>'


def _rectangle(box: Box, radius: float, paint: str) -> str:
    left, top = box.x - box.width / 2, box.y - box.height / 2
    size = f'width="{box.width:.1f}" height="{box.height:.1f}" rx="{radius:.0f}"'
    return f'<rect x="{left:.1f}" y="{top:.1f}" {size} {paint}/>'


def _text(box: Box, content: str, *, size: float, weight: int = 400, colour: str = _INK) -> str:
    return (
        f'<text x="{box.x:.1f}" y="{box.y + 0.35 * size:.1f}" text-anchor="middle" font-size="{size}" '
        f'font-weight="{weight}" fill="{colour}">{content}</text>'
    )


def _two_lines(box: Box, upper: str, lower: str, *, weight: int = 400) -> str:
    above, below = (Box(box.kind, "", 0, box.x, box.y + shift) for shift in (-6.5, 7.5))
    return _text(above, upper, size=12.5, weight=weight) + _text(below, lower, size=10.5, colour=_MUTED)


def _legend(operations: list[str]) -> tuple[str, float]:
    """The legend with the colours of the families in the cell, and its width."""
    present = [name for name in FAMILIES if any(family(operation) == name for operation in operations)]
    parts, left = [], 0.0
    for name in present:
        parts.append(
            f'<rect x="{left:.1f}" y="0" width="12" height="12" rx="3" fill="{FAMILY_COLOURS[name]}"/>'
            f'<text x="{left + 18:.1f}" y="10.5" font-size="12" fill="{_MUTED}">{name}</text>'
        )
        left += 18 + 6.4 * len(name) + 22
    return "".join(parts), max(left - 22, 0.0)
