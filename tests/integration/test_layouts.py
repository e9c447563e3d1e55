"""Datasets in every layout through the command line: bad ones are refused in one sentence, good ones predicted."""

import csv
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import dartboard as package

from .command import SMALL
from .conftest import Run

TRAIN, TEST = [f"{number:06}.png" for number in range(16)], ["000003.png", "000001.png", "000002.png"]


def paint(folder: Path, names: list[str], mode: str = "L") -> None:
    """Images with even names are dark, those with odd ones bright."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(0)
    for number, name in enumerate(names):
        pixels = rng.integers(0, 100, (8, 8), dtype=np.uint8) + np.uint8(150 * (number % 2))
        Image.fromarray(pixels).convert(mode).save(folder / name)


def table(path: Path, rows: list[tuple[str, ...]], header: str = "image_file_name,label") -> None:
    path.write_text("\n".join([header, *map(",".join, rows)]) + "\n", encoding="utf-8")


def make_task(root: Path) -> Path:
    """Sixteen training images of the classes 0 and 1, three test images whose labels are NaN."""
    paint(root / "images_train", TRAIN)
    paint(root / "images_test", TEST)
    table(root / "train.csv", [(name, str(number % 2)) for number, name in enumerate(TRAIN)])
    table(root / "test.csv", [(name, "NaN") for name in TEST])
    (root / "description.md").write_text("Dark & <bright> images.", encoding="utf-8")
    return root


@pytest.fixture
def task(folder: Path) -> Path:
    return make_task(folder / "task")


def outside(task: Path) -> str:
    table(task / "train.csv", [("../images_test/000001.png", "0")])
    return "line 2 of train.csv names '../images_test/000001.png', which lies outside of"


def nowhere(task: Path) -> str:
    (task / "images_train" / "000005.png").unlink()
    return "line 7 of train.csv names '000005.png', and there is no such file"


def no_label(task: Path) -> str:
    table(task / "train.csv", [(name, "" if name == TRAIN[3] else "1") for name in TRAIN])
    return "line 5 of train.csv has no label; give every image that is trained or validated on a label"


def no_labels(task: Path) -> str:
    table(task / "train.csv", [(name, "") for name in TRAIN])
    return "the train images have no labels; give every image that is trained or validated on a label"


def unknown_class(task: Path) -> str:
    table(task / "test.csv", [(name, "7") for name in TEST])
    return "line 2 of test.csv has the label '7', which no training image has"


def all_broken(task: Path) -> str:
    for path in task.glob("images_*/*"):
        path.write_text("no image")
    return "000000.png cannot be read as an image (it is not an image of a known format), and 19 of 19 images"


def empty(task: Path) -> str:
    table(task / "train.csv", [])
    return "train.csv has no rows below its header"


def nothing(task: Path) -> str:
    (task / "train.csv").write_text("")
    return "train.csv is empty; it must begin with a line of column names"


def other_columns(task: Path) -> str:
    table(task / "train.csv", [(name, "1") for name in TRAIN], "imgae,label")
    return "train.csv has no column 'image' (did you mean 'imgae'?): choose one with --image-column"


def other_label(task: Path) -> str:
    table(task / "train.csv", [(name, "1") for name in TRAIN], "image,labels")
    return "train.csv has no column 'label' (did you mean 'labels'?): choose one with --label-column"


def no_text(task: Path) -> str:
    (task / "train.csv").write_bytes("image,label\nä.png,1\n".encode("latin-1"))
    return "train.csv is not UTF-8 text (byte 12); save it as UTF-8"


def no_table(task: Path) -> str:
    (task / "train.csv").unlink()
    return "has images_train/ but no train.csv"


@pytest.mark.parametrize(
    "spoil",
    [
        outside, nowhere, no_label, no_labels, unknown_class, all_broken, empty, nothing, other_columns, other_label,
        no_text, no_table,
    ],
)  # fmt: skip
def test_an_unusable_task_is_refused_in_one_sentence_and_leaves_nothing(
    dartboard: Run, folder: Path, task: Path, spoil: Callable[[Path], str]
) -> None:
    expected = spoil(task)
    before = set(folder.rglob("*"))
    outcome = dartboard("run", "task", *SMALL)
    assert (outcome.code, outcome.out) == (2, ""), outcome
    assert outcome.err.startswith("dartboard: ")
    assert outcome.err.count("\n") == 1, outcome.err
    assert expected in outcome.err
    assert set(folder.rglob("*")) == before


def test_gray_images_among_colour_ones_are_read_as_rgb_and_that_is_said(dartboard: Run, task: Path) -> None:
    paint(task / "images_test", TEST, "RGB")
    outcome = dartboard("run", "task", *SMALL, "--json")
    assert outcome.code == 0, outcome.err
    assert "note: Gray and colour images are mixed, so all were read as RGB." in outcome.err
    assert json.loads(outcome.out)["dataset"]["shape"] == [3, 8, 8]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A run on a task without test labels: its directory, and the task."""
    root = tmp_path_factory.mktemp("made")
    task = make_task(root / "task")
    layer = {"preset": "smoke", "device": "cpu", "search.steps_per_epoch": 1, "train.epochs": 1, "data.cache": False}
    return package.run(task, layer, out=root / "run").path, task


