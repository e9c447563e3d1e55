"""Texts that users read, as files to be looked at when they change."""

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from dartboard.shelves import REGISTRIES

SOURCE = Path(__file__).resolve().parents[2] / "src"
Golden = Callable[[str, str], None]


def type_in(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    plain = {"COLUMNS": "100", "TERM": "dumb", "NO_COLOR": "1", "OMP_NUM_THREADS": "1", "DARTBOARD_CACHE": str(folder)}
    plain["DARTBOARD_DATA"] = ""  # no tables of NAS-Bench-201, whose figures would be told as well
    return subprocess.run(
        [sys.executable, "-m", "dartboard", *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(SOURCE), **plain},
        capture_output=True,
        text=True,
        check=True,
    )


@pytest.mark.parametrize(
    "verb",
    [
        "",
        "run",
        "search",
        "train",
        "compare",
        "study",
        "data",
        "predict",
        "export",
        "select",
        "analyse",
        "report",
        "evaluate",
        "published",
        "query",
        "score",
        "runs",
        "clean",
        "doctor",
        "settings",
        *REGISTRIES,
    ],
)
def test_help_reads_as_it_did(golden: Golden, tmp_path: Path, verb: str) -> None:
    shown = type_in(tmp_path, *([verb] if verb else []), "--help").stdout
    golden(f"help-{verb or 'dartboard'}.txt", "\n".join(line.rstrip() for line in shown.splitlines()) + "\n")


def test_spaces_are_listed_as_they_were(golden: Golden, tmp_path: Path) -> None:
    golden("spaces.txt", type_in(tmp_path, "spaces", "--verbose").stdout)


def test_a_run_without_a_terminal_is_told_in_plain_lines(golden: Golden, tmp_path: Path) -> None:
    options = ("--preset", "smoke", "--space", "nas-bench-201", "--device", "cpu", "--out", "run")
    small = ("--set", "train.epochs=1", "--set", "data.max_train_images=60")
    done = type_in(tmp_path, "run", *options, *small)
    told = f"{done.stderr}---- standard output ----\n{done.stdout}"
    assert "\x1b" not in told
    golden("plain-run.txt", _without_figures(told))


def test_a_choice_among_searches_is_told_in_plain_lines(golden: Golden, tmp_path: Path) -> None:
    options = ("--preset", "smoke", "--space", "nas-bench-201", "--device", "cpu", "--out", "run", "--method", "random")
    chosen = ("--seeds", "3,30", "--choose", "best-short-train", "--set", "data.max_train_images=60")
    done = type_in(tmp_path, "search", *options, *chosen)
    told = _without_figures(f"{done.stderr}---- standard output ----\n{done.stdout}")
    told = re.sub(r"seed \d+ (is chosen|of)", r"seed SEED \1", told)
    golden("plain-choice.txt", told.replace("NUMBER ± NUMBER", "NUMBER"))  # two cells may be worth the same


def _without_figures(text: str) -> str:
    """Times, losses and accuracies depend on the machine, and so may the operations that a search prefers."""
    text = re.sub(r"^reading: .*\n", "", text, flags=re.MULTILINE)  # only where reading takes seconds
    text = re.sub(r"genotype \d .*?, time", "genotype OPERATIONS, time", text)
    text = re.sub(r"(genotype +)\|.*", r"\1|STRING|", text)
    text = re.sub(r"\d+ min \d\d s|\d+\.\d s", "TIME", text)
    text = re.sub(r"\d+\.\d+%?|\d+e-\d+", "NUMBER", text)
    return re.sub(r"(parameters|multiply-adds)( +)[\d,]+", r"\1\2NUMBER", text)
