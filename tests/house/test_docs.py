"""The pages say what the code says."""

import doctest
from pathlib import Path
from types import ModuleType

import pytest

from dartboard.parts.recipe import METHODS
from dartboard.settings.manual import MANUAL
from dartboard.shelves import REGISTRIES

DOCS = Path(__file__).resolve().parents[2] / "docs"


def test_every_page_is_up_to_date(generate: ModuleType) -> None:
    wanted = generate.pages()
    names = ("spaces.md", "settings.md", "registries.md", "run-directory.md", "result.schema.json")
    assert {*(DOCS / "methods").glob("*.md"), *(DOCS / name for name in names), MANUAL} == set(wanted)
    stale = [path.name for path, text in wanted.items() if path.read_text(encoding="utf-8") != text]
    assert stale == [], "run `make docs`"


def test_the_examples_in_python_do_what_the_page_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    found = doctest.testfile(str(DOCS / "python.md"), module_relative=False, encoding="utf-8")
    assert found.attempted > 15
    assert found.failed == 0


def test_a_page_explains_the_method_and_every_option(generate: ModuleType) -> None:
    for entry in METHODS:
        summary, text, options = generate._docstring(entry)
        assert summary
        assert any("Differs from the" in paragraph for paragraph in text) or entry.name == "random"
        for name, _, meaning in options:
            assert meaning.endswith("."), f"the option {name} of {entry.name} is not explained"


def test_every_method_is_listed_under_one_heading_and_no_heading_is_empty() -> None:
    ours = [entry.group for entry in METHODS if entry.factory.__module__.startswith("dartboard.methods")]
    assert set(ours) == set(REGISTRIES["methods"].groups)
