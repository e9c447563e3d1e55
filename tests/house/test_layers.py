"""Imports only go down: a room imports from lower levels, never from a neighbour or from above."""

import ast
from pathlib import Path

import pytest

SOURCE = Path(__file__).resolve().parents[2] / "src" / "dartboard"
LEVELS = (
    ("config", "devices", "errors", "kernels", "registry", "version", "wording"),
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
    ("cli", "sklearn"),
    ("__init__", "__main__"),
)
LEVEL = {room: level for level, rooms in enumerate(LEVELS) for room in rooms}
FOUNDATION = ("errors", "version", "wording", "kernels", "devices", "registry", "config")
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


def test_the_rule_itself_tells_down_from_sideways_and_up() -> None:
    assert may_import("parts", "space")
    assert may_import("parts", "parts")
    assert not may_import("parts", "training")
    assert not may_import("runs", "parts")
    assert not may_import("errors", "config")


@pytest.mark.parametrize("path", sorted((SOURCE / "methods").glob("*.py")), ids=lambda path: path.name)
def test_a_method_names_parts_and_needs_no_torch(path: Path) -> None:
    assert "torch" not in path.read_text(encoding="utf-8")
    assert len(path.read_text(encoding="utf-8").splitlines()) < 60


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_whether_a_copy_to_a_device_is_waited_for_is_decided_in_one_place(path: Path) -> None:
    assert path.name == "sending.py" or "non_blocking" not in path.read_text(encoding="utf-8")
