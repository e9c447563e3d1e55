"""Lengths of time as people write and read them."""

import re

__all__ = ["duration", "parse_duration"]

_UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0}
_DURATION = re.compile(r"(?:(?P<h>\d+(?:\.\d+)?)h)?(?:(?P<m>\d+(?:\.\d+)?)m(?:in)?)?(?:(?P<s>\d+(?:\.\d+)?)s?)?")


def duration(seconds: float) -> str:
    """Seconds as people say them.

    >>> duration(5.04), duration(75), duration(3675)
    ('5.0 s', '1 min 15 s', '1 h 01 min')
    """
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"


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
