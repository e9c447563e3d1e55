"""Lists the registered things below the help of a verb, without importing them, since importing torch takes a second.

Things of this package are read from its source code, where a decorator names each of them. The registry itself is
asked where other packages register things too, or where the registry is imported already.
"""

import ast
import inspect
import sys
from collections.abc import Callable, Iterator, Mapping
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, NamedTuple

from rich.console import Console
from rich.panel import Panel
from rich.table import Table
from rich.text import Text
from typer.core import TyperCommand

from dartboard.registry import REGISTRIES, Shelf

__all__ = ["Registered", "completing", "find_registered", "read_source", "showing"]

_PACKAGE = Path(__file__).resolve().parents[1]


class Registered(NamedTuple):
    """One registered thing, as text.

    Attributes:
        name: the registry name.
        summary: first line of the docstring, without a full stop.
        options: name of an option -> its default value.
    """

    name: str
    summary: str
    options: Mapping[str, str]


def showing(*kinds: str) -> type[TyperCommand]:
    """A command with a help that ends with the registered things of these kinds (keys of `REGISTRIES`)."""

    class Showing(TyperCommand):
        def format_help(self, ctx: Any, formatter: Any) -> None:
            super().format_help(ctx, formatter)
            for kind in kinds:
                Console().print(_panel(REGISTRIES[kind]))

    return Showing


def completing(kind: str) -> Callable[[str], list[tuple[str, str]]]:
    """What a shell offers for the beginning of a name: the registered things of a kind, with their summaries."""

    def offer(incomplete: str) -> list[tuple[str, str]]:
        found = find_registered(REGISTRIES[kind])
        return [(each.name, each.summary) for each in found if each.name.startswith(incomplete)]

    return offer


def find_registered(shelf: Shelf) -> list[Registered]:
    """Everything that a registry holds, sorted by name."""
    if shelf.module in sys.modules or entry_points(group=shelf.group):
        return [
            Registered(
                entry.name, entry.summary, {name: str(value) for name, value in entry.options.items() if shelf.options}
            )
            for entry in shelf.open()
        ]
    return sorted(read_source(shelf))


def read_source(shelf: Shelf) -> Iterator[Registered]:
    """The things of this package, read from the source code of the registry's module or package."""
    place = _PACKAGE.joinpath(*shelf.ours.split(".")[1:])
    for path in place.glob("*.py") if place.is_dir() else [place.with_suffix(".py")]:
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.FunctionDef | ast.ClassDef):
                yield from _registered(node, shelf)


def _registered(made: ast.FunctionDef | ast.ClassDef, shelf: Shelf) -> Iterator[Registered]:
    """One entry for each decorator that gives the function or class a registry name."""
    for each in made.decorator_list:
        if isinstance(each, ast.Call) and ast.unparse(each.func) == shelf.decorator:
            summary = inspect.cleandoc(ast.get_docstring(made) or "").partition("\n")[0].rstrip(".")
            options = {}
            if isinstance(made, ast.FunctionDef) and shelf.options:
                defaults = zip(made.args.kwonlyargs, made.args.kw_defaults, strict=True)
                options = {name.arg: _plain(value) for name, value in defaults if value is not None}
            yield Registered(ast.literal_eval(each.args[0]), summary, options)


def _plain(value: ast.expr) -> str:
    try:
        return str(ast.literal_eval(value))
    except ValueError:
        return ast.unparse(value)


def _panel(shelf: Shelf) -> Panel:
    table = Table(box=None, show_header=False, pad_edge=False)
    for each in find_registered(shelf):
        options = ", ".join(f"{name}={value}" for name, value in each.options.items())
        table.add_row(Text(each.name, style="bold cyan"), Text(each.summary + (f"\n{options}" if options else "")))
    title = f"{shelf.what[:1].upper()}{shelf.what[1:]} ({', '.join(filter(None, (shelf.use, shelf.options)))})"
    return Panel(table, title=Text(title), title_align="left", border_style="dim")
