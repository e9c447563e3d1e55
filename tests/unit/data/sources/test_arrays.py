import numpy as np
from sklearn.datasets import load_digits

from dartboard.data import DataSettings, load_dataset


def test_digits_are_scikit_learns_scaled_from_16_to_255() -> None:
    dataset = load_dataset(None, DataSettings())
    bunch = load_digits()
    assert (dataset.name, dataset.classes, dataset.image_shape) == ("digits", tuple("0123456789"), (1, 8, 8))
    np.testing.assert_array_equal(dataset.train.images[..., 0], np.rint(bunch.images / 16 * 255))
    np.testing.assert_array_equal(dataset.train.labels, bunch.target)
    assert dataset.test is None
    assert dataset.validation is None


def test_digits_can_be_enlarged_and_thinned_out() -> None:
    dataset = load_dataset("digits", DataSettings(image_size=16, max_train_images=100))
    assert dataset.train.images.shape == (100, 16, 16, 1)
    counts = np.bincount(dataset.train.labels)
    assert counts.min() >= 9  # 100 of nearly balanced classes
    assert counts.max() <= 11
    assert any("100 of the 1797" in note for note in dataset.notes)


def test_digits_leave_nothing_in_the_cache(tmp_path) -> None:
    load_dataset("digits", DataSettings(), cache_dir=tmp_path)
    assert list(tmp_path.iterdir()) == []
