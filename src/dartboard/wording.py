"""How durations, counts, lists and figures read, in the terminal, in messages and in reports: one place for words."""

import re
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

__all__ = [
    "DASH",
    "Verbatim",
    "cell_name",
    "compact",
    "count",
    "dotted",
    "duration",
    "html_sheet",
    "html_table",
    "listing",
    "names_in",
    "number",
    "parse_duration",
    "parts_in",
    "percent",
    "plain_value",
    "points",
    "printable",
    "shortened",
    "signed_points",
    "some",
    "thousands",
]

_LONGEST_FIGURE = 8
"""Letters of a figure above which only six digits are written; people read, they do not compute."""

DASH = "\N{EN DASH}"
"""Stands for a figure that there is not."""

_LONGEST_NAME = 60
"""Characters of the name of an image or a file that a sentence or a table shows."""

_UNITS = {"d": 86400.0, "h": 3600.0, "m": 60.0, "s": 1.0}
_NUMBER = r"\d+(?:\.\d+)?"
_DURATION = re.compile(
    rf"(?:(?P<d>{_NUMBER})d)?(?:(?P<h>{_NUMBER})h)?(?:(?P<m>{_NUMBER})m(?:in)?)?(?:(?P<s>{_NUMBER})s?)?"
)


class Verbatim(str):
    """A text that people copy, such as a genotype, a path or a command: no display breaks it into lines."""

    __slots__ = ()


def count(number: int, noun: str, plural: str = "") -> str:
    """A number and what is counted, in the singular or in the plural.

    Args:
        number: how many there are.
        noun: what is counted, in the singular.
        plural: the plural, where it is not the singular with an s.

    >>> count(1, "epoch"), count(3, "epoch"), count(0, "class", "classes")
    ('1 epoch', '3 epochs', '0 classes')
    """
    return f"{number} {noun}" if number == 1 else f"{number} {plural or noun + 's'}"


def cell_name(kind: str) -> str:
    """The cells of one kind in words; spaces with a single kind call it "cell".

    >>> cell_name("normal"), cell_name("cell")
    ('normal cell', 'cell')
    """
    return kind if kind == "cell" else f"{kind} cell"


def listing(names: Iterable[str], last: str = "and") -> str:
    """Names as a sentence lists them; empty where there are none.

    Args:
        names: what is listed, in this order.
        last: the word before the last name.

    >>> listing(["conv"]), listing(["conv", "pool"]), listing(["conv", "pool", "skip"], last="or")
    ('conv', 'conv and pool', 'conv, pool or skip')
    """
    *first, final = list(names) or [""]
    return f"{', '.join(first)} {last} {final}" if first else final


def shortened(name: str, longest: int = _LONGEST_NAME) -> str:
    """A name or a path as sentences and tables show it: without its middle, if it is long; its end tells the most.

    >>> shortened("cats/0.png"), shortened("a/very/long/path/to/cats/0.png", 20)
    ('cats/0.png', 'a/very…to/cats/0.png')
    """
    if len(name) <= longest:
        return name
    first = (longest - 1) // 3
    return f"{name[:first]}\N{HORIZONTAL ELLIPSIS}{name[first + 1 - longest :]}"


def names_in(text: str) -> tuple[str, ...]:
    """The names in a list, each with its options; a comma among the options of a name does not split it.

    >>> names_in("random, darts:first=1,second=2,drnas")
    ('random', 'darts:first=1,second=2', 'drnas')
    >>> names_in("darts{search.layers=5,alpha_lr=0.1},random")
    ('darts{search.layers=5,alpha_lr=0.1}', 'random')
    """
    names: list[str] = []
    for part in parts_in(text):
        if names and ":" in names[-1] and ":" not in part and "=" in part:
            names[-1] += f",{part}"
        elif part.strip():
            names.append(part.strip())
    return tuple(names)


def parts_in(text: str) -> list[str]:
    """What stands between the commas of a text; a comma in brackets or braces does not split it.

    >>> parts_in("1,[2, 3],{a: 4, b: 5}")
    ['1', '[2, 3]', '{a: 4, b: 5}']
    """
    parts, depth = [""], 0
    for sign in text:
        depth += (sign in "[{(") - (sign in "]})")
        if sign == "," and depth <= 0:
            parts.append("")
        else:
            parts[-1] += sign
    return parts


def some(names: Sequence[str], most: int = 3, *, whole: bool = False) -> str:
    """The first of several names, each shortened unless `whole`, and how many more there are.

    >>> some(["a", "b"]), some(["a", "b", "c", "d", "e"])
    ('a, b', 'a, b, c and 2 more')
    """
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return f"{', '.join(name if whole else shortened(name) for name in names[:most])}{more}"


_CONTROLS = re.compile("[\\x00-\\x1f\\x7f-\\x9f\\u2028\\u2029\\u202a-\\u202e\\u2066-\\u2069\\ud800-\\udfff]")
"""Characters that move a cursor, turn the direction of writing, or are no text: no name shows them."""


def printable(text: str) -> str:
    r"""The text with escapes in place of control characters, as Python writes them; other characters stay as they are.

    >>> printable("ordinary"), printable("\x1b[2Jcat")
    ('ordinary', '\\x1b[2Jcat')
    """
    return text if text.isprintable() else _CONTROLS.sub(lambda found: ascii(found[0])[1:-1], text)


