import numpy as np
import pytest

from dartboard.data import DataSettings, load_dataset
from dartboard.errors import DataError


def test_a_subset_keeps_class_ratios_and_is_always_the_same(tmp_path, write_image_folder) -> None:
    write_image_folder(tmp_path / "x", classes=("few",), per_class=10)
    write_image_folder(tmp_path / "x", classes=("many",), per_class=30)
    whole = load_dataset(tmp_path / "x", DataSettings(cache=False))
    first, second = (load_dataset(tmp_path / "x", DataSettings(cache=False, max_train_images=12)) for _ in range(2))
    assert np.bincount(first.train.labels).tolist() == [3, 9]
    np.testing.assert_array_equal(first.train.images, second.train.images)
    known = {image.tobytes() for image in whole.train.images}
    assert len({image.tobytes() for image in first.train.images} & known) == 12
    assert first.notes == ("Only 12 of the 40 training images are used, as max_train_images asks.",)


def test_a_subset_keeps_two_images_of_the_rarest_class(tmp_path, write_image_folder) -> None:
    write_image_folder(tmp_path / "x", classes=("few",), per_class=2)
    write_image_folder(tmp_path / "x", classes=("many",), per_class=40)
    dataset = load_dataset(tmp_path / "x", DataSettings(cache=False, max_train_images=10))
    assert np.bincount(dataset.train.labels).tolist() == [2, 8]


def test_a_limit_above_the_number_of_images_changes_nothing(image_folder) -> None:
    dataset = load_dataset(image_folder, DataSettings(cache=False, max_train_images=12))
    assert len(dataset.train) == 12
    assert dataset.notes == ()


def test_a_subset_of_parquet_rows_is_that_of_the_whole(parquet_file) -> None:
    whole = load_dataset(parquet_file, DataSettings(cache=False))
    part = load_dataset(parquet_file, DataSettings(cache=False, max_train_images=6))
    assert len(part.train) == 6
    for image, label in zip(part.train.images, part.train.labels, strict=True):
        (match,) = np.flatnonzero((whole.train.images == image).all(axis=(1, 2, 3)))
        assert whole.train.labels[match] == label


def test_a_subset_smaller_than_two_per_class_is_refused() -> None:
    with pytest.raises(DataError, match=r"max_train_images=15 is too few for the 10 classes of digits; .* 20"):
        load_dataset(None, DataSettings(max_train_images=15))


def test_a_note_and_a_string_path_are_fine(image_folder) -> None:
    assert load_dataset(str(image_folder), DataSettings(cache=False)).name == "pets"


def test_classes_whose_images_cannot_be_read_are_told_with_the_reason(tmp_path) -> None:
    for label in ("a", "b"):
        (tmp_path / label).mkdir()
        for number in range(3):
            np.save(tmp_path / label / f"{number}.npy", np.full((8, 8), np.nan, np.float32))
    with pytest.raises(
        DataError, match=r"'a' of .* has no training image \(6 training images cannot be read, such as "
    ) as e:
        load_dataset(tmp_path, DataSettings(cache=False, skip_broken=True))
    assert "a/0.npy: it holds values that are not finite" in str(e.value)


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("", "the name of the dataset is empty"),
        ("https://example.org/a.zip", "https://example.org/a.zip is an address; fetch what lies there"),
        ("/home/me/https:/example.org/a.zip", "https:/example.org/a.zip is an address"),
    ],
)
def test_what_cannot_be_a_path_is_refused(source: str, told: str) -> None:
    with pytest.raises(DataError, match=told):
        load_dataset(source, DataSettings(cache=False))
