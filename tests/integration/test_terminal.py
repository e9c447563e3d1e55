"""The command as it starts and as it looks: a terminal, a pipe that closes, a quick help."""

import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest

from .command import SMALL, SOURCE

COMMAND = [sys.executable, "-m", "dartboard"]


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    given = {"PYTHONPATH": str(SOURCE), "OMP_NUM_THREADS": "1", "DARTBOARD_CACHE": str(tmp_path / "cache")}
    return {**os.environ, **given, "TERM": "xterm-256color", "COLUMNS": "120", "LINES": "40"}


def run_in_terminal(command: list[str], folder: Path, environment: dict[str, str]) -> tuple[int, str]:
    """Exit code and everything that a terminal was sent, with its control sequences taken out."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(command, cwd=folder, env=environment, stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)
    pieces = []
    while True:
        try:
            piece = os.read(ours, 65536)
        except OSError:  # Linux says so when the other side is closed
            break
        if not piece:
            break
        pieces.append(piece)
    os.close(ours)
    return process.wait(), re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", b"".join(pieces).decode())


def test_a_terminal_shows_phases_epochs_time_left_losses_accuracies_and_operations(
    pets: Path, tmp_path: Path, environment: dict[str, str]
) -> None:
    command = [*COMMAND, "run", str(pets), *SMALL, "--out", "run"]
    code, shown = run_in_terminal(command, tmp_path, environment)
    assert code == 0, shown
    for fact in (
        "data           pets: 2 classes, 8x8 pixels, 1 channel",
        "reading ━",
        "search  ━",
        "train   ━",
        "3/3",
        "steps",
        "left",
        "weight loss",
        "alpha loss",
        "validation accuracy",
        "genotype",
        "test accuracy",
    ):
        assert fact in shown
    assert re.search(r"\d (nor_conv_3x3|nor_conv_1x1|skip_connect|avg_pool_3x3|none)", shown)
    assert re.search(r"left \d:\d\d:\d\d", shown)


def test_help_and_version_do_not_wait_for_torch(environment: dict[str, str]) -> None:
    check = "print('torch' in sys.modules, file=sys.stderr)"
    script = f"import sys; from dartboard.cli import main\ntry: main()\nfinally: {check}"
    for arguments in (["--help"], ["run", "--help"], ["--version"], []):
        done = subprocess.run(
            [sys.executable, "-c", script, *arguments], env=environment, capture_output=True, text=True, check=True
        )
        assert done.stdout
        assert done.stderr == "False\n"


def test_a_reader_that_leaves_early_causes_no_traceback(environment: dict[str, str]) -> None:
    ours, theirs = os.pipe()
    os.close(ours)
    for arguments in (["methods"], ["spaces", "--verbose"], ["methods", "--json"]):
        done = subprocess.run([*COMMAND, *arguments], env=environment, stdout=theirs, stderr=subprocess.PIPE, text=True)
        assert (done.returncode, done.stderr) == (0, "")
    os.close(theirs)
