"""Arrays as NumPy, pandas and lists hand them over."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

from dartboard.data import DataSettings, load_dataset
from dartboard.data.given import given_arrays
from dartboard.data.sources import open_source
from dartboard.errors import DataError

from .sources.layouts import write_images

SETTINGS = DataSettings(cache=False)
IMAGES = np.random.default_rng(0).integers(0, 256, (6, 8, 8), dtype=np.uint8)


class Table:
    """A table in memory, as pandas and polars have them."""

    columns = ("image", "label")

    def __len__(self) -> int:
        return 2


class NAType:
    """The mark of pandas for what is missing, which must not be compared."""

    def __eq__(self, other: object) -> bool:
        raise TypeError

    __hash__ = None  # type: ignore[assignment]


@pytest.mark.parametrize(
    ("labels", "classes"),
    [
        (np.array(["cat", "dog"] * 3, dtype=object), ("cat", "dog")),
        (np.array([b"cat", b"dog"] * 3), ("cat", "dog")),
        (np.array([b"caf\xc3\xa9", "dog"] * 3, dtype=object), ("café", "dog")),
        (np.array([10, 9.0] * 3, dtype=object), ("9", "10")),
        (["10", " 9 "] * 3, ("9", "10")),
        (np.array([True, False] * 3), ("False", "True")),
    ],
)
def test_labels_are_read_in_every_form(labels, classes) -> None:
    dataset = load_dataset(given_arrays((IMAGES, labels)), SETTINGS)
    assert dataset.classes == classes
    assert np.bincount(dataset.train.labels).tolist() == [3, 3]


def test_an_array_of_arrays_is_one_array() -> None:
    objects = np.empty(6, dtype=object)
    objects[:] = list(IMAGES)
    dataset = load_dataset(given_arrays({"images": objects, "labels": [0, 1] * 3}), SETTINGS)
    np.testing.assert_array_equal(dataset.train.images[..., 0], IMAGES)


@pytest.mark.parametrize("missing", [None, NAType(), float("nan"), ""])
def test_a_missing_label_is_refused_by_its_place(missing) -> None:
    labels = np.array([0, 1, 0, missing, 1, 1], dtype=object)
    with pytest.raises(DataError, match=r"images\[3\] has no label"):
        load_dataset(given_arrays((IMAGES, labels)), SETTINGS)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (([IMAGES[0], IMAGES[1, :4]], [0, 1]), r"the images have several sizes \(8x8 and 4x8\)"),
        (([IMAGES[0], IMAGES[1, :, :4]], [0, 1]), r"the images have several sizes \(8x8 and 8x4\)"),
        ((np.array([IMAGES[0], IMAGES[1, :4], None], dtype=object)[:2], [0, 1]), "the images have several sizes"),
        (5, "an object of class int is no dataset; give a path"),
        (b"ab", "an object of class bytes is no dataset; give a path"),
        ((IMAGES,), "a dataset of 1 array is not understood"),
        (Table(), "a Table is no dataset; save it as a CSV file"),
        (((image for image in IMAGES), [0, 1]), "the images are of class generator, which is no array"),
        ((["0.png", "1.png"], [0, 1]), "the array 'images' holds names rather than pixels; list paths and labels"),
        ((torch.rand(2, 8, 8, requires_grad=True), [0, 1]), "the images cannot be read as one array .*detach"),
        ((IMAGES, [[1], [2, 3]]), "the labels cannot be read as one array"),
        ((IMAGES, np.array([{}, 1] * 3, dtype=object)), r"labels\[0\] is dict, and labels must be integers or strings"),
    ],
)
def test_what_makes_no_array_is_refused_in_one_sentence(data, message: str) -> None:
    with pytest.raises(DataError, match=message):
        load_dataset(given_arrays(data), SETTINGS)


@pytest.mark.parametrize("kind", ["dictionary", "string_view", "large_string"])
def test_a_parquet_manifest_holds_text_in_any_type(tmp_path, kind: str) -> None:
    names = [f"{number}.png" for number in range(4)]
    write_images(tmp_path, names)
    columns = [pa.array(names), pa.array(["a", "b"] * 2)]
    if kind == "dictionary":
        columns = [column.dictionary_encode() for column in columns]
    else:
        columns = [column.cast(getattr(pa, kind)()) for column in columns]
    pq.write_table(pa.table(dict(zip(("image", "label"), columns, strict=True))), tmp_path / "m.parquet")
    index = open_source(tmp_path / "m.parquet", SETTINGS)
    assert index.classes == ("a", "b")
    assert index.splits["train"].names == names


def test_labels_beside_encoded_images_may_be_categories_or_bytes(tmp_path, write_parquet) -> None:
    path = write_parquet(tmp_path / "x.parquet", ["10", "9", "10", "9"])
    table = pq.read_table(path)
    for column in (table["label"].dictionary_encode(), table["label"].cast(pa.binary())):
        pq.write_table(table.set_column(1, "label", column), path)
        index = open_source(path, SETTINGS)
        assert index.classes == ("9", "10")
        assert index.splits["train"].labels.tolist() == [1, 0, 1, 0]


def test_parquet_files_are_told_apart_by_words_in_their_names(tmp_path, write_parquet) -> None:
    for name in ("pets_train", "pets_test", "pets_validation"):
        write_parquet(tmp_path / "x" / f"{name}.parquet", [0, 1] * 2, ["cat", "dog"])
    assert set(open_source(tmp_path / "x", SETTINGS).splits) == {"train", "test", "validation"}
