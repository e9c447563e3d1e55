"""What the help says of registered things, without importing them, is what the registries say."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

import dartboard
from dartboard.cli.registered import find_registered, listed, read_source
from dartboard.shelves import REGISTRIES

SHOWN = {"run": ("presets", "choice-rules", "baselines"), "select": ("selections",), "analyse": ("analyses",)}


@pytest.mark.parametrize("kind", REGISTRIES)
def test_the_source_names_what_is_registered(kind: str) -> None:
    shelf = REGISTRIES[kind]
    told = [(entry.name, entry.summary) for entry in shelf.open()]
    assert sorted((each.name, each.summary) for each in read_source(shelf)) == told


@pytest.mark.parametrize("kind", REGISTRIES)
def test_the_source_tells_options_papers_and_groups_as_well(kind: str) -> None:
    shelf = REGISTRIES[kind]
    shelf.open()
    assert sorted(read_source(shelf), key=lambda each: each.name) == find_registered(shelf)


@pytest.mark.parametrize("kind", REGISTRIES)
def test_what_the_command_line_lists_is_what_python_lists(kind: str) -> None:
    assert REGISTRIES[kind].open().kind == REGISTRIES[kind].one
    told = getattr(dartboard, f"list_{kind.replace('-', '_')}")()
    keys = ("name", "summary", "paper", "group", "options")
    assert listed(kind) == [{key: each[key] for key in keys if key in each} for each in told]


def without_torch(folder: Path, *arguments: str) -> str:
    """What a command prints; it fails where torch was imported on the way."""
    script = (
        f"import sys; sys.argv = ['dartboard', *{list(arguments)}]\nfrom dartboard.cli import main\n"
        "try: main()\nfinally: assert 'torch' not in sys.modules, 'torch was imported'"
    )
    command = [sys.executable, "-c", script]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize("kind", REGISTRIES)
def test_what_is_registered_is_listed_without_torch(tmp_path: Path, kind: str) -> None:
    words = without_torch(tmp_path, kind).split()
    assert [entry.name for entry in REGISTRIES[kind].open() if entry.name not in words] == []


QUICK = [("--help",), ("--version",), *((kind, how) for kind in ("methods", "presets") for how in ("--json", "-v"))]


@pytest.mark.parametrize("arguments", [*QUICK, ("spaces", "-v")], ids=" ".join)
def test_helps_and_details_need_no_torch_either(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    assert without_torch(tmp_path, *arguments)


def test_settings_are_listed_without_torch_as_python_lists_them(tmp_path: Path) -> None:
    assert json.loads(without_torch(tmp_path, "settings", "--json")) == dartboard.list_settings()
    (told,) = json.loads(without_torch(tmp_path, "settings", "search.epochs", "--json"))
    assert (told["name"], told["default"], told["type"]) == ("search.epochs", 50, "integer (above 0) or null")
    assert told["meaning"].startswith("Epochs of the search")
    text = without_torch(tmp_path, "settings", "train.augment")
    assert "train.augment.flip  null  true or false" in text
    assert "search.epochs" not in text


def test_spaces_and_what_presets_set_are_listed_without_torch_as_python_lists_them(tmp_path: Path) -> None:
    told = json.loads(json.dumps(dartboard.list_spaces()))
    assert json.loads(without_torch(tmp_path, "spaces", "--json")) == told
    found = json.loads(without_torch(tmp_path, "settings", "train", "--preset", "smoke", "--json"))
    assert found == json.loads(json.dumps(dartboard.list_settings("train", preset="smoke")))


def test_methods_are_listed_under_headings_in_the_order_of_needs(tmp_path: Path) -> None:
    text = without_torch(tmp_path, "methods")
    headings = list(REGISTRIES["methods"].groups.values())
    places = [text.index(heading) for heading in headings]
    assert places == sorted(places)
    assert places[0] < text.index(" random ") < places[1]


def test_a_method_of_another_package_without_a_group_is_listed_last() -> None:
    assert REGISTRIES["methods"].heading("") == "Others"
    assert REGISTRIES["methods"].heading("memory") == REGISTRIES["methods"].groups["memory"]


@pytest.mark.parametrize("verb", SHOWN)
def test_help_names_all_that_is_registered_and_imports_no_torch(tmp_path: Path, verb: str) -> None:
    script = (
        f"import sys; sys.argv = ['dartboard', '{verb}', '--help']\nfrom dartboard.cli import main\n"
        "try: main()\nfinally: assert 'torch' not in sys.modules"
    )
    shown = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=True)
    names = [entry.name for kind in SHOWN[verb] for entry in REGISTRIES[kind].open()]
    assert [name for name in names if name not in shown.stdout] == []
