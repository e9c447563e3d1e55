"""Imports only go down: a room imports from lower levels, never from a neighbour or from above."""

import ast
from collections.abc import Collection, Mapping
from pathlib import Path

import pytest

SOURCE = Path(__file__).resolve().parents[2] / "src" / "dartboard"
LEVELS = (
    (
        "config",
        "devices",
        "errors",
        "kernels",
        "places",
        "processors",
        "registry",
        "rows",
        "shelves",
        "version",
        "wording",
    ),
    ("data", "runs", "space"),
    ("supernet",),
    ("estimate", "parts", "training"),
    ("engine",),
    ("display", "methods", "settings"),
    ("records",),
    ("reports",),
    ("session",),
    ("budget",),
    ("workflow",),
    ("api",),
    ("testing",),
    ("cli", "sklearn"),
    ("__init__", "__main__"),
)
LEVEL = {room: level for level, rooms in enumerate(LEVELS) for room in rooms}
FOUNDATION = (
    "version",
    "errors",
    "places",
    "processors",
    "wording",
    "rows",
    "kernels",
    "devices",
    "registry",
    "shelves",
    "config",
)
"""The rooms of the lowest level are single modules that lean on one another in this order."""
MODULES = sorted(SOURCE.rglob("*.py"))


def room_of(path: Path) -> str:
    return path.relative_to(SOURCE).parts[0].removesuffix(".py")


def imported_rooms(path: Path) -> set[str]:
    """Rooms that a module imports from, those for type checking included."""
    names = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relatively; write the whole name"
            names += [f"{node.module}.{alias.name}" for alias in node.names]
    parts = (name.split(".") for name in names)
    return {rest[0] for package, *rest in parts if package == "dartboard" and rest}


def module_of(path: Path) -> str:
    """The name that a file is imported by."""
    parts = path.relative_to(SOURCE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imported_modules(path: Path, known: Collection[str]) -> set[str]:
    """The files of the package that a file names in its imports, those for type checking included."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            inner = {alias.name: f"{node.module}.{alias.name}" for alias in node.names}
            found |= {whole if whole in known else node.module for whole in inner.values()}
    return {name for name in found if name in known} - {module_of(path)}


def circles(imports: Mapping[str, Collection[str]]) -> set[frozenset[str]]:
    """Groups of files each of which leads to every other of its group."""
    reached = {name: {name} for name in imports}
    changed = True
    while changed:
        changed = False
        for name, others in imports.items():
            grown = reached[name].union(*(reached[other] for other in others))
            changed = changed or grown != reached[name]
            reached[name] = grown
    groups = {frozenset(other for other in reached[name] if name in reached[other]) for name in imports}
    return {group for group in groups if len(group) > 1}


def may_import(room: str, other: str) -> bool:
    if room in FOUNDATION and other in FOUNDATION:
        return FOUNDATION.index(other) <= FOUNDATION.index(room)
    return room == other or LEVEL[other] < LEVEL[room]


def test_every_room_has_a_level() -> None:
    assert {room_of(path) for path in MODULES} <= set(LEVEL)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_a_module_imports_only_from_its_room_and_from_lower_levels(path: Path) -> None:
    room = room_of(path)
    assert [other for other in imported_rooms(path) if not may_import(room, other)] == []


def test_no_files_import_one_another_in_a_circle_not_even_for_annotations() -> None:
    known = {module_of(path): path for path in MODULES}
    assert circles({name: imported_modules(path, known) for name, path in known.items()}) == set()


def test_a_circle_is_found_however_long_it_is() -> None:
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}}) == {frozenset("abc")}
    assert circles({"a": {"b", "c"}, "b": {"c"}, "c": set()}) == set()


def test_the_rule_itself_tells_down_from_sideways_and_up() -> None:
    assert may_import("parts", "space")
    assert may_import("parts", "parts")
    assert not may_import("parts", "training")
    assert not may_import("runs", "parts")
    assert not may_import("errors", "config")


@pytest.mark.parametrize("path", sorted((SOURCE / "methods").glob("*.py")), ids=lambda path: path.name)
def test_a_method_names_parts_and_needs_no_torch(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert "torch" not in text
    functions = [node for node in ast.parse(text).body if isinstance(node, ast.FunctionDef)]
    told = sum(len((ast.get_docstring(function) or "").splitlines()) for function in functions)
    assert len(text.splitlines()) - told < 60


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_whether_a_copy_to_a_device_is_waited_for_is_decided_in_one_place(path: Path) -> None:
    """The accelerator that stands in is no caller: it answers to what others ask."""
    is_asked = path.name in ("sending.py", "standin.py")
    assert is_asked or "non_blocking" not in path.read_text(encoding="utf-8")
