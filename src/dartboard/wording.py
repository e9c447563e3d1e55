"""How numbers, counts and lengths of time read: the same words on a page, in the terminal and in a message."""

import re

__all__ = ["DASH", "compact", "count", "duration", "number", "parse_duration", "percent", "plural", "points", "setting"]

DASH = "\N{EN DASH}"
"""Stands for a figure that there is not."""

_UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0}
_DURATION = re.compile(r"(?:(?P<h>\d+(?:\.\d+)?)h)?(?:(?P<m>\d+(?:\.\d+)?)m(?:in)?)?(?:(?P<s>\d+(?:\.\d+)?)s?)?")


def duration(seconds: float | None) -> str:
    """Seconds as people say them, in the two largest units; a dash for None.

    >>> duration(5.04), duration(75), duration(3675), duration(200_000)
    ('5.0 s', '1 min 15 s', '1 h 01 min', '2 d 08 h')
    """
    if seconds is None:
        return DASH
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    if round(seconds) < 3600:
        minutes, rest = divmod(round(seconds), 60)
        return f"{minutes} min {rest:02d} s"
    if round(seconds / 60) < 48 * 60:
        hours, minutes = divmod(round(seconds / 60), 60)
        return f"{hours} h {minutes:02d} min"
    days, hours = divmod(round(seconds / 3600), 24)
    return f"{days} d {hours:02d} h"


def parse_duration(text: str) -> float:
    """Seconds of a text such as "30m", "90s", "2h", "1h30m" or, without a unit, "90".

    >>> parse_duration("1h30m"), parse_duration("90"), parse_duration("0.5 h")
    (5400.0, 90.0, 1800.0)

    Raises:
        ValueError: the text is none of these, or no time at all.
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


def points(fraction: float) -> str:
    """A difference of two fractions in percentage points, with its sign.

    >>> points(-0.0123)
    '\N{MINUS SIGN}1.23 points'
    """
    return f"{100 * fraction:+.2f} points".replace("-", "\N{MINUS SIGN}")


def count(value: int | None) -> str:
    """A count with its thousands apart, by a narrow space that does not break; a dash for None."""
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


def plural(how_many: int, noun: str, nouns: str = "") -> str:
    """So many of something.

    >>> plural(1, "epoch"), plural(3, "epoch"), plural(2, "copy", "copies")
    ('1 epoch', '3 epochs', '2 copies')
    """
    return f"{how_many} {noun if how_many == 1 else nouns or noun + 's'}"


def setting(value: object) -> str:
    """The value of a setting, as people write it.

    >>> setting(True), setting([1, 2]), setting(None)
    ('true', '1, 2', 'none')
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | tuple):
        return ", ".join(map(setting, value)) or "none"
    return "none" if value is None or value == {} else str(value)
