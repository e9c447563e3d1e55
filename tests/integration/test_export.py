"""`dartboard export` as users type it: the file says what `dartboard predict` says, and needs no dartboard."""

import csv
import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from PIL import Image

import dartboard as package

from .conftest import Run

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "classify_onnx.py"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, pets: Path) -> Path:
    """The run directory of a training on cats and dogs."""
    layer = {"preset": "smoke", "device": "cpu", "train.epochs": 2, "data.cache": False}
    return package.train(pets, layer, genotype="nas-bench-201-resnet", out=tmp_path_factory.mktemp("run") / "r").path


def test_an_onnx_file_classifies_files_without_dartboard_as_dartboard_does(
    dartboard: Run, folder: Path, made: Path, pets: Path
) -> None:
    told = dartboard("export", made, "--out", "ünd pets.onnx", "--json")
    assert told.code == 0, told.err
    facts = json.loads(told.out)
    assert (facts["classes"], facts["image_shape"]) == (["cats", "dogs"], [8, 8, 1])
    assert facts["largest_difference"] < 1e-5
    assert facts["bytes"] == (folder / "ünd pets.onnx").stat().st_size
    assert [path.name for path in folder.iterdir()] == ["ünd pets.onnx"]

    pictures = sorted(pets.rglob("*.png"))[::4]
    (folder / "pictures").mkdir()
    for number, path in enumerate(pictures):  # other sizes, one in colour and one half transparent
        with Image.open(path) as image:
            size = (8 + 5 * number, 8 + 3 * number)
            picture = image.convert("RGB" if number == 1 else "L").resize(size)
        if number == 2:
            picture.putalpha(Image.linear_gradient("L").resize(size))
        picture.save(folder / "pictures" / f"{number}.png")
    assert dartboard("predict", made, "pictures", "--out", "preds.csv", "--device", "cpu").code == 0
    with (folder / "preds.csv").open(newline="") as stream:
        rows = [(row, row["prediction"]) for row in csv.DictReader(stream)]
    wanted = [
        f"pictures/{row['image_file_name']}: {best} ({float(row['probability of ' + best]):.2%})" for row, best in rows
    ]
    names = [f"pictures/{number}.png" for number in range(len(pictures))]
    without = f"import sys; sys.modules['dartboard'] = None; exec(open({str(EXAMPLE)!r}).read())"
    shown = subprocess.run(
        [sys.executable, "-c", without, "ünd pets.onnx", *names],
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
        encoding="utf-8",
    )
    assert shown.stdout.splitlines() == wanted


def test_a_program_of_torch_is_told_in_lines_and_runs(dartboard: Run, folder: Path, made: Path) -> None:
    told = dartboard("export", made, "-o", "pets.pt2")
    assert told.code == 0, told.err
    assert told.err == ""
    assert "uint8 images, 8 x 8 x 1 (height x width x channels)" in told.out
    assert "8 random images: no probability differs from the network's by more than" in told.out
    assert "pets.pt2 (" in told.out
    network = torch.export.load(folder / "pets.pt2").module()
    assert network(torch.zeros(3, 8, 8, 1, dtype=torch.uint8)).sum(dim=1).tolist() == pytest.approx([1.0] * 3)


def test_what_cannot_be_exported_is_refused_in_one_sentence_and_nothing_is_written(
    dartboard: Run, folder: Path, made: Path
) -> None:
    (folder / "mine.pt2").write_text("mine")
    cases = [
        (("export", ".", "--out", "m.pt2"), "holds no trained network (model.json)"),
        (("export", made, "--out", "m.pth"), "must end with .onnx or .pt2"),
        (("export", made, "--out", "mine.pt2"), "mine.pt2 is already there; add --overwrite"),
        (("export", made, "--out", "nowhere/m.pt2"), "there is no folder nowhere"),
    ]
    for arguments, expected in cases:
        outcome = dartboard(*arguments)
        assert (outcome.code, outcome.out) == (2, ""), outcome
        assert outcome.err.count("\n") == 1, outcome.err
        assert expected in outcome.err
    full = dartboard("export", made, "--out", "m.pt2", file_limit=1000)
    assert full.code == 2
    assert "m.pt2" in full.error
    assert [path.name for path in folder.iterdir()] == ["mine.pt2"]
    assert dartboard("export", made, "--out", "mine.pt2", "--overwrite").code == 0
    assert (folder / "mine.pt2").stat().st_size > 1000
