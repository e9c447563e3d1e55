"""Data sets made from others: labels that can be recomputed from the sources, equal classes, and the same by seed."""

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from dartboard.data import DataSettings, load_dataset
from unseen_data import (
    KINDS,
    PATTERNS,
    REACH,
    Made,
    add_channels,
    is_for_test,
    make,
    published,
    tile,
    vary,
    write,
    write_phrases,
)

SIDE, EACH = 12, 7
CLASSES = np.repeat(np.arange(10), EACH)


@pytest.fixture
def sources(rng: np.random.Generator) -> npt.NDArray[np.uint8]:
    """Images of noise, which no two have in common, in colour."""
    return rng.integers(0, 256, (len(CLASSES), SIDE, SIDE, 3), dtype=np.uint8)


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def tiles(made: Made) -> npt.NDArray[np.uint8]:
    """Upper left, upper right, lower left, lower right."""
    rows = np.split(made.images, 2, axis=1)
    return np.stack([part for row in rows for part in np.split(row, 2, axis=2)], axis=1)


def test_channels_are_their_sources_and_labels_their_sum_less_1(sources, rng) -> None:
    gray = sources[..., :1]
    made = add_channels(gray, CLASSES, 400, rng, train=True)
    assert made.images.shape == (400, SIDE, SIDE, 3)
    for channel in range(3):
        np.testing.assert_array_equal(made.images[..., channel], gray[made.sources[:, channel], :, :, 0])
    np.testing.assert_array_equal(made.labels, CLASSES[made.sources].sum(axis=1) - 1)
    np.testing.assert_array_equal(np.bincount(made.labels), np.full(20, 20))


def test_every_triple_of_a_sum_occurs_about_equally_often(sources, rng) -> None:
    made = add_channels(sources[..., :1], CLASSES, 20 * 1000, rng, train=True)
    triples, counts = np.unique(CLASSES[made.sources[made.labels == 1]], axis=0, return_counts=True)
    assert sorted(map(tuple, triples)) == [(0, 0, 2), (0, 1, 1), (0, 2, 0), (1, 0, 1), (1, 1, 0), (2, 0, 0)]
    # 1000 draws of 6: 167 expected, with a deviation of 12
    assert np.abs(counts - 1000 / 6).max() < 50


def test_test_tiles_are_their_sources_and_labels_their_number_of_classes_less_1(sources, rng) -> None:
    made = tile(sources, CLASSES, 200, rng, train=False)
    np.testing.assert_array_equal(tiles(made), sources[made.sources])
    for label, own in zip(made.labels, CLASSES[made.sources], strict=True):
        counts = sorted(np.unique(own, return_counts=True)[1])
        assert counts == sorted(np.unique(PATTERNS[label], return_counts=True)[1])
        assert len(counts) == label + 1
    np.testing.assert_array_equal(np.bincount(made.labels), np.full(4, 50))


def test_which_tiles_are_equal_is_drawn_as_well(sources, rng) -> None:
    made = tile(sources, CLASSES, 400, rng, train=False)
    two = CLASSES[made.sources[made.labels == 1]]
    partner = [int(np.flatnonzero(own[1:] == own[0])[0]) for own in two]
    # 100 draws of 3: 33 expected, with a deviation below 5
    assert np.bincount(partner, minlength=3).min() > 15


def test_training_tiles_are_shifted_and_mirrored_sources(sources, rng) -> None:
    """Where a tile is not reflected, it is a piece of its source or of the mirrored one; all shifts occur."""
    made = tile(sources, CLASSES, 60, rng, train=True)
    inner = slice(REACH, SIDE - REACH)
    found = []
    for varied, source in zip(tiles(made).reshape(-1, SIDE, SIDE, 3), made.sources.reshape(-1), strict=True):
        pieces = {
            (row, column, flip): image[row : row + SIDE - 2 * REACH, column : column + SIDE - 2 * REACH]
            for flip, image in ((False, sources[source]), (True, sources[source][:, ::-1]))
            for row in range(2 * REACH + 1)
            for column in range(2 * REACH + 1)
        }
        fitting = [key for key, piece in pieces.items() if np.array_equal(piece, varied[inner, inner])]
        assert len(fitting) == 1
        found += fitting
    rows, columns, flips = zip(*found, strict=True)
    assert set(rows) == set(columns) == set(range(2 * REACH + 1))
    assert 80 < sum(flips) < 160  # 240 tiles, half of them, with a deviation below 8


def test_a_border_is_reflected(rng) -> None:
    """Of a ramp along one side, every value of a shifted row differs from its neighbours by 1."""
    ramp = np.broadcast_to(np.arange(SIDE, dtype=np.uint8)[:, None, None], (100, SIDE, SIDE, 1))
    varied = vary(ramp, rng).astype(int)
    assert (np.abs(np.diff(varied, axis=1)) == 1).all()


@pytest.mark.parametrize("make_images", [add_channels, tile])
def test_the_seed_decides_everything(sources, make_images) -> None:
    images = sources[..., :1] if make_images is add_channels else sources
    one, again, other = (
        make_images(images, CLASSES, 40, np.random.default_rng(seed), train=True) for seed in (1, 1, 2)
    )
    for name in ("images", "labels", "sources"):
        np.testing.assert_array_equal(getattr(one, name), getattr(again, name))
        assert not np.array_equal(getattr(one, name), getattr(other, name))


