"""A look at a dataset agrees with what reading it finds."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dartboard.data import ArrayData, DataSettings, load_dataset, look_at_dataset


def write_images(folder: Path, counts: dict[str, int], size: tuple[int, int], mode: str = "RGB") -> Path:
    for name, count in counts.items():
        (folder / name).mkdir(parents=True)
        for number in range(count):
            Image.new(mode, size, number).save(folder / name / f"{number}.png")
    return folder


def test_a_folder_is_counted_by_class_without_decoding(tmp_path: Path) -> None:
    look = look_at_dataset(write_images(tmp_path / "set", {"a": 6, "b": 3}, (120, 90)), DataSettings())
    assert (look.images, look.counts, look.classes) == (9, (6, 3), 2)
    assert (look.channels, look.side, look.same_size) == (3, 90, True)
    assert look.imbalance == 2


def test_gray_images_of_many_sizes_are_seen_as_such(tmp_path: Path) -> None:
    folder = write_images(tmp_path / "set", {"a": 3, "b": 3}, (40, 30), "L")
    Image.new("L", (70, 100)).save(folder / "a" / "large.png")
    look = look_at_dataset(folder, DataSettings())
    assert (look.channels, look.side, look.same_size) == (1, 30, False)


def test_broken_images_are_counted_but_not_measured(tmp_path: Path) -> None:
    folder = write_images(tmp_path / "set", {"a": 3, "b": 3}, (40, 30))
    (folder / "b" / "broken.png").write_bytes(b"no image")
    look = look_at_dataset(folder, DataSettings())
    assert (look.images, look.side) == (7, 30)


def test_the_digits_and_arrays_are_looked_at_too() -> None:
    digits = load_dataset(None, DataSettings())
    look = look_at_dataset(None, DataSettings())
    assert look.images == len(digits.train)
    assert look.counts == tuple(np.bincount(digits.train.true_labels).tolist())
    arrays = ArrayData({"images": np.zeros((6, 20, 30, 3), np.uint8), "labels": np.array([0, 0, 0, 0, 1, 1])})
    look = look_at_dataset(arrays, DataSettings())
    assert (look.counts, look.channels, look.side) == ((4, 2), 3, 20)


@pytest.mark.parametrize(("most", "images"), [(100, 100), (10**6, 1797)])
def test_a_limit_on_training_images_is_taken_into_account(most: int, images: int) -> None:
    look = look_at_dataset(None, DataSettings(max_train_images=most))
    assert look.images == images
    assert abs(sum(look.counts) - images) <= 10


def test_drawings_are_flat_and_photographs_are_not(tmp_path: Path) -> None:
    """Digits and a constant image stand on one shade; noise has them all."""
    assert look_at_dataset(None, DataSettings()).flat > 0.2
    assert look_at_dataset(write_images(tmp_path / "set", {"a": 3, "b": 3}, (40, 30), "L"), DataSettings()).flat > 0.2
    noise = np.random.default_rng(0).integers(0, 256, (20, 32, 32, 1), dtype=np.uint8)
    assert look_at_dataset(ArrayData({"images": noise, "labels": np.arange(20) % 2}), DataSettings()).flat < 0.02
