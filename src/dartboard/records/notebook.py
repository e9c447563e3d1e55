"""What a notebook shows of a document: HTML that a higher room registers for it, or else its JSON."""

import json
from collections.abc import Callable
from html import escape
from typing import Any, TypeVar

from dartboard.runs import Document

__all__ = ["notebook_view", "view_of"]

Kind = TypeVar("Kind", bound=Document)

_VIEWS: dict[str, Callable[[Any], str]] = {}
"""File of a document -> the function that gives its HTML."""


def notebook_view(kind: type[Kind]) -> Callable[[Callable[[Kind], str]], Callable[[Kind], str]]:
    """Register the decorated function, which gives the HTML that a notebook shows of such a document."""

    def register(view: Callable[[Kind], str]) -> Callable[[Kind], str]:
        _VIEWS[kind.file] = view
        return view

    return register


def view_of(document: Document) -> str:
    """The HTML of a document; without a function for it, its JSON text."""
    return _VIEWS.get(document.file, _plain_view)(document)


def _plain_view(document: Document) -> str:
    return f"<pre>{escape(json.dumps(document.to_json(), indent=2, ensure_ascii=False))}</pre>"
