"""What the help says of registered things, without importing them, is what the registries say."""

import subprocess
import sys
from pathlib import Path

import pytest

from dartboard.cli.registered import find_registered, read_source
from dartboard.registry import REGISTRIES

SHOWN = {"run": ("presets", "choice-rules", "baselines"), "select": ("selections",), "analyse": ("analyses",)}


@pytest.mark.parametrize("kind", REGISTRIES)
def test_the_source_names_what_is_registered(kind: str) -> None:
    shelf = REGISTRIES[kind]
    told = [(entry.name, entry.summary) for entry in shelf.open()]
    assert sorted((each.name, each.summary) for each in read_source(shelf)) == told


@pytest.mark.parametrize("kind", sorted({kind for kinds in SHOWN.values() for kind in kinds}))
def test_the_source_tells_the_options_as_well(kind: str) -> None:
    shelf = REGISTRIES[kind]
    shelf.open()
    assert sorted(read_source(shelf)) == find_registered(shelf)


@pytest.mark.parametrize("verb", SHOWN)
def test_help_names_all_that_is_registered_and_imports_no_torch(tmp_path: Path, verb: str) -> None:
    script = (
        f"import sys; sys.argv = ['dartboard', '{verb}', '--help']\nfrom dartboard.cli import main\n"
        "try: main()\nfinally: assert 'torch' not in sys.modules"
    )
    shown = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=True)
    names = [entry.name for kind in SHOWN[verb] for entry in REGISTRIES[kind].open()]
    assert [name for name in names if name not in shown.stdout] == []
