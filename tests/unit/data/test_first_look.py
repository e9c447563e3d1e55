"""A look at a dataset agrees with what reading it finds."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from dartboard.data import ArrayData, DataLook, DataSettings, load_dataset, look_at_dataset
from dartboard.data.first_look import share_handed, smoothness


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


def drawn(letters: str, number: int, *, noise: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """Letters in colours and places at random, dark on light as often as the reverse, and their classes."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, len(letters), number)
    images = np.empty((number, 48, 48, 3), np.uint8)
    for row, label in enumerate(labels):
        paper = rng.integers(0, 255, 3)
        ink = (paper + rng.integers(90, 160, 3)) % 256
        image = Image.new("RGB", (48, 48), tuple(paper.tolist()))
        place = (8 + int(rng.integers(-6, 6)), 2 + int(rng.integers(-4, 4)))
        font = ImageFont.load_default(size=int(rng.integers(28, 40)))
        ImageDraw.Draw(image).text(place, letters[label], fill=tuple(ink.tolist()), font=font)
        images[row] = (np.asarray(image) + rng.normal(0, noise, (48, 48, 3))).clip(0, 255)
    return images, labels


def spectrograms(number: int) -> tuple[np.ndarray, np.ndarray]:
    """Tones that begin at some time and fade, in false colours; the class is the pitch."""
    rng = np.random.default_rng(1)
    labels = rng.integers(0, 5, number)
    times, pitches = np.arange(128), np.arange(64)[:, None]
    images = []
    for label in labels:
        begin = rng.integers(0, 40)
        sound = np.exp(-((pitches - 8 - 9 * label) ** 2) / 4) * np.where(
            times >= begin, np.exp(-(times - begin) / 30), 0
        )
        loud = np.log1p(20 * sound) + rng.normal(0, 0.1, sound.shape)
        loud = (loud - loud.min()) / (loud.max() - loud.min())
        images.append(255 * np.stack([loud, loud**2, 1 - loud], axis=2))
    return np.array(images).astype(np.uint8), labels


def boards(number: int) -> tuple[np.ndarray, np.ndarray]:
    """Chequered boards with men at random; the class is the colour of the man in one corner."""
    rng = np.random.default_rng(2)
    squares = np.indices((8, 8)).sum(axis=0) % 2 * 90 + 100
    images = np.repeat(squares[None], number, axis=0).repeat(8, axis=1).repeat(8, axis=2)
    men = rng.choice([0, 255, -1], (number, 8, 8), p=[0.2, 0.2, 0.6])
    men[:, 0, 0] = rng.choice([0, 255], number)
    large = men.repeat(8, axis=1).repeat(8, axis=2)
    inside = np.zeros((8, 8), bool)
    inside[2:6, 2:6] = True
    images = np.where((large >= 0) & np.tile(inside, (8, 8)), large, images)
    return np.repeat(images[..., None], 3, axis=3).astype(np.uint8), (men[:, 0, 0] > 0).astype(int)


def ends(number: int) -> tuple[np.ndarray, np.ndarray]:
    """One end of a wide image is lit; which one is the class."""
    rng = np.random.default_rng(3)
    images, labels = rng.integers(0, 60, (number, 32, 128, 3)), np.arange(number) % 2
    images[labels == 0, :, :30] += 180
    images[labels == 1, :, 98:] += 180
    return images.astype(np.uint8), labels


@pytest.mark.parametrize(
    "made",
    [drawn("abcdefghijklmnopqrstuvwxyz", 400), drawn("bdpq", 400, noise=30), spectrograms(200), boards(200), ends(60)],
    ids=["letters", "noisy letters", "spectrograms", "boards", "ends"],
)
def test_letters_spectrograms_and_boards_are_handed_though_they_have_colours(made) -> None:
    images, labels = made
    look = look_at_dataset(ArrayData({"images": images, "labels": labels}), DataSettings())
    assert look.is_handed
    assert look.handed > 0.7


def test_images_whose_mirror_images_are_as_likely_are_not_handed() -> None:
    images, labels = drawn("bdpq", 400)
    rng = np.random.default_rng(5)
    either = np.where(rng.random(400)[:, None, None, None] < 0.5, images, images[:, :, ::-1])
    look = look_at_dataset(ArrayData({"images": either, "labels": labels}), DataSettings())
    assert not look.is_handed


@pytest.mark.parametrize("number", [4, 20, 100, 400])
def test_noise_is_not_handed_however_few_images_there_are(number) -> None:
    for seed in range(20):
        noise = np.random.default_rng(seed).integers(0, 256, (number, 16, 16), dtype=np.uint8)
        share = share_handed(noise, np.arange(number) % 2)
        look = DataLook(number, (number,), 1, 16, same_size=True, handed=share, decoded=number)
        assert not look.is_handed


def letters_in_code(number: int) -> np.ndarray:
    """A row for each of 24 places of a text, and one of 24 pixels lit for its letter."""
    letters = np.random.default_rng(6).integers(0, 24, (number, 24))
    return (255 * np.eye(24, dtype=np.uint8))[letters][..., None]


def pieces(number: int) -> np.ndarray:
    """A plane for each kind of piece on a board of 8x8 squares."""
    return np.random.default_rng(7).random((number, 8, 8, 12)) < 0.03


@pytest.mark.parametrize(
    "images",
    [letters_in_code(300), pieces(300), np.random.default_rng(8).integers(0, 10, (300, 9, 9))],
    ids=["letters", "chess", "sudoku"],
)
def test_places_of_one_pixel_are_no_picture(images) -> None:
    look = look_at_dataset(ArrayData({"images": images, "labels": np.arange(300) % 3}), DataSettings())
    assert look.is_table
    assert abs(look.smooth) < 0.1


def test_digits_and_gradients_are_pictures(tmp_path) -> None:
    assert look_at_dataset(None, DataSettings()).smooth > 0.28
    assert smoothness(np.zeros((5, 8, 8, 1), np.uint8)) == 1
    slopes = np.random.default_rng(9).integers(1, 9, (50, 1, 1, 1)) * np.arange(16)[:, None]
    assert smoothness(np.broadcast_to(slopes, (50, 16, 16, 1)).astype(np.uint8)) == pytest.approx(1)


@pytest.mark.data
@pytest.mark.parametrize("name", ["cifar10", "flowers5", "emotions"])
def test_photographs_are_neither_handed_nor_flat(data_root, name) -> None:
    look = look_at_dataset(data_root / name, DataSettings())
    assert not look.is_handed
    assert look.handed < 0.58
    assert look.flat < 0.06
    assert look.smooth > 0.85


@pytest.mark.data
def test_clothes_that_all_point_to_one_side_are_handed(data_root) -> None:
    assert look_at_dataset(data_root / "fashion", DataSettings()).is_handed


def test_files_that_are_all_no_images_are_looked_at_without_a_fault(tmp_path) -> None:
    for label in ("a", "b"):
        (tmp_path / label).mkdir()
        for number in range(3):
            (tmp_path / label / f"{number}.jpg").write_text("hello")
    look = look_at_dataset(tmp_path, DataSettings())
    assert (look.images, look.channels, look.side, look.is_handed, look.is_table) == (6, 3, 0, False, False)
