"""Lists the registered things below the help of a verb, without importing them, since importing torch takes a second.

Things of this package are read from its source code, where a decorator names each of them. The registry itself is
asked where other packages register things too, or where the registry is imported already.
"""

import ast
import inspect
import json
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

from dartboard.shelves import REGISTRIES, Shelf

__all__ = ["Registered", "completing", "find_registered", "is_ours_alone", "listed", "manual", "read_source", "showing"]

_PACKAGE = Path(__file__).resolve().parents[1]


class Registered(NamedTuple):
    """One registered thing, as text.

    Attributes:
        name: the registry name.
        summary: first line of the docstring, without a full stop.
        paper: where it was published; empty where that is nowhere.
        group: key of the heading under which it is listed; empty without one.
        options: name of an option -> its default value; empty for kinds without options.
    """

    name: str
    summary: str
    paper: str
    group: str
    options: Mapping[str, Any]


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


def is_ours_alone(shelf: Shelf) -> bool:
    """Whether all that is registered of a kind is in this package, so that no registry need be asked."""
    return shelf.module not in sys.modules and not entry_points(group=shelf.group)


def manual() -> dict[str, Any]:
    """The settings, what presets set, and the lists of presets and spaces, as docs/generate.py has written them."""
    found: dict[str, Any] = json.loads((_PACKAGE / "settings" / "manual.json").read_text(encoding="utf-8"))
    return found


def find_registered(shelf: Shelf) -> list[Registered]:
    """Everything that a registry holds, sorted by name."""
    if not is_ours_alone(shelf):
        return [
            Registered(
                entry.name, entry.summary, entry.paper, entry.group, dict(entry.options) if shelf.options else {}
            )
            for entry in shelf.open()
        ]
    return sorted(read_source(shelf), key=lambda each: each.name)


def listed(kind: str, *, further: bool = False) -> list[dict[str, Any]]:
    """What `dartboard.list_...()` gives for a kind, without importing the things unless other packages have some.

    Args:
        kind: a key of `REGISTRIES`.
        further: whether the facts are wanted that only spaces and presets have.
    """
    shelf = REGISTRIES[kind]
    if further and kind in (lists := manual()["lists"]):
        if is_ours_alone(shelf):
            return list(lists[kind])
        from dartboard import api

        found: list[dict[str, Any]] = getattr(api, f"list_{kind.replace('-', '_')}")()
        return found
    return [
        {
            "name": each.name,
            "summary": each.summary,
            "paper": each.paper,
            **({"group": shelf.heading(each.group)} if shelf.groups else {}),
            **({"options": dict(each.options)} if shelf.options else {}),
        }
        for each in find_registered(shelf)
    ]


def read_source(shelf: Shelf) -> Iterator[Registered]:
    """The things of this package, read from the source code of the registry's module or package."""
    place = _PACKAGE.joinpath(*shelf.ours.split(".")[1:])
    for path in place.glob("*.py") if place.is_dir() else [place.with_suffix(".py")]:
        body = ast.parse(path.read_text(encoding="utf-8")).body
        constants = dict(_constants(body))
        for node in body:
            if isinstance(node, ast.FunctionDef | ast.ClassDef):
                yield from _registered(node, shelf, constants)


def _constants(body: list[ast.stmt]) -> Iterator[tuple[str, ast.expr]]:
    """The names to which a module assigns something, with what that is."""
    for node in body:
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        value = getattr(node, "value", None)
        if len(targets) == 1 and isinstance(targets[0], ast.Name) and isinstance(value, ast.expr):
            yield targets[0].id, value


def _registered(
    made: ast.FunctionDef | ast.ClassDef, shelf: Shelf, constants: Mapping[str, ast.expr]
) -> Iterator[Registered]:
    """One entry for each decorator that gives the function or class a registry name."""
    for each in made.decorator_list:
        if isinstance(each, ast.Call) and ast.unparse(each.func) == shelf.decorator:
            summary = inspect.cleandoc(ast.get_docstring(made) or "").partition("\n")[0].rstrip(".")
            options = {}
            if isinstance(made, ast.FunctionDef) and shelf.options:
                options = {name: _plain(value, constants) for name, value in _defaults(made.args)}
            told = {word.arg: _plain(word.value, constants) for word in each.keywords}
            name = ast.literal_eval(each.args[0])
            yield Registered(name, summary, str(told.get("paper", "")), str(told.get("group", "")), options)


def _defaults(arguments: ast.arguments) -> Iterator[tuple[str, ast.expr]]:
    """The arguments that have defaults, with these, in their order."""
    by_place = [*arguments.posonlyargs, *arguments.args]
    for name, value in zip(by_place[len(by_place) - len(arguments.defaults) :], arguments.defaults, strict=True):
        yield name.arg, value
    for name, keyword in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
        if keyword is not None:
            yield name.arg, keyword


def _plain(value: ast.expr, constants: Mapping[str, ast.expr]) -> Any:
    """The value of a literal, of a fraction of two, or of a constant of the module; the text of another expression."""
    if isinstance(value, ast.Name) and value.id in constants:
        return _plain(constants[value.id], {})
    try:
        if isinstance(value, ast.BinOp) and isinstance(value.op, ast.Div):
            return ast.literal_eval(value.left) / ast.literal_eval(value.right)
        return ast.literal_eval(value)
    except ValueError:
        return ast.unparse(value)


def _panel(shelf: Shelf) -> Panel:
    table = Table(box=None, show_header=False, pad_edge=False)
    for each in find_registered(shelf):
        options = ", ".join(f"{name}={value}" for name, value in each.options.items())
        table.add_row(Text(each.name, style="bold cyan"), Text(each.summary + (f"\n{options}" if options else "")))
    title = f"{shelf.what[:1].upper()}{shelf.what[1:]} ({', '.join(filter(None, (shelf.use, shelf.options)))})"
    return Panel(table, title=Text(title), title_align="left", border_style="dim")
