"""Task layout, manifests, arrays, IDX files and the Hub: what lies there is what comes out."""

import gzip
import struct
import sys
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dartboard.data import DataSettings, load_dataset
from dartboard.data.sources import ArrayData, open_images
from dartboard.data.sources.labelled_rows import label_text
from dartboard.errors import DataError

from .layouts import grays, write_csv, write_images, write_task

SETTINGS = DataSettings(cache=False)


@pytest.mark.parametrize(("mode", "channels"), [("L", 1), ("RGB", 3)])
def test_a_task_whose_test_labels_are_nan_has_a_test_set_without_labels(tmp_path, mode: str, channels: int) -> None:
    dataset = load_dataset(write_task(tmp_path / "task", mode=mode), SETTINGS)
    assert dataset.classes == ("0", "1")
    assert dataset.image_shape == (channels, 8, 8)
    assert dataset.train.true_labels.tolist() == [0, 1, 0, 1]
    assert grays(dataset.train.images) == [10, 11, 12, 13]
    assert dataset.test is not None
    assert dataset.test.labels is None
    assert grays(dataset.test.images) == [50, 51, 52], "in the order of test.csv, not of the names"
    assert list(dataset.test.names) == ["000009.png", "000007.png", "000008.png"]
    assert dataset.notes == ("The test images have no labels, so no test accuracy can be given.",)
    assert dataset.description.startswith("# Grays")
    with pytest.raises(DataError, match="no labels"):
        _ = dataset.test.true_labels


def test_a_task_with_test_labels_is_scored(tmp_path) -> None:
    dataset = load_dataset(write_task(tmp_path / "task", ("1", "0", "1")), SETTINGS)
    assert dataset.test is not None
    assert dataset.test.true_labels.tolist() == [1, 0, 1]
    assert dataset.notes == ()


@pytest.mark.parametrize("labels", [("1", "", "0"), ("1", "-1", "0")])
def test_a_single_missing_test_label_makes_the_whole_test_set_unlabelled(tmp_path, labels) -> None:
    dataset = load_dataset(write_task(tmp_path / "task", labels), SETTINGS)
    assert dataset.test is not None
    assert dataset.test.labels is None
    assert dataset.notes == ("Line 3 of test.csv has no label, so no test accuracy can be given.",)


def test_a_task_without_test_csv_takes_the_test_images_by_name(tmp_path) -> None:
    (write_task(tmp_path / "task") / "test.csv").unlink()
    dataset = load_dataset(tmp_path / "task", SETTINGS)
    assert dataset.test is not None
    assert list(dataset.test.names) == ["000007.png", "000008.png", "000009.png"]


def test_an_unlabelled_test_set_comes_back_from_the_cache_unlabelled(tmp_path) -> None:
    task = write_task(tmp_path / "task")
    first, again = (load_dataset(task, DataSettings(), cache_dir=tmp_path / "cache") for _ in range(2))
    assert first.test is not None
    assert again.test is not None
    assert again.test.labels is None
    assert again.test.names == first.test.names
    np.testing.assert_array_equal(first.test.images, again.test.images)


def test_class_folders_win_over_a_csv_file_beside_them(tmp_path) -> None:
    write_images(tmp_path / "x" / "train" / "a", ["1.png", "2.png"])
    write_images(tmp_path / "x" / "train" / "b", ["1.png", "2.png"])
    write_csv(tmp_path / "x" / "train.csv", [("1.png", "7")])
    assert load_dataset(tmp_path / "x", SETTINGS).classes == ("a", "b")


NAMES = ["Gänse blümchen/1 a.png", "Gänse blümchen/2.png", "日本/3.png", "日本/4.png"]


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_a_csv_manifest_is_read_with_any_separator_mark_and_name(tmp_path, separator: str, mark: str) -> None:
    write_images(tmp_path, NAMES)
    rows = [(name, name.partition("/")[0]) for name in NAMES]
    path = write_csv(tmp_path / "m.csv", rows, separator.join([f"{mark}path", "label"]), separator)
    dataset = load_dataset(path, SETTINGS)
    assert dataset.classes == ("Gänse blümchen", "日本")
    assert dataset.train.true_labels.tolist() == [0, 0, 1, 1]
    assert list(dataset.train.names) == NAMES
    assert grays(dataset.train.images) == [10, 11, 12, 13]


def test_a_manifest_is_split_by_its_column_and_columns_go_by_any_name(tmp_path) -> None:
    names = [f"{number}.png" for number in range(6)]
    write_images(tmp_path, names)
    splits = ["train", "test", "train", "Train", "train", "test"]
    rows = zip(splits, names, ["x", "x", "y", "x", "y", "y"], strict=True)
    path = write_csv(tmp_path / "m.csv", rows, "part,file,kind")
    settings = DataSettings(cache=False, image_column="file", label_column="kind", split_column="part")
    dataset = load_dataset(path, settings)
    assert grays(dataset.train.images) == [10, 12, 13, 14]
    assert dataset.train.true_labels.tolist() == [0, 1, 0, 1]
    assert dataset.test is not None
    assert grays(dataset.test.images) == [11, 15]
    assert dataset.test.true_labels.tolist() == [0, 1]


