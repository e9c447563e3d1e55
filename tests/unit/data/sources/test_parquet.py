import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dartboard.data import DataSettings, load_dataset
from dartboard.data.sources import open_source
from dartboard.errors import DataError

SETTINGS = DataSettings(cache=False)


def test_a_single_file_is_all_training_images_with_class_label_names(parquet_file) -> None:
    dataset = load_dataset(parquet_file, SETTINGS)
    assert (dataset.name, dataset.classes, dataset.image_shape) == ("pets", ("cat", "dog"), (1, 8, 8))
    assert dataset.train.labels.tolist() == [0, 1] * 6
    assert dataset.test is None


def test_files_join_the_split_that_their_name_begins_with(tmp_path, write_parquet) -> None:
    for name, count in (("train-0", 2), ("train-1", 3), ("validation-0", 1), ("TEST-0", 4)):
        write_parquet(tmp_path / f"{name}.parquet", [0, 1] * count)
    dataset = load_dataset(tmp_path, SETTINGS)
    assert [len(part) for part in (dataset.train, dataset.validation, dataset.test)] == [10, 2, 8]


def test_files_of_the_hubs_data_folder_are_found(tmp_path, write_parquet) -> None:
    write_parquet(tmp_path / "data" / "train-0.parquet", [0, 1] * 3)
    write_parquet(tmp_path / "data" / "extra-0.parquet", [0, 1] * 3)
    dataset = load_dataset(tmp_path, SETTINGS)
    assert len(dataset.train) == 6
    assert dataset.notes == ("extra-0.parquet belongs to no split by its name and was left out.",)


def test_files_without_a_split_name_are_training_images(tmp_path, write_parquet) -> None:
    for shard in range(2):
        write_parquet(tmp_path / f"part-{shard}.parquet", [0, 1] * 3)
    assert len(load_dataset(tmp_path, SETTINGS).train) == 12


@pytest.mark.parametrize(
    ("labels", "classes", "numbers"),
    [
        ([2, 7, 7, 2, 10, 10], ("2", "7", "10"), [0, 1, 1, 0, 2, 2]),
        (["wolf", "ant", "ant", "wolf"], ("ant", "wolf"), [1, 0, 0, 1]),
    ],
)
def test_labels_without_names_are_numbered_in_order(tmp_path, write_parquet, labels, classes, numbers) -> None:
    dataset = load_dataset(write_parquet(tmp_path / "x.parquet", labels), SETTINGS)
    assert dataset.classes == classes
    assert dataset.train.labels.tolist() == numbers


def test_dictionary_encoded_labels_and_plain_binary_images_are_read(tmp_path, parquet_file) -> None:
    table = pq.read_table(parquet_file)
    images = pa.array([image["bytes"] for image in table["image"].to_pylist()], pa.large_binary())
    labels = pa.array(["cat", "dog"] * 6).dictionary_encode()
    pq.write_table(pa.table({"picture": images, "kind": labels}), tmp_path / "other.parquet")
    settings = DataSettings(cache=False, image_column="picture", label_column="kind")
    other, plain = load_dataset(tmp_path / "other.parquet", settings), load_dataset(parquet_file, SETTINGS)
    assert other.classes == ("cat", "dog")
    np.testing.assert_array_equal(other.train.images, plain.train.images)


@pytest.mark.parametrize(
    ("labels", "names", "message"),
    [
        ([0, 1, 0, 2], ["cat", "dog"], "row 3 of x.parquet has the label 2"),
        ([0, -1, 0, 1], None, "row 1 of x.parquet has the label -1"),
        ([0, 1, None, 1], ["cat", "dog"], "row 2 of x.parquet has no label"),
        ([0, 0, 1], ["cat", "dog"], "class 'dog' of x has a single training image"),
        ([0, 0, 1, 1], ["cat", "dog", "eel"], "class 'eel' of x has no training image"),
        ([0, 0], None, r"1 class \(0\)"),
        ([0.5, 1.5], None, "holds double; labels must be integers or strings"),
    ],
)
def test_labels_that_cannot_be_used_are_named(tmp_path, write_parquet, labels, names, message) -> None:
    path = write_parquet(tmp_path / "x.parquet", labels, names)
    with pytest.raises(DataError, match=message):
        load_dataset(path, SETTINGS)


