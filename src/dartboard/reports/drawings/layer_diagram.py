"""Draws a layer-wise network as an SVG picture: a row for each stage, a box for each block."""

from html import escape

from dartboard.reports.colours import operation_colour
from dartboard.space.genotype import Choice, Genotype

__all__ = ["draw_layers"]

_INK, _MUTED, _LINE = "var(--ink, #1d2630)", "var(--muted, #5f6b78)", "var(--wire, #a7b0ba)"
_LEFT, _MARGIN = 76.0, 14.0
_BOX_WIDTH, _BOX_HEIGHT, _GAP = 148.0, 34.0, 34.0
_ROW_HEIGHT, _ARC = 70.0, 15.0
_ARROW_LENGTH, _ARROW_HALF_WIDTH = 8.0, 4.0


def draw_layers(genotype: Genotype, *, shortcuts: bool = True) -> str:
    """Draw a layer-wise genotype.

    Each row is a stage and is read from left to right, then the next row. A block has the name of its operation, below
    it that of the attention where one follows; an arc over it is its identity shortcut. Blocks that were left out are
    dashed.

    Args:
        genotype: one with `stages`.
        shortcuts: whether all blocks but the first of a stage have an identity shortcut around them.

    Returns:
        One `<svg>` element without ids, for an HTML page or a file. It uses the page's colours `--ink`, `--muted` and
        `--wire` if they are defined.
    """
    longest = max(map(len, genotype.stages))
    width = _LEFT + longest * (_BOX_WIDTH + _GAP) + _MARGIN
    height = len(genotype.stages) * _ROW_HEIGHT + 2 * _MARGIN
    description = "; ".join(
        f"stage {number}: {', '.join(map(_name, stage))}" for number, stage in enumerate(genotype.stages, 1)
    )
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-label="network" class="layer-diagram" '
        f'viewBox="0 0 {width:.0f} {height:.0f}" style="width:100%;max-width:{width:.0f}px" '
        'font-family="system-ui, -apple-system, Segoe UI, Roboto, sans-serif" font-size="12.5">',
        "<title>network</title>",
        f"<desc>{escape(description)}</desc>",
        *(_draw_stage(number, stage, shortcuts) for number, stage in enumerate(genotype.stages, 1)),
        "</svg>",
    ]
    return "\n".join(parts)


def _name(choice: Choice) -> str:
    return f"{choice.op}, then {choice.attention}" if choice.attention else choice.op


def _draw_stage(number: int, stage: tuple[Choice, ...], shortcuts: bool) -> str:
    middle = _MARGIN + (number - 0.5) * _ROW_HEIGHT + _ARC / 2
    label = _text(_MARGIN, middle, f"stage {number}", anchor="start", colour=_MUTED)
    return label + "".join(
        _draw_block(choice, column, middle, shortcut=shortcuts and column > 0) for column, choice in enumerate(stage)
    )


def _draw_block(choice: Choice, column: int, y: float, *, shortcut: bool) -> str:
    """The arrow to the block, its box, and its shortcut if it has one."""
    left = _LEFT + column * (_BOX_WIDTH + _GAP) + _GAP
    colour, absent = operation_colour(choice.op), choice.op in ("zero", "skip_connect")
    start, tip = left - _GAP, left
    arrow = (
        f'<path d="M{start:.1f} {y:.1f}H{tip - _ARROW_LENGTH + 1:.1f}" stroke="{_LINE}" stroke-width="1.4"/>'
        f'<path d="M{tip:.1f} {y:.1f}l{-_ARROW_LENGTH} {-_ARROW_HALF_WIDTH}v{2 * _ARROW_HALF_WIDTH}z" fill="{_LINE}"/>'
    )
    top, radius = y - _BOX_HEIGHT / 2, 8
    dashes = ' stroke-dasharray="4 3"' if absent else ""
    box = (
        f'<rect x="{left:.1f}" y="{top:.1f}" width="{_BOX_WIDTH}" height="{_BOX_HEIGHT}" rx="7" fill="{colour}" '
        f'fill-opacity="{0.05 if absent else 0.18}" stroke="{colour}" stroke-width="1.4"{dashes}/>'
    )
    centre = left + _BOX_WIDTH / 2
    if choice.attention:
        label = _text(centre, y - 6.5, choice.op) + _text(centre, y + 8, choice.attention, size=10.5, colour=_MUTED)
    else:
        label = _text(centre, y, choice.op, colour=_MUTED if absent else _INK)
    if not shortcut:
        return arrow + box + label
    begin, end, above = left - _GAP / 2, left + _BOX_WIDTH + _GAP / 4, top - _ARC / 2
    arc = (
        f'<path d="M{begin:.1f} {y:.1f}V{above + radius:.1f}q0 {-radius} {radius} {-radius}H{end - radius:.1f}'
        f'q{radius} 0 {radius} {radius}V{y:.1f}" fill="none" stroke="{_LINE}" '
        f'stroke-width="{2.4 if absent else 1.4}"/>'
    )
    tail = f'<path d="M{left + _BOX_WIDTH:.1f} {y:.1f}H{end:.1f}" stroke="{_LINE}" stroke-width="1.4"/>'
    return arc + arrow + tail + box + label


def _text(x: float, y: float, content: str, *, size: float = 12.5, anchor: str = "middle", colour: str = _INK) -> str:
    return (
        f'<text x="{x:.1f}" y="{y + 0.35 * size:.1f}" text-anchor="{anchor}" font-size="{size}" '
        f'fill="{colour}">{escape(content)}</text>'
    )
