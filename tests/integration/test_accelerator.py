"""The list of what is to be measured on an accelerator, without one: it is listed, and runs tiny."""

import json
import os
import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]


def accelerator(*arguments: object) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, REPOSITORY / "benchmarks" / "accelerator.py", "--device", "cpu", *map(str, arguments)]
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY / "src")}
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment)


def test_what_is_measured_and_what_is_open_is_listed(tmp_path: Path) -> None:
    done = accelerator("--list", "--results", tmp_path / "none.jsonl")
    assert done.returncode == 0, done.stderr
    open_ones = [line.split()[0] for line in done.stdout.splitlines() if " open " in line]
    assert {"engine-darts-64", "train-96-compile", "search-darts", "scaling", "profile-epoch"} <= set(open_ones)
    assert len(set(open_ones)) == len(open_ones)


def test_an_entry_runs_tiny_and_leaves_a_line(tmp_path: Path) -> None:
    results = tmp_path / "lines.jsonl"
    done = accelerator("--smoke", "--only", "train-16-bf16", "--results", results)
    assert done.returncode == 0, done.stdout + done.stderr
    (line,) = [json.loads(each) for each in results.read_text().splitlines()]
    assert (line["name"], line["status"], line["smoke"]) == ("train-16-bf16", "done", True)
    assert line["figures"]["step_seconds"]["best"] > 0
    assert set(line) >= {"date", "device", "versions", "commit", "command", "seconds"}
    assert str(tmp_path) not in line["command"]


def test_an_entry_that_fails_leaves_a_line_that_says_so(tmp_path: Path) -> None:
    """No process can be asked for a device that does not exist."""
    results = tmp_path / "lines.jsonl"
    done = accelerator("--smoke", "--only", "train-16-plain", "--results", results, "--device", "nonsense")
    assert done.returncode == 1
    (line,) = [json.loads(each) for each in results.read_text().splitlines()]
    assert line["status"] == "failed"
    assert "nonsense" in line["error"]


def test_without_an_accelerator_nothing_is_measured(tmp_path: Path) -> None:
    results = tmp_path / "none.jsonl"
    done = accelerator("--results", results)
    assert "no accelerator" in done.stderr
    assert not results.exists()
