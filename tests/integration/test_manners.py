"""How much a command says, and what a shell can complete."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from .command import SMALL, SOURCE
from .conftest import Run


def test_a_quiet_run_prints_its_result_and_nothing_else(dartboard: Run, pets: Path) -> None:
    outcome = dartboard("run", pets, *SMALL, "--out", "run", "-q")
    assert (outcome.code, outcome.err) == (0, "")
    assert "test accuracy" in outcome.out
    assert dartboard("data", pets, "--quiet").err == ""
    told = dartboard("predict", "run", pets, "--out", "p.csv", "-q", "--json")
    assert (told.code, told.err, json.loads(told.out)["images"]) == (0, "", 20)


def test_a_quiet_command_still_says_what_went_wrong(dartboard: Run) -> None:
    outcome = dartboard("run", "nowhere", "-q")
    assert outcome.code == 2
    assert "there is no dataset at" in outcome.error


def test_a_verbose_run_says_more_in_lines_with_their_time(dartboard: Run, pets: Path) -> None:
    usual = dartboard("search", pets, *SMALL, "--out", "usual")
    outcome = dartboard("search", pets, *SMALL, "--out", "told", "-v")
    assert outcome.code == 0, outcome.err
    lines = outcome.err.splitlines()
    assert [line for line in lines if not re.match(r"\d\d:\d\d:\d\d  ", line)] == []
    assert re.search(r"dartboard [\d.]+, Python [\d.]+, torch .*; cpu", lines[0])
    assert any(re.search(r"search: done after \d", line) for line in lines)
    assert len(lines) > len(usual.err.splitlines())


def complete(words: str) -> list[str]:
    """What bash is offered for the last of the words."""
    asked = {"_DARTBOARD_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": str(words.count(" "))}
    environment = {**os.environ, "PYTHONPATH": str(SOURCE), **asked}
    command = [sys.executable, "-m", "dartboard"]
    shown = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return shown.stdout.split()


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ("dartboard pre", ["predict", "presets"]),
        ("dartboard run --budg", ["--budget"]),
        ("dartboard search --method darts-p", ["darts-plus", "darts-pt", "darts-pt-fixed"]),
        ("dartboard run --space nas", ["nas-bench-201"]),
        ("dartboard run --preset darts-c", ["darts-cifar"]),
    ],
)
def test_a_shell_completes_verbs_options_and_names(words: str, offered: list[str]) -> None:
    assert complete(words) == offered


def test_the_script_for_a_shell_can_be_shown(tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(SOURCE), "HOME": str(tmp_path)}
    # Which shell asks cannot be found out where none is above the tests.
    environment["_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION"] = "1"
    command = [sys.executable, "-m", "dartboard", "--show-completion", "bash"]
    shown = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout
    assert "complete -o default -F _dartboard_completion dartboard" in shown