def test_test_labels_unknown_in_training_are_named(tmp_path, write_parquet) -> None:
    write_parquet(tmp_path / "train.parquet", ["a", "b"] * 2)
    write_parquet(tmp_path / "test.parquet", ["a", "c"])
    with pytest.raises(DataError, match=r"row 1 of test.parquet has the label 'c'"):
        load_dataset(tmp_path, SETTINGS)


def test_a_missing_column_is_reported_with_those_that_exist(parquet_file) -> None:
    with pytest.raises(
        DataError, match=r"no column 'img' but image, label; name the right one with data\.image_column"
    ):
        load_dataset(parquet_file, DataSettings(image_column="img"))


def test_columns_of_other_types_are_refused(tmp_path) -> None:
    pq.write_table(pa.table({"image": [[1, 2], [3]], "label": [0, 1]}), tmp_path / "x.parquet")
    with pytest.raises(DataError, match=r"column 'image' of x.parquet holds list"):
        load_dataset(tmp_path / "x.parquet", SETTINGS)


def test_only_test_files_are_not_a_dataset(tmp_path, write_parquet) -> None:
    write_parquet(tmp_path / "test.parquet", [0, 1])
    with pytest.raises(DataError, match="no file of training images"):
        load_dataset(tmp_path, SETTINGS)


def test_a_damaged_file_is_refused(tmp_path, parquet_file) -> None:
    content = parquet_file.read_bytes()
    (tmp_path / "cut.parquet").write_bytes(content[:-20])
    with pytest.raises(DataError, match="not a readable parquet file"):
        load_dataset(tmp_path / "cut.parquet", SETTINGS)


def test_damaged_pages_are_refused(tmp_path, parquet_file) -> None:
    content = bytearray(parquet_file.read_bytes())
    content[4:400] = b"\xff" * 396
    (tmp_path / "garbled.parquet").write_bytes(content)
    with pytest.raises(DataError, match=r"garbled.parquet is damaged"):
        load_dataset(tmp_path / "garbled.parquet", SETTINGS)


def test_an_absent_image_counts_as_broken_and_is_named(tmp_path, parquet_file) -> None:
    table = pq.read_table(parquet_file)
    images = table["image"].to_pylist()
    images[3] = None
    images[5] = {"bytes": None, "path": "gone.png"}
    pq.write_table(table.set_column(0, "image", pa.array(images)), tmp_path / "holes.parquet")
    with pytest.raises(DataError, match=r"holes.parquet row 3 .*\(it is empty\), and 2 of 12 images"):
        load_dataset(tmp_path / "holes.parquet", SETTINGS)


@pytest.mark.data
def test_cifar10_is_listed_as_published(data_root) -> None:
    index = open_source(data_root / "cifar10", SETTINGS)
    assert (index.name, index.classes[:3]) == ("cifar10", ("airplane", "automobile", "bird"))
    assert np.bincount(index.splits["train"].labels).tolist() == [5000] * 10
    assert np.bincount(index.splits["test"].labels).tolist() == [1000] * 10


@pytest.mark.data
def test_cifar10_images_have_32_pixels_and_three_channels(data_root, tmp_path) -> None:
    (file,) = (data_root / "cifar10").glob("test-*.parquet")
    dataset = load_dataset(file, DataSettings(max_train_images=500), cache_dir=tmp_path)
    assert dataset.train.images.shape == (500, 32, 32, 3)
    assert np.bincount(dataset.train.labels).tolist() == [50] * 10


@pytest.mark.parametrize(
    ("labels", "classes"),
    [([1.0, 10.0, 2.0], ("1", "2", "10")), ([True, False, True], ("False", "True"))],
)
def test_whole_decimal_numbers_and_truth_values_are_labels(tmp_path, write_parquet, labels, classes) -> None:
    assert open_source(write_parquet(tmp_path / "x.parquet", labels * 2), SETTINGS).classes == classes


def test_a_gap_in_a_column_of_decimal_numbers_is_a_missing_label(tmp_path, write_parquet) -> None:
    path = write_parquet(tmp_path / "x.parquet", [1.0, float("nan"), 0.0, 1.0])
    with pytest.raises(DataError, match=r"row 1 of x\.parquet has no label; give it one, or leave the row out"):
        open_source(path, SETTINGS)
