"""Folders as people have them: every file is an image of the dataset, or is told as left out."""

import shutil
import unicodedata
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from dartboard.data import DataSettings, Reading, load_dataset, load_images
from dartboard.data.sources import LeftOut, open_images, open_source
from dartboard.errors import DataError
from dartboard.runs import RunDirectory

from .layouts import write_csv, write_images, write_task

SETTINGS = DataSettings(cache=False)


def left_out(path: Path) -> dict[str, tuple[str, ...]]:
    return {each.reason: each.names for each in open_source(path, SETTINGS).left_out}


def test_what_systems_and_tools_leave_is_left_out_and_told(image_folder) -> None:
    leftovers = (
        ".DS_Store", "cats/Thumbs.db", "cats/.ipynb_checkpoints/0-checkpoint.png", "@eaDir/0.png", ".git/config",
        "__MACOSX/._cats/0.png", "cats/@eaDir/0.png/SYNO_THUMB.jpg", "dogs/1.png.part",
    )  # fmt: skip
    for name in leftovers:
        (image_folder / name).parent.mkdir(parents=True, exist_ok=True)
        (image_folder / name).write_bytes(b"x")
    index = open_source(image_folder, SETTINGS)
    assert index.classes == ("cats", "dogs")
    assert len(index.splits["train"]) == 12
    (found,) = index.left_out
    assert found == LeftOut(
        "left behind by systems and programs",
        (".DS_Store", ".git/", "@eaDir/", "__MACOSX/", "cats/.ipynb_checkpoints/", "cats/@eaDir/", "cats/Thumbs.db",
         "dogs/1.png.part"),
    )  # fmt: skip


def test_texts_and_tables_are_left_out_wherever_they_lie_and_so_are_images_beside_the_class_folders(
    image_folder,
) -> None:
    for name in ("README", "labels.csv", "cats/0.txt", "annotations/cats/0.xml"):
        (image_folder / name).parent.mkdir(parents=True, exist_ok=True)
        (image_folder / name).write_text("x")
    shutil.copy(image_folder / "cats" / "0.png", image_folder / "loose.png")
    shutil.copy(image_folder / "cats" / "0.png", image_folder / "cats" / "license.png")
    assert len(open_source(image_folder, SETTINGS).splits["train"]) == 13
    assert left_out(image_folder) == {
        "of kinds that are no images": ("README", "cats/0.txt", "labels.csv"),
        "beside the class folders": ("loose.png",),
        "without images": ("annotations/",),
    }


def test_a_run_inside_the_data_is_no_class_before_it_begins_and_after(image_folder) -> None:
    with RunDirectory(image_folder / "runs" / "first") as run:
        assert left_out(image_folder) == {"written by dartboard": ("runs/",)}
        run.claim({"seed": 0})
        (run.path / "events.jsonl").write_text("")
        (run.path / "candidates").mkdir()
        Image.new("L", (8, 8)).save(run.path / "candidates" / "picture.png")
    (image_folder / "runs" / "log.txt").write_text("x")
    assert open_source(image_folder, SETTINGS).classes == ("cats", "dogs")
    shutil.move(image_folder / "runs" / "first", image_folder / "cats" / "first")
    assert len(open_source(image_folder, SETTINGS).splits["train"]) == 12


