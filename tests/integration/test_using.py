"""The network of a run at work: predict, evaluate and load say the same, and account for every image."""

import csv
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from PIL import Image

import dartboard as package
from dartboard.reports import write_readme

from .conftest import Run

CLASSES = ("cats", "dogs")
VIEWS = {"train.views": "mirrored"}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, write_image_folder: Callable[..., Path]) -> tuple[Path, Path]:
    """A run on colour photographs of 12x12 pixels, and its data; the network looks at mirrored images too."""
    root = tmp_path_factory.mktemp("made")
    data = write_image_folder(root / "pets", CLASSES, per_class=8, size=(12, 12, 3))
    layer = {"preset": "smoke", "device": "cpu", "search.steps_per_epoch": 1, "train.epochs": 1, "data.cache": False}
    return package.run(data, layer, VIEWS, out=root / "run").path, data


@pytest.fixture
def others(tmp_path: Path) -> Path:
    """Images of other sizes and kinds without class folders: colour, gray, palette, transparent, turned, CMYK."""
    folder = tmp_path / "others"
    folder.mkdir()
    rng = np.random.default_rng(5)
    colour = Image.fromarray(rng.integers(0, 256, (60, 60, 3), dtype=np.uint8))
    notes = Image.Exif()
    notes[274] = 6
    colour.save(folder / "a turned.jpg", exif=notes)
    colour.convert("L").save(folder / "b gray.png")
    colour.convert("P").save(folder / "c palette.png")
    colour.convert("RGBA").resize((20, 20)).save(folder / "d.png")
    Image.fromarray(rng.integers(0, 256, (14, 14, 4), dtype=np.uint8)).save(folder / "e transparent.png")
    colour.convert("CMYK").save(folder / "f.jpg")
    return folder


