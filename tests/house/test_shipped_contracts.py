"""Somebody else's package keeps the contracts as CONTRIBUTING shows, and one that breaks them is told so."""

import os
import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from dartboard.testing import Contract, MethodContract, for_each

REPOSITORY = Path(__file__).resolve().parents[2]
BROKEN = '''
from dartboard.parts import AdamUpdate, FirstOrder, Recipe, method
from dartboard.testing import MethodCase, MethodContract


@method("broken", paper="none")
def broken(*, alpha_lr: float = 3e-4, unused: float = 1.0) -> Recipe:
    """An option that nobody reads, and an alpha that does not move."""
    return Recipe(gradient=FirstOrder(), update=AdamUpdate(lr=0.0))


class TestBroken(MethodContract):
    methods = (MethodCase("broken"),)
    seeds = wrong_seeds = (0,)
'''


def example(heading: str, number: int = 0) -> str:
    """A block of Python below a heading of CONTRIBUTING.md, the first of which has the number 0."""
    text = (REPOSITORY / "CONTRIBUTING.md").read_text(encoding="utf-8")
    found = re.search(rf"^## {heading}\n(.*?)(?=^## |\Z)", text, re.DOTALL | re.MULTILINE)
    assert found is not None
    return re.findall(r"^```python\n(.*?)^```", found[1], re.DOTALL | re.MULTILINE)[number]


def checked(folder: Path, *arguments: str) -> dict[str, str]:
    """Runs pytest in a process of its own: class and name of a check -> "passed" or "failed"."""
    report = folder / "report.xml"
    command = (sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--junitxml={report}", *arguments)
    paths = os.pathsep.join((str(REPOSITORY / "src"), str(folder)))
    subprocess.run(command, cwd=folder, env={**os.environ, "PYTHONPATH": paths}, capture_output=True, check=False)
    found = {}
    for case in ElementTree.parse(report).iter("testcase"):
        failed = {"failure", "error"} & {each.tag for each in case}  # a check without cases is skipped
        name = f"{case.attrib['classname'].rpartition('.')[2]}.{case.attrib['name']}"
        found[name] = "failed" if failed else "passed"
    return found


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("package")
    (folder / "my_package").mkdir()
    (folder / "my_package" / "__init__.py").touch()
    (folder / "my_package" / "my_darts.py").write_text(example("Add a method"), encoding="utf-8")
    (folder / "test_my_darts.py").write_text(example("Test your own method"), encoding="utf-8")
    (folder / "test_broken.py").write_text(BROKEN, encoding="utf-8")
    return checked(folder, "-k", "TestMyDarts or planted_operation or option_changes or same_seed")


def test_a_method_of_ones_own_keeps_the_whole_contract(found: dict[str, str]) -> None:
    own = {name: result for name, result in found.items() if name.startswith("TestMyDarts.")}
    assert set(own.values()) == {"passed"}
    checks = {name.removeprefix("TestMyDarts.").partition("[")[0] for name in own}
    assert checks == {name for name in dir(MethodContract) if name.startswith("test_")}


def test_an_operation_and_a_space_of_ones_own_keep_their_contracts_as_they_are_shown(tmp_path: Path) -> None:
    package = tmp_path / "my_package"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "operations.py").write_text(example("Add an operation"), encoding="utf-8")
    (package / "spaces.py").write_text(example("Add a space"), encoding="utf-8")
    (tmp_path / "test_my_package.py").write_text(example("Test your own method", 1), encoding="utf-8")
    results = checked(tmp_path)
    assert set(results.values()) == {"passed"}
    names = {name.rpartition(".")[2].partition("[")[0] for name in results}
    assert {"test_a_search_ends_with_an_architecture_of_the_space", "test_the_operation_says_what_it_is"} <= names


def test_an_option_without_effect_and_an_alpha_that_rests_break_the_contract(found: dict[str, str]) -> None:
    results = {name.partition("test_")[2]: result for name, result in found.items() if "TestBroken." in name}
    assert results == {
        "it_finds_the_planted_operation_of_every_edge[broken-0]": "failed",
        "every_option_changes_the_search[broken-alpha_lr=0.0009]": "failed",
        "every_option_changes_the_search[broken-unused=3.0]": "failed",
        "same_seed_same_bits_and_torchs_global_random_state_neither_matters_nor_moves[broken]": "passed",
    }


class TestNothing(Contract):
    """Not a contract that anything keeps; pytest is asked by hand below."""

    def kept_by(self) -> tuple[str, ...]:
        return ()


def test_a_contract_that_nothing_keeps_is_refused() -> None:
    class Asked:
        @staticmethod
        @for_each("name", lambda own: own.kept_by())
        def function(name: str) -> None: ...

    with pytest.raises(pytest.UsageError, match="TestNothing names nothing to test"):
        TestNothing().pytest_generate_tests(Asked())  # type: ignore[arg-type]


def test_without_pytest_a_sentence_says_what_to_install() -> None:
    hide = "import sys; sys.modules['pytest'] = None; import dartboard.testing"
    paths = str(REPOSITORY / "src")
    ended = subprocess.run(
        (sys.executable, "-c", hide),
        env={**os.environ, "PYTHONPATH": paths},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 1
    assert "holds tests for pytest, which is not installed here; install it with `pip install pytest`" in ended.stderr
