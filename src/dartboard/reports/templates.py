"""Reading and filling in the templates of the pages."""

import re
from functools import lru_cache
from pathlib import Path
from typing import Any

from jinja2 import ChoiceLoader, Environment, FileSystemLoader, PackageLoader, StrictUndefined
from markupsafe import Markup

from dartboard import wording

__all__ = ["render"]


def render(template: str, *, beside: Path | None = None, **values: Any) -> Markup:
    """Fill in a template; missing names are errors, and texts are escaped.

    Args:
        template: file name of the template. Every template may import `card` and `figure` from `parts.html.j2`.
        beside: folder of the template; None for the folder of the pages.
        values: values for the names in the template.
    """
    # Markup marks the text as HTML, since the template has escaped its values already.
    return Markup(_environment(beside).get_template(template).render(**values))


@lru_cache
def _environment(folder: Path | None) -> Environment:
    shared = PackageLoader("dartboard.reports", ".")
    environment = Environment(
        loader=ChoiceLoader([FileSystemLoader(folder), shared]) if folder else shared,
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"breakable": _breakable, "code": Markup("<code>{}</code>").format, "minus": _minus}
    environment.filters["signed"] = lambda fraction: _minus(wording.signed_points(fraction))
    words = ("cell_name", "compact", "count", "duration", "number", "percent", "plain_value", "points", "thousands")
    environment.filters |= {name: getattr(wording, name) for name in words}
    return environment


def _breakable(text: str, after: str = "-_./\\|+,") -> Markup:
    """A name that a line may break after the signs that join its words, where a whole name is too long."""
    return Markup("<wbr>").join(re.split(f"(?<=[{re.escape(after)}])", text))


def _minus(figure: str) -> str:
    """A figure with a minus, after which no line breaks, in place of a hyphen."""
    return re.sub(r"(?<!\w)-(?=\d)", "\N{MINUS SIGN}", figure)