def table(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def test_a_loaded_model_says_what_predict_says_of_paths_and_pil_images_and_arrays(
    made: tuple[Path, Path], others: Path
) -> None:
    run, _ = made
    wanted = package.predict(run, others, device="cpu")
    paths = sorted(others.iterdir())
    model = package.load(run)
    assert isinstance(model, torch.nn.Module)
    assert model.classes == CLASSES
    assert model.card.views == "mirrored"
    np.testing.assert_array_equal(model.probabilities(paths), wanted.probabilities)
    assert model.predict(paths) == wanted.predicted_classes
    lazy = [Image.open(path) for path in paths]
    np.testing.assert_array_equal(model.probabilities(lazy), wanted.probabilities)
    assert lazy[0].size == (60, 60), "the image of the caller is not changed"
    for image in lazy:
        image.load()
    np.testing.assert_allclose(model.probabilities(lazy)[1:5], wanted.probabilities[1:5], atol=1e-6)
    gray = np.asarray(lazy[1])
    np.testing.assert_allclose(model.probabilities(gray), wanted.probabilities[1:2], atol=1e-6)


def test_a_loaded_model_prepares_what_its_network_takes_and_its_logits_are_those_of_the_probabilities(
    made: tuple[Path, Path], others: Path
) -> None:
    model = package.load(made[0])
    paths = sorted(others.iterdir())
    prepared = model.prepare(paths)
    assert (prepared.shape, prepared.dtype) == ((6, 3, 12, 12), torch.float32)
    with torch.no_grad():
        shares = torch.softmax(model(prepared), dim=1).numpy()
        assert torch.equal(model(paths), model(prepared))
    np.testing.assert_allclose(shares, model.probabilities(paths), atol=1e-6)
    assert model.train().predict(paths[0])
    assert model.training, "predicting leaves the module as it was"


@pytest.mark.parametrize(
    ("images", "told"),
    [
        ([], "there are no images"),
        ([3], "an object of class int is no image"),
        (np.zeros((3, 12, 12), np.uint8), "put channels last"),
        ("missing.png", r"missing\.png cannot be read as an image"),
    ],
)
def test_what_is_no_image_is_refused_in_a_sentence(made: tuple[Path, Path], images: object, told: str) -> None:
    with pytest.raises(package.DartboardError, match=told):
        package.load(made[0]).prepare(images)  # type: ignore[arg-type]


def test_one_image_file_is_predicted(dartboard: Run, folder: Path, made: tuple[Path, Path], others: Path) -> None:
    outcome = dartboard("predict", made[0], others / "b gray.png", "--out", "one.csv", "--device", "cpu")
    assert outcome.code == 0, outcome.err
    (row,) = table(folder / "one.csv")
    whole = package.predict(made[0], others, device="cpu")
    assert (row["image_file_name"], row["prediction"]) == ("b gray.png", whole.predicted_classes[1])
    shown = dartboard("predict", made[0], others / "b gray.png", "--device", "cpu")
    assert shown.out.split()[:6] == ["image", "prediction", "probability", "b", "gray.png", row["prediction"]]
    (folder / "notes.txt").write_text("no image")
    refused = dartboard("predict", made[0], "notes.txt", "--out", "two.csv")
    assert refused.code == 2
    assert "notes.txt cannot be read as an image (it is not an image of a known format)" in refused.error


def test_broken_images_are_left_out_on_demand_and_have_a_row_that_says_why(
    dartboard: Run, folder: Path, made: tuple[Path, Path], others: Path
) -> None:
    (others / "b2.png").write_bytes(b"")
    refused = dartboard("predict", made[0], others, "--out", "p.csv")
    assert (refused.code, "leave it out with --skip-broken" in refused.error) == (2, True), refused.err
    assert list(folder.iterdir()) == []
    outcome = dartboard("predict", made[0], others, "--out", "p.csv", "--skip-broken", "--device", "cpu", "--json")
    assert outcome.code == 0, outcome.err
    assert "1 broken image was left out: b2.png (it is empty)." in outcome.err
    assert json.loads(outcome.out)["left_out"] == 1
    rows = table(folder / "p.csv")
    assert [row["left_out_because"] for row in rows] == ["", "", "it is empty", "", "", "", ""]
    assert (rows[2]["image_file_name"], rows[2]["prediction"], rows[2]["probability of cats"]) == ("b2.png", "", "")
    (others / "b2.png").unlink()
    whole = package.predict(made[0], others, device="cpu")
    assert [row["prediction"] for row in rows if row["prediction"]] == whole.predicted_classes


def relabelled(data: Path, to: Path, **names: str) -> Path:
    """The images of a data set in class folders of other names; classes that are not named are left out."""
    for old, new in names.items():
        (to / new).mkdir(parents=True)
        for path in (data / old).iterdir():
            (to / new / path.name).write_bytes(path.read_bytes())
    return to


def test_evaluate_counts_what_predict_gets_right_class_by_class(
    dartboard: Run, folder: Path, made: tuple[Path, Path]
) -> None:
    run, data = made
    other = relabelled(data, folder / "other", cats="cats", dogs="dogs")
    outcome = dartboard("evaluate", run, other, "--out", "p.csv", "--device", "cpu", "--json")
    assert outcome.code == 0, outcome.err
    told, rows = json.loads(outcome.out), table(folder / "p.csv")
    right = [row["prediction"] == row["label"] for row in rows]
    assert (told["images"], told["accuracy"]) == (16, pytest.approx(np.mean(right)))
    low, high = told["interval"]
    assert 0 <= low <= told["accuracy"] <= high <= 1
    for number, name in enumerate(CLASSES):
        mine = [row for row in rows if row["label"] == name]
        wanted = [sum(row["prediction"] == each for row in mine) for each in CLASSES]
        assert told["confusion"][number] == wanted
        score = told["classes"][number]
        assert (score["name"], score["images"], score["recall"]) == (name, 8, pytest.approx(wanted[number] / 8))
    assert (told["unknown_classes"], told["missing_classes"]) == ({}, [])
    shown = dartboard("evaluate", run, other, "--device", "cpu")
    assert "of 16 images (95% interval" in shown.out
    assert "cats" in shown.out


def test_labels_are_matched_by_name_and_what_does_not_match_is_said_in_a_sentence(
    dartboard: Run, folder: Path, made: tuple[Path, Path]
) -> None:
    run, data = made
    wanted = package.evaluate(run, relabelled(data, folder / "both", cats="cats", dogs="dogs"), device="cpu")
    # Classes that sort before and after shift all numbers, but not the names.
    extended = relabelled(data, folder / "more", cats="cats", dogs="zebras")
    relabelled(data, folder / "more", dogs="ants")
    outcome = dartboard("evaluate", run, extended, "--device", "cpu", "--json")
    assert outcome.code == 0, outcome.err
    told = json.loads(outcome.out)
    assert told["unknown_classes"] == {"ants": 8, "zebras": 8}
    assert told["missing_classes"] == ["dogs"]
    assert told["images"] == 8
    assert told["classes"][0]["recall"] == wanted.classes[0].recall
    assert told["classes"][1]["recall"] is None
    shown = dartboard("evaluate", run, extended, "--device", "cpu").out
    assert "does not know the classes ants and zebras; the 16 images with such a label do not count." in shown
    assert "The data have no images of the class dogs, so nothing is said about it." in shown
    strange = relabelled(data, folder / "strange", cats="x", dogs="y")
    refused = dartboard("evaluate", run, strange, "--json")
    assert (refused.code, refused.out) == (2, "")
    assert "the labels of these images are x and y, and none of them is a class of the network" in refused.error
    assert "cats and dogs" in refused.error


def test_images_without_labels_do_not_count_and_without_any_label_there_is_nothing_to_evaluate(
    dartboard: Run, folder: Path, made: tuple[Path, Path], others: Path
) -> None:
    run, data = made
    lines = [f"{data.name}/cats/0.png,cats", f"{data.name}/cats/1.png,", f"{data.name}/dogs/0.png,dogs"]
    (folder / data.name).symlink_to(data)
    (folder / "list.csv").write_text("\n".join(["image,label", *lines, ""]))
    outcome = dartboard("evaluate", run, "list.csv", "--device", "cpu", "--json")
    assert outcome.code == 0, outcome.err
    told = json.loads(outcome.out)
    assert (told["images"], told["unlabelled"]) == (2, 1)
    assert told["notes"] == ["1 image without a label does not count."]
    refused = dartboard("evaluate", run, others)
    assert refused.code == 2
    assert "these images have no labels to compare the predictions with" in refused.error


def test_evaluating_on_what_was_trained_on_says_so_wherever_it_lies(
    dartboard: Run, made: tuple[Path, Path], tmp_path: Path
) -> None:
    run, data = made
    outcome = dartboard("evaluate", run, data, "--device", "cpu")
    assert outcome.code == 0, outcome.err
    assert "most of which the network was trained on" in " ".join(outcome.out.split())
    copy = shutil.copytree(data, tmp_path / "copy")
    assert "most of which the network was trained on" in package.evaluate(run, copy).notes[0]
    Image.new("RGB", (12, 12), "red").save(copy / "dogs" / "0.png")
    assert package.evaluate(run, copy).notes == ()


def test_the_training_folder_of_a_dataset_with_splits_is_known_again(
    tmp_path: Path, write_image_folder: Callable[..., Path]
) -> None:
    numbers, splits = ("2", "10"), ("train", "val", "test")
    for number, split in enumerate(splits):
        write_image_folder(tmp_path / "data" / split, numbers, per_class=4 + number)
    layer = {"preset": "smoke", "device": "cpu", "search.steps_per_epoch": 1, "train.epochs": 1, "data.cache": False}
    run = package.run(tmp_path / "data", layer, out=tmp_path / "run").path
    copy = shutil.copytree(tmp_path / "data", tmp_path / "copy")
    told = [package.evaluate(run, copy / split).notes for split in splits]
    assert told[0][0].startswith("These are the images that the network was trained on, so")
    assert told[1][0].startswith("These are the images that the network was chosen by, so")
    assert (told[2], package.evaluate(run, copy).notes) == ((), ())


def front(path: Path) -> dict[str, object]:
    """The metadata of a README, between two lines of dashes."""
    empty, metadata, _ = path.read_text(encoding="utf-8").split("---\n", 2)
    assert empty == ""
    found = yaml.safe_load(metadata)
    assert isinstance(found, dict)
    return found


def test_the_readme_of_a_run_has_the_metadata_of_the_hub_and_leaves_the_licence_to_the_user(
    made: tuple[Path, Path],
) -> None:
    readme = made[0] / "README.md"
    metadata, result = front(readme), json.loads((made[0] / "result.json").read_text())
    assert metadata["library_name"] == "dartboard"
    assert metadata["pipeline_tag"] == "image-classification"
    assert {"image-classification", result["space"], result["method"]} <= set(metadata["tags"])  # type: ignore[call-overload]
    assert "license" not in metadata
    assert "datasets" not in metadata, "only the Hub's own names may stand there"
    (entry,) = metadata["model-index"]  # type: ignore[misc]
    (tested,) = entry["results"]
    assert tested["dataset"] == {"name": "pets", "type": "pets", "split": "test"}
    assert tested["metrics"][0]["type"] == "accuracy"
    assert tested["metrics"][0]["value"] == pytest.approx(result["test_accuracy"])
    text = readme.read_text(encoding="utf-8")
    assert 'dartboard.load("PATH/TO/THIS/FOLDER")' in text
    assert "`cats`, `dogs`" in text
    assert "RGB, 12x12 pixels" in text


def test_a_readme_that_the_user_changed_is_not_overwritten(made: tuple[Path, Path], tmp_path: Path) -> None:
    run = tmp_path / "copy"
    shutil.copytree(made[0], run)
    (run / "README.md").write_text("mine", encoding="utf-8")
    write_readme(run)
    assert (run / "README.md").read_text(encoding="utf-8") == "mine"
    (run / "README.md").unlink()
    write_readme(run)
    assert front(run / "README.md") == front(made[0] / "README.md") | {
        "model-index": [{**entry, "name": "copy"} for entry in front(made[0] / "README.md")["model-index"]]  # type: ignore[attr-defined]
    }


def test_a_dataset_of_the_hub_and_awkward_class_names_are_told_in_the_readme(
    made: tuple[Path, Path], tmp_path: Path
) -> None:
    run = tmp_path / "hub run"
    shutil.copytree(made[0], run)
    for name, changes in (
        ("settings.json", {"source": "hf:someone/pets"}),
        ("model.json", {"classes": ["<b>`x`\n---", "a|b"]}),
    ):
        content = json.loads((run / name).read_text(encoding="utf-8"))
        (run / name).write_text(json.dumps(content | changes), encoding="utf-8")
    (run / "README.md").unlink()
    write_readme(run)
    metadata = front(run / "README.md")
    assert metadata["datasets"] == ["someone/pets"]
    assert metadata["model-index"][0]["name"] == "hub-run"  # type: ignore[index]
    text = (run / "README.md").read_text(encoding="utf-8")
    assert "`&lt;b>'x' ---`, `a\\|b`" in text