def test_a_run_without_test_labels_predicts_and_gives_no_accuracy(
    dartboard: Run, folder: Path, made: tuple[Path, Path]
) -> None:
    run, task = made
    assert not (run / "scores.json").exists()
    assert not (run / "predictions.npz").exists()
    result = json.loads((run / "result.json").read_text())
    assert result["test_accuracy"] is None
    labels = np.load(run / "predictions.npy", allow_pickle=False)
    assert labels.dtype == np.int64
    assert labels.shape == (3,)
    with (run / "predictions.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["image_file_name"] for row in rows] == TEST
    assert [int(row["prediction"]) for row in rows] == labels.tolist()
    page = (run / "report.html").read_text()
    assert "no test accuracy can be given" in page
    assert "Dark &amp; &lt;bright&gt; images." in page
    before = {path: path.stat().st_mtime_ns for path in run.iterdir() if path.suffix in (".npy", ".json")}
    layer = ("--set", "search.steps_per_epoch=1", "--set", "train.epochs=1", "--set", "data.cache=false")
    again = dartboard("run", task, "--preset", "smoke", "--device", "cpu", *layer, "--out", run, "--resume")
    assert again.code == 0, again.err
    assert "predictions.csv (the test images have no labels, so no test accuracy can be given)" in again.out
    assert {path: path.stat().st_mtime_ns for path in before} == before


def test_predict_repeats_what_the_run_predicted_bit_for_bit(
    dartboard: Run, folder: Path, made: tuple[Path, Path]
) -> None:
    run, task = made
    for name in ("preds.npy", "preds.csv"):
        outcome = dartboard("predict", run, task, "--out", name, "--device", "cpu")
        assert outcome.code == 0, outcome.err
        assert "images per second" in outcome.out
    assert (folder / "preds.npy").read_bytes() == (run / "predictions.npy").read_bytes()
    assert (folder / "preds.csv").read_bytes() == (run / "predictions.csv").read_bytes()


def test_predict_takes_labelled_data_plain_folders_manifests_and_arrays(
    dartboard: Run, folder: Path, made: tuple[Path, Path]
) -> None:
    """Colour, another size and another layout end as the run's own input: the labels are those of the plain folder."""
    run, task = made
    plain = package.predict(run, task / "images_test", device="cpu")
    assert list(plain.names) == sorted(TEST)
    assert plain.classes == ("0", "1")
    table(folder / "list.csv", [(f"{task.name}/images_test/{name}",) for name in TEST], "Bild")
    (folder / task.name).symlink_to(task)
    listed = package.predict(run, folder / "list.csv", {"image_column": "Bild"}, device="cpu")
    order = [sorted(TEST).index(name) for name in TEST]
    np.testing.assert_array_equal(listed.probabilities, plain.probabilities[order])
    images = np.stack([np.asarray(Image.open(task / "images_test" / name)) for name in sorted(TEST)])
    arrays = package.predict(run, {"images": images}, device="cpu")
    np.testing.assert_array_equal(arrays.probabilities, plain.probabilities)
    labelled = folder / "labelled"
    paint(labelled / "0", TRAIN[:2], "RGB")
    paint(labelled / "other", TRAIN[:1])
    outcome = dartboard("predict", run, "labelled", "--out", "x.npy", "--json")
    assert json.loads(outcome.out)["images"] == 3, outcome.err


def broken(task: Path, folder: Path) -> tuple[list[str], str]:
    paint(folder / "loose", ["a.png", "ö x.png"])
    (folder / "loose" / "ö x.png").write_text("no image")
    return ["loose"], "ö x.png cannot be read as an image (it is not an image of a known format); repair what"


def there_already(task: Path, folder: Path) -> tuple[list[str], str]:
    (folder / "p.npy").write_text("mine")
    return [str(task)], "p.npy is already there; add --overwrite to replace it"


def no_data(task: Path, folder: Path) -> tuple[list[str], str]:
    return ["missing"], "there is no dataset at"


def no_images(task: Path, folder: Path) -> tuple[list[str], str]:
    (folder / "void").mkdir()
    return ["void"], "void holds no images"


@pytest.mark.parametrize("spoil", [broken, there_already, no_data, no_images])
def test_predict_refuses_in_one_sentence_and_writes_nothing(
    dartboard: Run, folder: Path, made: tuple[Path, Path], spoil: Callable[[Path, Path], tuple[list[str], str]]
) -> None:
    arguments, expected = spoil(made[1], folder)
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    outcome = dartboard("predict", made[0], *arguments, "--out", "p.npy")
    assert (outcome.code, outcome.out) == (2, ""), outcome
    assert outcome.err.count("\n") == 1, outcome.err
    assert expected in outcome.err
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before


def test_predict_needs_a_trained_model_and_a_known_ending(
    dartboard: Run, folder: Path, made: tuple[Path, Path]
) -> None:
    assert "holds no trained network" in dartboard("predict", ".", made[1], "--out", "p.npy").error
    assert "must end with .npy or .csv" in dartboard("predict", made[0], made[1], "--out", "p.txt").error
    assert "there is no folder missing" in dartboard("predict", made[0], made[1], "--out", "missing/p.npy").error
    (folder / "p.npy").write_text("old")
    assert dartboard("predict", made[0], made[1], "--out", "p.npy", "--overwrite").code == 0
    assert np.load(folder / "p.npy").dtype == np.int64


def test_arrays_are_searched_trained_and_tested_in_python_and_resumed_only_with_the_same_values(
    tmp_path: Path,
) -> None:
    rng = np.random.default_rng(0)
    images, labels = rng.integers(0, 256, (24, 8, 8, 3), dtype=np.uint8), np.arange(24) % 2
    layer = {"preset": "smoke", "device": "cpu", "search.steps_per_epoch": 1, "train.epochs": 1}
    result = package.run((images, labels), layer, out=tmp_path / "run")
    assert result.dataset.name == "arrays"
    assert result.test_accuracy is not None
    assert package.run((images, labels), layer, out=tmp_path / "run", resume=True) == result
    with pytest.raises(package.DartboardError, match=r"began with arrays, and arrays cannot take their place \(other"):
        package.run((images[::-1], labels), layer, out=tmp_path / "run", resume=True)
    with pytest.raises(package.DartboardError, match=r"a dataset of 3 arrays is not understood; give \(images, labels"):
        package.run((images, labels, labels), layer, out=tmp_path / "other")


def test_data_tells_what_lies_there_in_words_as_json_and_as_a_picture(dartboard: Run, folder: Path, task: Path) -> None:
    (task / "images_test" / TEST[0]).write_bytes((task / "images_train" / TRAIN[2]).read_bytes())
    outcome = dartboard("data", "task", "--contact-sheet", "sheet.png", "--json")
    assert outcome.code == 0, outcome.err
    found = json.loads(outcome.out)
    assert found["images"] == {"train": 16, "test": 3}
    assert found["counts"] == {"train": [8, 8]}
    assert {"train": TRAIN[2], "test": TEST[0]} in found["duplicates"]
    assert found["notes"] == ["The test images have no labels, so no test accuracy can be given."]
    with Image.open(folder / "sheet.png") as sheet:
        assert sheet.format == "PNG"
    told = dartboard("data", "task").out
    assert "16 train, 3 test without labels" in told
    assert f"{TEST[0]} is {TRAIN[2]}" in told
    assert (
        "sheet.png is already there; add --overwrite" in dartboard("data", "task", "--contact-sheet", "sheet.png").error
    )
    assert "must end with .png" in dartboard("data", "task", "--contact-sheet", "sheet.gif").error
    assert "there is no dataset at" in dartboard("data", "nowhere").error