def duration(seconds: float | None) -> str:
    """A duration in its two largest units; a dash for None.

    Args:
        seconds: how long it is, 0 or more.

    >>> duration(5.04), duration(75), duration(7980), duration(200_000)
    ('5.0 s', '1 min 15 s', '2 h 13 min', '2 d 8 h')
    """
    if seconds is None:
        return DASH
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    if round(seconds) < 3600:
        minutes, rest = divmod(round(seconds), 60)
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    if round(seconds / 60) < 48 * 60:
        hours, minutes = divmod(round(seconds / 60), 60)
        return f"{hours} h {minutes} min"
    days, hours = divmod(round(seconds / 3600), 24)
    return f"{days} d {hours} h"


def parse_duration(text: str) -> float:
    """Seconds of a text such as "30m", "90s", "2h", "1h30m", "1d" or, without a unit, "90".

    >>> parse_duration("1h30m"), parse_duration("90"), parse_duration("0.5 h")
    (5400.0, 90.0, 1800.0)

    Raises:
        ValueError: the text is not of this form, or its duration is 0.
    """
    match = _DURATION.fullmatch(text.replace(" ", "").lower())
    seconds = sum(_UNITS[unit] * float(value) for unit, value in match.groupdict().items() if value) if match else 0.0
    if not seconds:
        raise ValueError(f"'{text}' is no length of time")
    return seconds


def percent(fraction: float | None, spread: float | None = None, *, digits: int = 2) -> str:
    """A fraction as a percentage, with its standard deviation where one is given; a dash for None.

    >>> percent(0.9312), percent(0.9312, 0.005), percent(0.9312, digits=1)
    ('93.12%', '93.12% ± 0.50%', '93.1%')
    """
    if fraction is None:
        return DASH
    return f"{fraction:.{digits}%}" + ("" if spread is None else f" ± {spread:.{digits}%}")


def signed_points(fraction: float) -> str:
    """A difference of two fractions in percentage points, with its sign and without a unit, for rows and tables.

    >>> signed_points(-0.0123), signed_points(-0.00001)
    ('-1.23', '0.00')
    """
    text = f"{100 * fraction:+.2f}"
    return "0.00" if text in ("+0.00", "-0.00") else text


def points(fraction: float, *, signed: bool = True) -> str:
    """A difference of two fractions in percentage points.

    Args:
        fraction: the difference.
        signed: whether a positive difference has a sign.

    >>> points(-0.0123), points(0.01, signed=False)
    ('\N{MINUS SIGN}1.23 points', '1.00 point')
    """
    text = signed_points(fraction)
    text = text if signed else text.lstrip("+")
    return f"{text} {'point' if text.lstrip('+-') == '1.00' else 'points'}".replace("-", "\N{MINUS SIGN}")


def thousands(value: int | None) -> str:
    """A large count with its thousands apart, by a narrow space that does not break; a dash for None."""
    return DASH if value is None else f"{value:,}".replace(",", "\N{NARROW NO-BREAK SPACE}")


def compact(value: int | None) -> str:
    """A large count in three or four digits; a dash for None.

    >>> compact(3349342)
    '3.35 M'
    """
    if value is None:
        return DASH
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= size:
            scaled = value / size
            return f"{scaled:.{2 if scaled < 10 else 1 if scaled < 100 else 0}f} {letter}"
    return str(value)


def number(value: float | None, digits: int = 4) -> str:
    """A plain figure, such as a loss; a dash for None."""
    return DASH if value is None else f"{value:.{digits}f}"


def plain_value(value: object) -> str:
    """The value of a setting, or another plain one, as people write it.

    >>> plain_value(True), plain_value([1, 2]), plain_value(None), plain_value(81 / 131), plain_value(2.0)
    ('true', '1, 2', 'none', '0.618321', '2.0')
    """
    if isinstance(value, float) and len(repr(value)) > _LONGEST_FIGURE:
        return f"{value:.6g}"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | tuple):
        return ", ".join(map(plain_value, value)) or "none"
    return "none" if value is None or value == {} else str(value)


def dotted(content: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """Nested plain data as text under dotted keys.

    >>> dotted({"seed": 7, "method": {"name": "darts", "options": {}}})
    {'seed': '7', 'method.name': 'darts', 'method.options': 'none'}
    """
    rows: dict[str, str] = {}
    for key, value in content.items():
        if isinstance(value, Mapping) and value:
            rows |= dotted(value, f"{prefix}{key}.")
        else:
            rows[f"{prefix}{key}"] = plain_value(value)
    return rows


def html_table(rows: Iterable[Sequence[str]], headings: Sequence[str] = ()) -> str:
    """A table for a notebook, the first column in bold; every text is escaped, and the path of a page is a link.

    >>> html_table([("a", "<b>")])
    '<table><tr><th style="text-align:left">a</th><td style="text-align:left">&lt;b&gt;</td></tr></table>'
    """
    head = "".join(f"<th {_LEFT}>{escape(heading)}</th>" for heading in headings)
    body = "".join(
        f"<tr><th {_LEFT}>{escape(first)}</th>{''.join(f'<td {_LEFT}>{_linked(text)}</td>' for text in others)}</tr>"
        for first, *others in rows
    )
    return f"<table>{f'<tr>{head}</tr>' if head else ''}{body}</table>"


def html_sheet(*parts: str) -> str:
    """Parts of HTML, one below the other, dark on white whatever the colours of the notebook; no scripts, no ids."""
    return f'<div style="color:#1d2630;background:#ffffff;padding:8px">{"".join(parts)}</div>'


_LEFT = 'style="text-align:left"'


def _linked(text: str) -> str:
    shown = escape(text)
    return f'<a href="{shown}" target="_blank">{shown}</a>' if text.endswith(".html") else shown
