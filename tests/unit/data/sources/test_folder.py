import re
import shutil

import numpy as np
import pytest

from dartboard.data import DataSettings, load_dataset
from dartboard.data.sources import open_source
from dartboard.errors import DataError

SETTINGS = DataSettings(cache=False)


def test_classes_are_sorted_and_files_ordered(image_folder) -> None:
    (image_folder / "dogs" / "10.png").write_bytes((image_folder / "dogs" / "1.png").read_bytes())
    index = open_source(image_folder, SETTINGS)
    train = index.splits["train"]
    assert index.name == "pets"
    assert index.classes == ("cats", "dogs")
    assert train.labels.tolist() == [0] * 6 + [1] * 7
    assert list(train.names) == sorted(train.names)


def test_train_val_and_test_folders_become_the_splits(tmp_path, write_image_folder) -> None:
    for split, per_class in (("train", 4), ("dev", 2), ("Test", 3)):
        write_image_folder(tmp_path / "set" / split, per_class=per_class)
    dataset = load_dataset(tmp_path / "set", SETTINGS)
    assert [len(part) for part in (dataset.train, dataset.validation, dataset.test)] == [8, 4, 6]
    assert dataset.notes == ()


def test_val_without_test_becomes_the_test_set_and_a_note_says_so(tmp_path, write_image_folder) -> None:
    for split in ("train", "valid"):
        write_image_folder(tmp_path / "set" / split)
    dataset = load_dataset(tmp_path / "set", SETTINGS)
    assert dataset.validation is None
    assert len(dataset.test) == 12
    assert "'valid' split of 12 images serves as the test set" in dataset.notes[0]


def test_a_class_called_train_does_not_make_split_folders(tmp_path, write_image_folder) -> None:
    root = write_image_folder(tmp_path / "vehicles", classes=("bus", "train"))
    assert load_dataset(root, SETTINGS).classes == ("bus", "train")


def test_non_ascii_names_spaces_and_subfolders_work(tmp_path, write_image_folder) -> None:
    root = write_image_folder(tmp_path / "mes images", classes=("chêne doré", "桜"))
    nested = root / "桜" / "été 2024"
    nested.mkdir()
    (root / "桜" / "0.png").rename(nested / "fleur n° 1.PNG")
    dataset = load_dataset(root, SETTINGS)
    assert dataset.classes == ("chêne doré", "桜")
    assert len(dataset.train) == 12


def test_hidden_and_system_files_are_passed_over(image_folder) -> None:
    for name in (".DS_Store", "Thumbs.db", "Desktop.ini"):
        (image_folder / "cats" / name).write_bytes(b"no image")
    (image_folder / ".git").mkdir()
    (image_folder / "README.md").write_text("Beside the class folders, files are not images.")
    assert len(load_dataset(image_folder, SETTINGS).train) == 12


def test_links_to_outside_are_followed_and_loops_are_not(tmp_path, image_folder, write_image_folder) -> None:
    outside = write_image_folder(tmp_path / "elsewhere", classes=("more",), per_class=3)
    (image_folder / "cats" / "linked").symlink_to(outside / "more")
    (image_folder / "cats" / "linked" / "back").symlink_to(outside / "more")
    (image_folder / "dogs" / "up").symlink_to(image_folder)
    dataset = load_dataset(image_folder, SETTINGS)
    assert np.bincount(dataset.train.labels).tolist() == [9, 6]


def _remove(root) -> None:
    shutil.rmtree(root)


def _empty(root) -> None:
    shutil.rmtree(root)
    root.mkdir()


def _loose(root) -> None:
    for file in list(root.glob("*/*.png")):
        file.rename(root / f"{file.parent.name}-{file.name}")
    for folder in list(root.iterdir()):
        if folder.is_dir():
            folder.rmdir()


def _one_class(root) -> None:
    shutil.rmtree(root / "dogs")


def _empty_class(root) -> None:
    (root / "birds").mkdir()


def _single_image(root) -> None:
    for number in range(1, 6):
        (root / "dogs" / f"{number}.png").unlink()


def _not_a_dataset(root) -> None:
    shutil.rmtree(root)
    root.write_text("hello")


def _only_test(root) -> None:
    (root / "test").mkdir()
    for name in ("cats", "dogs"):
        (root / name).rename(root / "test" / name)


def _foreign_test_class(root) -> None:
    for split in ("train", "test"):
        shutil.copytree(root / "cats", root / split / "cats")
        shutil.copytree(root / "dogs", root / split / ("dogs" if split == "train" else "wolves"))


def _two_validations(root) -> None:
    for split in ("train", "val", "valid"):
        shutil.copytree(root / "cats", root / split / "cats")


def _loose_train(root) -> None:
    (root / "cats").rename(root / "train")
    (root / "dogs").rename(root / "test")


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (_remove, "there is no dataset at .*pets; give a folder"),
        (_empty, "pets is empty"),
        (_loose, "12 files but no class folders; images must lie in one folder per class"),
        (_one_class, r"1 class \(cats\); classification needs at least two"),
        (_empty_class, "class folder .*birds holds no images"),
        (_single_image, "class 'dogs' of pets has a single training image"),
        (_not_a_dataset, "neither a folder nor a file of a known kind"),
        (_only_test, "has test/ but no train/ folder"),
        (_foreign_test_class, "classes that the training images lack: wolves"),
        (_two_validations, "both val/ and valid/ for validation"),
        (_loose_train, "train holds 6 files but no class folders"),
    ],
)
def test_what_cannot_be_used_is_explained_in_one_sentence(image_folder, spoil, message) -> None:
    spoil(image_folder)
    with pytest.raises(DataError, match=message) as raised:
        load_dataset(image_folder, SETTINGS)
    assert len(re.findall(r"\.(?:\s|$)", str(raised.value))) == 1


def test_a_folder_of_other_kinds_of_files_is_told_what_it_holds(tmp_path) -> None:
    (tmp_path / "scans.zip").write_bytes(b"PK")
    with pytest.raises(DataError, match=r"only 1 entry of kinds that are no images \(scans.zip\)"):
        open_source(tmp_path, DataSettings())
