"""How durations, counts and lists read, in the terminal, in messages and in reports: one place for words."""

import re
from collections.abc import Iterable

__all__ = ["count", "duration", "listing", "parse_duration"]

_UNITS = {"d": 86400.0, "h": 3600.0, "m": 60.0, "s": 1.0}
_NUMBER = r"\d+(?:\.\d+)?"
_DURATION = re.compile(
    rf"(?:(?P<d>{_NUMBER})d)?(?:(?P<h>{_NUMBER})h)?(?:(?P<m>{_NUMBER})m(?:in)?)?(?:(?P<s>{_NUMBER})s?)?"
)


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


def duration(seconds: float) -> str:
    """A duration in its two largest units.

    Args:
        seconds: how long it is, 0 or more.

    >>> duration(5.04), duration(75), duration(7980), duration(200_000)
    ('5.0 s', '1 min 15 s', '2 h 13 min', '2 d 8 h')
    """
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