def test_a_parquet_manifest_reads_as_the_csv_one_does(tmp_path) -> None:
    names = [f"{number}.png" for number in range(4)]
    write_images(tmp_path, names)
    pq.write_table(pa.table({"file_name": names, "label": [10, 9, 10, 9]}), tmp_path / "m.parquet")
    dataset = load_dataset(tmp_path / "m.parquet", SETTINGS)
    assert dataset.classes == ("9", "10"), "numbers by size, not as text"
    assert dataset.train.true_labels.tolist() == [1, 0, 1, 0]


def test_missing_files_of_a_manifest_may_be_left_out(tmp_path) -> None:
    write_images(tmp_path, ["0.png", "1.png", "2.png", "3.png"])
    rows = [(f"{number}.png", "ab"[number % 2]) for number in range(5)]
    path = write_csv(tmp_path / "m.csv", rows)
    with pytest.raises(DataError, match=r"line 6 of m\.csv names '4\.png', and there is no such file"):
        load_dataset(path, SETTINGS)
    dataset = load_dataset(path, DataSettings(cache=False, skip_broken=True))
    assert len(dataset.train) == 4
    assert dataset.broken == {"train": {"4.png": "No such file or directory"}}
    assert list(dataset.train.names) == ["0.png", "1.png", "2.png", "3.png"]


def test_an_unlabelled_image_is_never_left_out(tmp_path) -> None:
    task = write_task(tmp_path / "task")
    (task / "images_test" / "000007.png").write_text("broken")
    with pytest.raises(
        DataError, match=r"000007\.png cannot be read .*; repair what is broken, since .* never left out"
    ):
        load_dataset(task, DataSettings(cache=False, skip_broken=True))


@given(st.integers(-1000, 1000))
def test_a_whole_number_is_the_same_label_however_it_is_written(number: int) -> None:
    assert label_text(number) == label_text(float(number)) == label_text(f" {number}.0 ") == str(number)


def arrays(**more):
    images = np.arange(6, dtype=np.uint8)[:, None, None].repeat(8, 1).repeat(8, 2)
    return {"x_train": images[:4], "y_train": np.array([3, 5, 3, 5]), "x_test": images[4:], **more}


def test_an_npz_file_holds_both_sets_and_test_labels_may_be_missing(tmp_path) -> None:
    np.savez(tmp_path / "made.npz", **arrays(y_test=np.array([5, 3])))
    dataset = load_dataset(tmp_path / "made.npz", SETTINGS)
    assert dataset.name == "made"
    assert dataset.classes == ("3", "5")
    assert dataset.train.true_labels.tolist() == [0, 1, 0, 1]
    assert dataset.test is not None
    assert dataset.test.true_labels.tolist() == [1, 0]
    assert grays(dataset.test.images) == [4, 5]
    without = load_dataset(ArrayData(arrays()), SETTINGS).test
    assert without is not None
    assert without.labels is None


@pytest.mark.parametrize("channels", [2, 4, 12, 13])
def test_arrays_of_many_channels_come_in_any_order(channels) -> None:
    pixels = np.random.default_rng(0).integers(0, 4096, (6, 24, 17, channels)).astype(np.uint16)
    pixels[0, 0, 0], pixels[0, 0, 1] = 0, 4095
    for images in (pixels, np.moveaxis(pixels, 3, 1)):
        dataset = load_dataset(ArrayData({"images": images, "labels": np.arange(6) % 2}), SETTINGS)
        assert dataset.image_shape == (channels, 24, 17)
        assert dataset.ranges == ((0.0, 4095.0),) * channels
        np.testing.assert_array_equal(dataset.train.images, np.rint(pixels * (255 / 4095)).astype(np.uint8))


def test_colour_arrays_come_in_any_order_and_as_floats() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (4, 8, 9, 3), dtype=np.uint8)
    labels = np.array(["a", "b", "a", "b"])
    for images in (pixels, np.moveaxis(pixels, 3, 1), pixels / 255, pixels.astype(np.int64)):
        dataset = load_dataset(ArrayData({"images": images, "labels": labels}), SETTINGS)
        np.testing.assert_array_equal(dataset.train.images, pixels)
        assert dataset.classes == ("a", "b")


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"x_train": np.zeros((4, 8), np.uint8)}, r"'x_train' has shape \(4, 8\)"),
        ({"x_train": np.full((4, 8, 8), 1j)}, "'x_train' holds complex128 that are no pixels"),
        ({"x_train": np.full((4, 8, 8), np.nan)}, r"'x_train' holds values that are not finite \(NaN or infinite\)"),
        ({"y_train": np.zeros(3)}, r"'y_train' has shape \(3,\) .* must hold 4 integers or strings"),
        ({"y_train": np.array([3, 5, np.nan, 5])}, r"x_train\[2\] has no label; give every image"),
        ({"y_test": np.array([3, 7])}, r"x_test\[1\] has the label '7', which no training image has"),
        ({"y_tset": np.zeros(2)}, r"array 'y_tset'; rename it or leave it out \(did you mean 'y_test'"),
    ],
)
def test_arrays_that_are_no_dataset_are_refused_by_their_name(changed, message: str) -> None:
    with pytest.raises(DataError, match=message):
        load_dataset(ArrayData(arrays(**changed)), SETTINGS)