def test_every_file_of_a_folder_is_an_image_or_is_told(image_folder) -> None:
    for name in ("cats/more/9.png", "cats/notes.md", "x/notes.md", "y.png", ".hidden/a.png"):
        (image_folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(image_folder / "cats" / "0.png", image_folder / name)
    index = open_source(image_folder, SETTINGS)
    told = [name for each in index.left_out for name in each.names]
    for file in (path for path in image_folder.rglob("*") if path.is_file()):
        name = file.relative_to(image_folder).as_posix()
        assert (name in index.splits["train"].names) != any(name == each or name.startswith(each) for each in told), (
            name
        )


def test_folders_that_are_numbers_are_numbered_by_size(tmp_path, write_image_folder) -> None:
    root = write_image_folder(tmp_path / "x", classes=("10", "2", "0"), per_class=2)
    index = open_source(root, SETTINGS)
    assert index.classes == ("0", "2", "10")
    names = index.splits["train"].names
    assert [index.classes[label] for label in index.splits["train"].labels] == [name.split("/")[0] for name in names]


def test_two_unicode_forms_of_a_name_are_one_class(tmp_path) -> None:
    forms = [unicodedata.normalize(form, "café") for form in ("NFC", "NFD")]
    for split in ("train", "test"):
        write_images(tmp_path / "x" / split / "bar", ["0.png", "1.png"])
        for form in forms:
            write_images(tmp_path / "x" / split / form, ["0.png", "1.png"])
    dataset = load_dataset(tmp_path / "x", SETTINGS)
    assert dataset.classes == ("bar", forms[0])
    assert np.bincount(dataset.train.labels).tolist() == [2, 4]
    shutil.rmtree(tmp_path / "x" / "test" / forms[0])
    assert np.bincount(load_dataset(tmp_path / "x", SETTINGS).test.labels).tolist() == [2, 2]


def test_names_that_are_no_text_stay_different_classes(tmp_path) -> None:
    for name in (b"\xe9", b"\xe8", b"\x1b[2J"):
        write_images(tmp_path / "x" / name.decode(errors="surrogateescape"), ["0.png", "1.png"])
    assert open_source(tmp_path / "x", SETTINGS).classes == (r"\x1b[2J", r"\xe8", r"\xe9")


@pytest.mark.parametrize(
    ("train", "test"),
    [
        ("Training", "Testing"), ("train_set", "test_set"), ("seg_train", "seg_test"), ("Train_Images", "test_images"),
        ("images_train", "images_test"), ("TrainingSet", "holdout"), ("pets_train", "pets_test"),
    ],
)  # fmt: skip
def test_folders_called_alike_are_splits(tmp_path, write_image_folder, train: str, test: str) -> None:
    root = tmp_path / "x"
    for split in (train, test):
        write_image_folder(root / split, per_class=3)
    write_images(root / "unlabelled", ["0.png"])
    index = open_source(root, SETTINGS)
    assert index.classes == ("cats", "dogs")
    assert {name: len(split) for name, split in index.splits.items()} == {"train": 6, "test": 6}
    assert left_out(root) == {"beside the folders of the splits": ("unlabelled/",)}


def test_test_images_without_class_folders_have_no_labels(tmp_path, write_image_folder) -> None:
    write_image_folder(tmp_path / "x" / "train", size=(8, 8))
    write_images(tmp_path / "x" / "test", ["b.png", "a.png"])
    dataset = load_dataset(tmp_path / "x", SETTINGS)
    assert dataset.test.labels is None
    assert list(dataset.test.names) == ["test/a.png", "test/b.png"]
    assert dataset.notes == ("The images in test/ lie in no class folders, so no test accuracy can be given.",)


def test_a_folder_in_a_split_of_the_same_name_is_gone_into(tmp_path, write_image_folder) -> None:
    for split in ("seg_train", "seg_test"):
        write_image_folder(tmp_path / "x" / split / split)
    assert open_source(tmp_path / "x", SETTINGS).classes == ("cats", "dogs")


@pytest.mark.parametrize(
    ("folders", "message"),
    [
        (("A/cat", "A/dog", "B/cat", "B/dog"), r"A/ and B/ hold the same folders \(cat, dog\)"),
        (("train/1/cat", "train/1/dog", "train/2/cat", "train/2/dog"), r"1/ and 2/ hold the same folders"),
        (("cat/train", "cat/test", "dog/train"), "cat holds test/ and train/, and splits must be the outer folders"),
        (("cat", "dog", "test/cat", "test/dog"), "has test/ beside cat/ and dog/, but no train/ folder"),
        (("cat", "dog", "test"), "has test/ beside cat/ and dog/, but no train/ folder"),
        (("Testing/cat", "Testing/dog"), "has Testing/ but no train/ folder"),
        (("train/cat", "train/dog", "val/cat", "validation/cat"), "has both val/ and validation/ for validation"),
        (("train/cat", "test/cat", "seg_train/cat", "seg_test/cat"), "has more than one set of splits"),
        (("archive/train/cat", "archive/test/cat"), "holds no images but those in archive/, .* give .*x/archive"),
        (("Training", "Testing"), "Training holds 2 files but no class folders"),
        (("train", "test", "cat"), "train holds 2 files but no class folders"),
    ],
)
def test_what_may_be_splits_is_refused_and_never_a_class(tmp_path, folders, message: str) -> None:
    for folder in folders:
        write_images(tmp_path / "x" / folder, ["0.png", "1.png"])
    with pytest.raises(DataError, match=message):
        open_source(tmp_path / "x", SETTINGS)


@pytest.mark.parametrize(
    ("folders", "classes"),
    [
        (("bus", "train"), ("bus", "train")),
        (("valid", "invalid"), ("invalid", "valid")),
        (("test_positive", "test_negative"), ("test_negative", "test_positive")),
        (("cat/images", "dog/images"), ("cat", "dog")),
        (("cat/2021", "cat/2022", "dog/2022"), ("cat", "dog")),
    ],
)
def test_classes_whose_names_have_such_words_or_that_have_folders_stay_classes(tmp_path, folders, classes) -> None:
    for folder in folders:
        write_images(tmp_path / "x" / folder, ["0.png", "1.png"])
    assert open_source(tmp_path / "x", SETTINGS).classes == classes


def test_images_to_predict_are_all_in_the_folder_those_in_its_folders_too(tmp_path) -> None:
    write_images(tmp_path / "new", ["b.png", "a.png", "older/c.png", "older/x/d.png"])
    (tmp_path / "new" / "Thumbs.db").write_text("x")
    (tmp_path / "new" / "labels.csv").write_text("x")
    assert open_images(tmp_path / "new", SETTINGS).splits["test"].names == [
        "a.png",
        "b.png",
        "older/c.png",
        "older/x/d.png",
    ]
    told: list[str] = []
    assert len(load_images(tmp_path / "new", SETTINGS, Reading(8, 8, 1), note=told.append).images) == 4
    assert told == [
        "Left out of the dataset: 1 entry left behind by systems and programs (Thumbs.db); 1 entry of kinds that are "
        "no images (labels.csv)."
    ]


def test_a_task_takes_all_test_images_and_tells_which_training_images_no_row_names(tmp_path) -> None:
    task = write_task(tmp_path / "task")
    (task / "test.csv").unlink()
    write_images(task / "images_test" / "more", ["0.png"])
    write_images(task / "images_train", ["extra.png"])
    index = open_source(task, SETTINGS)
    assert index.splits["test"].names == ["000007.png", "000008.png", "000009.png", "more/0.png"]
    assert left_out(task) == {"that no table lists": ("images_train/extra.png",)}


def test_paths_of_a_manifest_may_be_spelt_as_other_systems_do(tmp_path) -> None:
    nfd = unicodedata.normalize("NFD", "é")
    write_images(tmp_path, [f"über/{nfd}0.png", "b/1.png", " c.png", "d.png"])
    rows = [("über\\é0.png", "x"), ("b\\1.png", " x "), (" c.png", "y"), ("  ./d.png ", "y ")]
    index = open_source(write_csv(tmp_path / "m.csv", rows), SETTINGS)
    assert [path.name for path in index.splits["train"].images] == [f"{nfd}0.png", "1.png", " c.png", "d.png"]
    assert index.classes == ("x", "y")
    with pytest.raises(DataError, match="lies outside of"):
        open_source(write_csv(tmp_path / "m.csv", [("..\\m\\a.png", "x")]), SETTINGS)


def test_a_manifest_with_null_characters_is_refused_by_its_line(tmp_path) -> None:
    write_images(tmp_path, ["a.png"])
    with pytest.raises(DataError, match=r"line 3 of m.csv names 'b\\x00.png', and no file has a name with a null"):
        open_source(write_csv(tmp_path / "m.csv", [("a.png", "x"), ("b\0.png", "y")]), SETTINGS)


@pytest.mark.parametrize("start", ["", "sep=;\n"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_manifests_are_read_as_spreadsheets_write_them(tmp_path, start: str, encoding: str) -> None:
    write_images(tmp_path, ["ä.png", "b.png"])
    (tmp_path / "m.csv").write_text(f"{start}image;label;split\r\nä.png;x;Training\r\nb.png;y;train set\r\n", encoding)
    index = open_source(tmp_path / "m.csv", SETTINGS)
    assert index.splits["train"].names == ["ä.png", "b.png"]


def test_a_folder_of_images_beside_a_table_is_refused_with_the_table_as_the_remedy(tmp_path) -> None:
    write_images(tmp_path / "x", ["0.png", "1.png"])
    write_csv(tmp_path / "x" / "labels.csv", [("0.png", "a"), ("1.png", "b")])
    with pytest.raises(
        DataError, match=r"x holds 2 files but no class folders; .* or give .*x/labels\.csv as the dataset"
    ):
        open_source(tmp_path / "x", SETTINGS)


def test_a_single_folder_of_images_beside_a_table_is_refused_with_the_table_as_the_remedy(tmp_path) -> None:
    write_images(tmp_path / "x" / "images", ["0.png", "1.png"])
    write_csv(tmp_path / "x" / "labels.csv", [("images/0.png", "a"), ("images/1.png", "b")])
    with pytest.raises(DataError, match=r"a single class folder, images/; give .*x/labels\.csv as the dataset if"):
        open_source(tmp_path / "x", SETTINGS)


def test_a_parquet_file_that_lists_images_may_lie_beside_class_folders(image_folder) -> None:
    table = pa.table({"image": ["cats/0.png"], "label": ["cat"]})
    pq.write_table(table, image_folder / "labels.parquet")
    assert open_source(image_folder, SETTINGS).classes == ("cats", "dogs")
    assert len(open_images(image_folder, SETTINGS).splits["test"]) == 12


def test_a_name_with_control_characters_reaches_no_message(tmp_path) -> None:
    write_images(tmp_path / "x" / "a", ["0.png", "1.png"])
    (tmp_path / "x" / "\x1b[2J").mkdir()
    with pytest.raises(DataError, match="holds no images") as raised:
        open_source(tmp_path / "x", SETTINGS)
    assert "\x1b" not in str(raised.value)
