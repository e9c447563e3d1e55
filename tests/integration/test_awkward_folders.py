"""Folders as people and programs leave them, through the command line to the report."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from .command import SMALL, SOURCE
from .conftest import Run


def paint(folder: Path, images: int = 8, *, first: int = 0) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(first, first + images):
        pixels = np.random.default_rng(number).integers(0, 256, (8, 8), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{number}.png")


@pytest.fixture
def sets(folder: Path) -> Path:
    """Training/ and Testing/ with a class whose name would set the title of a terminal, and what tools leave."""
    for number, name in enumerate(("\x1b]0;owned\x07cat", "dog")):
        paint(folder / "sets" / "Training" / name, 16, first=100 * number)
        paint(folder / "sets" / "Testing" / name, 4, first=100 * number)  # four of the training images
    (folder / "sets" / "Training" / "dog" / "Thumbs.db").write_text("x")
    return folder / "sets"


def test_a_run_tells_terminal_result_and_report_what_the_data_are_worth(
    dartboard: Run, folder: Path, sets: Path
) -> None:
    outcome = dartboard("run", sets, *SMALL, "--out", "run", "--json")
    assert outcome.code == 0, outcome.err
    told = (
        "Left out of the dataset: 1 entry left behind by systems and programs (Training/dog/Thumbs.db).",
        "8 of the 8 test images are training images too, pixel by pixel",
    )
    page, result = (folder / "run" / "report.html").read_text(), json.loads(outcome.out)
    assert result["dataset"]["classes"] == [r"\x1b]0;owned\x07cat", "dog"]
    assert [finding["kind"] for finding in result["dataset"]["findings"]] == ["left out", "duplicates"]
    for sentence in told:
        assert f"note: {sentence}" in outcome.err
        assert sentence in page
    for text in (outcome.err, page, *(path.read_text() for path in (folder / "run").glob("*.json"))):
        assert "\x1b" not in text
        assert r"\u001b" not in text


def test_the_report_of_a_run_that_has_not_ended_tells_it_too(dartboard: Run, folder: Path, sets: Path) -> None:
    assert dartboard("search", sets, *SMALL, "--out", "run").code == 0
    for name in ("result.json", "report.html", "facts.json"):
        (folder / "run" / name).unlink()
    assert dartboard("report", "run").code == 0
    page = (folder / "run" / "report.html").read_text()
    assert "8 of the 8 test images are training images too" in page
    assert "<title>sets:" in page


def test_a_second_run_from_inside_the_data_learns_the_same_classes(dartboard: Run, folder: Path) -> None:
    for name in ("a", "b"):
        paint(folder / name, first=ord(name))
    for _ in range(2):
        outcome = dartboard("search", ".", *SMALL, "--json")
        assert outcome.code == 0, outcome.err
        assert json.loads(outcome.out)["dataset"]["classes"] == ["a", "b"]
    assert "1 entry written by dartboard (runs/)" in outcome.err
    assert len(list((folder / "runs").iterdir())) == 2


def test_a_resumed_run_on_other_images_is_refused_in_one_sentence(dartboard: Run, folder: Path) -> None:
    for name in ("a", "b"):
        paint(folder / "data" / name, first=ord(name))
    assert dartboard("search", "data", *SMALL, "--out", "run").code == 0
    paint(folder / "data" / "a", 1, first=ord("b"))
    (folder / "data" / "a" / f"{ord('b')}.png").replace(folder / "data" / "a" / f"{ord('a')}.png")
    outcome = dartboard("search", "data", *SMALL, "--out", "run", "--resume")
    assert outcome.code == 2
    assert "the dataset has changed since the run in run began (other training images or labels)" in outcome.error


def test_predictions_have_a_row_for_images_in_folders_and_tell_what_was_left_out(dartboard: Run, folder: Path) -> None:
    for name in ("a", "b"):
        paint(folder / "data" / name, first=ord(name))
    assert dartboard("train", "data", "--genotype", "nas-bench-201-resnet", *SMALL, "--out", "run").code == 0
    paint(folder / "new", 3)
    paint(folder / "new" / "older", 2)
    (folder / "new" / "notes.txt").write_text("x")
    outcome = dartboard("predict", "run", "new", "--out", "predictions.csv")
    assert outcome.code == 0, outcome.err
    assert "Left out of the dataset: 1 entry of kinds that are no images (notes.txt)." in outcome.err
    names = [line.partition(",")[0] for line in (folder / "predictions.csv").read_text().splitlines()[1:]]
    assert names == ["0.png", "1.png", "2.png", "older/0.png", "older/1.png"]


def test_names_are_the_same_on_a_system_that_is_not_utf8(folder: Path) -> None:
    for name in (b"caf\xc3\xa9", b"\xe9t\xe9"):
        paint(folder / "data" / os.fsdecode(name), first=len(name))
    own = {"PYTHONPATH": str(SOURCE), "DARTBOARD_CACHE": str(folder / "cache")}
    shown = subprocess.run(
        [sys.executable, "-m", "dartboard", "data", "data", "--json"],
        cwd=folder,
        env={**os.environ, **own, "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
        capture_output=True,
        check=True,
    )
    assert json.loads(shown.stdout)["classes"] == [r"\xe9t\xe9", "café"]