def idx(values: np.ndarray) -> bytes:
    return struct.pack(f">HBB{values.ndim}I", 0, 8, values.ndim, *values.shape) + values.tobytes()


@pytest.mark.parametrize("packed", [False, True])
def test_idx_files_are_read_as_fashion_mnist_ships_them(tmp_path, packed: bool) -> None:
    made = arrays()
    for name, values in (
        ("train-images-idx3-ubyte", made["x_train"]),
        ("train-labels-idx1-ubyte", np.array([0, 1, 0, 1], np.uint8)),
        ("t10k-images-idx3-ubyte", made["x_test"]),
        ("t10k-labels-idx1-ubyte", np.array([1, 0], np.uint8)),
    ):
        content = idx(values)
        (tmp_path / (name + ".gz" * packed)).write_bytes(gzip.compress(content) if packed else content)
    dataset = load_dataset(tmp_path, SETTINGS)
    np.testing.assert_array_equal(dataset.train.images[..., 0], made["x_train"])
    assert dataset.test is not None
    assert dataset.test.true_labels.tolist() == [1, 0]
    (tmp_path / ("train-images-idx3-ubyte" + ".gz" * packed)).write_bytes(b"\x00\x00")
    with pytest.raises(DataError, match=r"train-images-idx3-ubyte.* is damaged"):
        load_dataset(tmp_path, SETTINGS)


class Table:
    """As much of a table of the package datasets as is used."""

    def __init__(self, labels: list[int], names: list[str] | None) -> None:
        self.column_names = ["image", "label"]
        self.features = {"label": SimpleNamespace(names=names)}
        header = b"P5 8 8 255\n"
        self.rows = [{"image": {"bytes": header + bytes([n] * 64)}, "label": label} for n, label in enumerate(labels)]

    def cast_column(self, column: str, kind: object) -> "Table":
        assert column == "image"
        assert kind is False, "images must stay encoded"
        return self

    def __getitem__(self, column: str) -> list:
        return [row[column] for row in self.rows]

    def __iter__(self):
        return iter(self.rows)


def hub(**answers) -> SimpleNamespace:
    def load_dataset(name: str) -> object:
        if name in answers:
            return answers[name]
        raise ConnectionError("no network.\nand much more")

    return SimpleNamespace(load_dataset=load_dataset, Image=lambda decode: decode)


def test_a_dataset_of_the_hub_keeps_its_class_order_and_hidden_labels(monkeypatch) -> None:
    names = ["zebra", "ant"]
    tables = {"train": Table([0, 1, 1, 0], names), "test": Table([-1, -1], names), "unsupervised": Table([0], names)}
    monkeypatch.setitem(sys.modules, "datasets", hub(animals=tables))
    dataset = load_dataset("hf:animals", SETTINGS)
    assert dataset.classes == ("zebra", "ant")
    assert dataset.train.true_labels.tolist() == [0, 1, 1, 0]
    assert grays(dataset.train.images) == [0, 1, 2, 3]
    assert dataset.test is not None
    assert dataset.test.labels is None
    assert dataset.notes[0] == "The split unsupervised of hf:animals was left out."
    with pytest.raises(DataError, match=r"hf:others could not be fetched \(no network\); check"):
        load_dataset("hf:others", SETTINGS)


def test_without_the_optional_package_the_hub_is_refused_with_the_remedy(monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(DataError, match=r"not installed; install it with pip install 'dartboard\[hf\]'"):
        load_dataset("hf:owner/name", SETTINGS)


def test_images_to_predict_are_the_test_images_or_all_or_a_plain_folder(tmp_path) -> None:
    def names(path) -> object:
        return open_images(path, SETTINGS).splits["test"].names

    assert names(write_task(tmp_path / "task")) == ["000009.png", "000007.png", "000008.png"]
    write_images(tmp_path / "loose", ["b.png", "a.png"])
    index = open_images(tmp_path / "loose", SETTINGS)
    assert (index.name, list(index.splits)) == ("loose", ["test"])
    assert index.splits["test"].names == ["a.png", "b.png"]
    assert index.splits["test"].labels is None
    manifest = write_csv(tmp_path / "loose" / "m.csv", [("b.png",), ("a.png",)], "path")
    assert names(manifest) == ["b.png", "a.png"]


def test_a_hidden_test_set_in_parquet_files_has_no_labels(tmp_path, write_parquet) -> None:
    write_parquet(tmp_path / "x" / "train.parquet", [0, 1, 0, 1], ["cat", "dog"])
    write_parquet(tmp_path / "x" / "test.parquet", [-1, -1], ["cat", "dog"])
    test = load_dataset(tmp_path / "x", SETTINGS).test
    assert test is not None
    assert test.labels is None
