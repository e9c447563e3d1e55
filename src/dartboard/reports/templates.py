"""Where the templates of the pages lie, and how they are read."""

from jinja2 import Environment, PackageLoader, StrictUndefined

from dartboard.reports.wording import compact, count, duration, number, percent, points

__all__ = ["make_environment"]


def make_environment() -> Environment:
    """For all pages: names that are missing are errors, and texts are escaped."""
    environment = Environment(
        loader=PackageLoader("dartboard.reports", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "percent": percent,
        "count": count,
        "compact": compact,
        "duration": duration,
        "number": number,
        "points": points,
    }
    return environment