@pytest.mark.parametrize("name", list(KINDS))
def test_what_is_published_in_the_table_is_what_is_noted(name, data_root) -> None:
    if not (data_root.parent / "published" / "results.csv").exists():
        pytest.skip("needs the table of published results beside the real datasets")
    assert published(name, data_root) == KINDS[name].published


def test_without_the_table_the_published_figures_are_there(tmp_path) -> None:
    assert published("cifar-tile", tmp_path / "data")["drnas"] == "81.08"


def test_training_and_test_images_have_different_sources(tmp_path, write_image_folder, monkeypatch) -> None:
    """Dark images to train on and light ones to test on stay apart."""
    monkeypatch.setenv("DARTBOARD_CACHE", str(tmp_path / "cache"))
    for part, value in (("train", 10), ("test", 200)):
        for digit in range(10):
            (tmp_path / "cifar10" / part / str(digit)).mkdir(parents=True)
            for number in range(2):
                image = Image.new("RGB", (8, 8), (value + digit, number, 0))
                image.save(tmp_path / "cifar10" / part / str(digit) / f"{number}.png")
    train, test = make("cifar-tile", tmp_path, seed=0, train=40, test=20)
    assert train.images[..., 0].max() < 20
    assert test.images[..., 0].min() >= 200
    # The classes of the tiles can be read from the pixels themselves.
    for made, value in ((train, 10), (test, 200)):
        digits = tiles(made)[:, :, 0, 0, 0] - value
        np.testing.assert_array_equal(made.labels, [len(np.unique(own)) - 1 for own in digits])


@pytest.mark.slow
@pytest.mark.parametrize("name", ["add-fashion", "cifar-tile"])
def test_real_images_are_made_as_their_sources_say(name, data_root) -> None:
    if not (data_root / KINDS[name].source).is_dir():
        pytest.skip(f"needs {KINDS[name].source} among the real datasets")
    _, test = make(name, data_root, seed=0, train=20, test=40)
    source = load_dataset(data_root / KINDS[name].source, DataSettings()).test
    assert source is not None
    classes = source.true_labels[test.sources]
    if name == "add-fashion":
        np.testing.assert_array_equal(test.images[..., 2], source.images[test.sources[:, 2], :, :, 0])
        np.testing.assert_array_equal(test.labels, classes.sum(axis=1) - 1)
    else:
        np.testing.assert_array_equal(tiles(test), source.images[test.sources])
        np.testing.assert_array_equal(test.labels, [len(np.unique(own)) - 1 for own in classes])


@pytest.mark.parametrize("name", list(KINDS))
def test_dartboard_reads_what_is_written(name, tmp_path, write_image_folder, monkeypatch) -> None:
    monkeypatch.setenv("DARTBOARD_CACHE", str(tmp_path / "cache"))
    size = (8, 8) if name == "add-fashion" else (8, 8, 3)
    for part in ("train", "test") if KINDS[name].source else ():
        write_image_folder(tmp_path / KINDS[name].source / part, [str(digit) for digit in range(10)], 2, size)
    train, test = make(name, tmp_path, seed=3, train=80, test=40)
    path = tmp_path / f"{name}.npz"
    write(path, train, test)
    assert [each.name for each in tmp_path.glob("*.npz")] == [path.name]
    read = load_dataset(path, DataSettings(cache=False))
    assert read.name == name
    assert read.classes == tuple(
        str(label) for label in range({"add-fashion": 20, "cifar-tile": 4, "language": 10}[name])
    )
    assert read.test is not None
    for part, made in ((read.train, train), (read.test, test)):
        np.testing.assert_array_equal(part.images, made.images)
        np.testing.assert_array_equal(part.true_labels, made.labels)


def test_phrases_are_letters_in_code_and_no_word_is_in_both_parts() -> None:
    train, test = (write_phrases(500, np.random.default_rng(stream), train=stream == 0) for stream in (0, 1))
    for made in (train, test):
        assert made.images.shape == (500, 24, 24, 1)
        np.testing.assert_array_equal(made.images[..., 0].argmax(axis=2), made.sources)
        np.testing.assert_array_equal((made.images[..., 0] == 255).sum(axis=2), 1)
        assert set(np.unique(made.images)) == {0, 255}
        np.testing.assert_array_equal(np.bincount(made.labels), np.full(10, 50))
    words = [{tuple(word) for word in made.sources.reshape(-1, 6).tolist()} for made in (train, test)]
    assert not words[0] & words[1]
    assert not is_for_test(train.sources.reshape(-1, 6)).any()
    assert is_for_test(test.sources.reshape(-1, 6)).all()


def test_languages_can_be_told_apart_by_which_letters_follow_which() -> None:
    train, test = (write_phrases(4000, np.random.default_rng(stream), train=stream == 0) for stream in (0, 1))
    counts = np.ones((10, 24, 24))
    inside = np.arange(23) % 6 != 5
    for letters, label in zip(train.sources, train.labels, strict=True):
        np.add.at(counts[label], (letters[:-1][inside], letters[1:][inside]), 1)
    likely = np.log(counts / counts.sum(axis=2, keepdims=True))
    found = np.array(
        [likely[:, letters[:-1][inside], letters[1:][inside]].sum(axis=1).argmax() for letters in test.sources]
    )
    assert 0.75 < (found == test.labels).mean() < 0.97
