"""Images made from others as those of Unseen-NAS are (Geada et al., CVPR 2024, arXiv:2404.02189): like, not equal.

- `add-fashion`, after AddNIST: each of the three channels is an image of Fashion-MNIST, whose class number stands for a
  digit. The label is the sum of the three less 1; sums from 1 to 20 occur, equally often.
- `cifar-tile`, after CIFARTile: 2x2 images of CIFAR-10. The label is the number of different classes among them less 1;
  the four labels occur equally often. Two classes have two tiles each, three have 2, 1 and 1. Every tile of a training
  image is cropped and mirrored at random.
- `language`, after Language: phrases of four words of six letters, a row of 24 pixels for each letter and one of them
  lit. The label is the language, of ten that are made up: which letters follow which is drawn for each of them, and
  half of it is common to all.

Training images are made from training images only, test images from test images only; no word is in both.
"""

import csv
import itertools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from dartboard.data import DataSettings, load_dataset
from dartboard.runs import write_atomically

__all__ = [
    "KINDS",
    "PATTERNS",
    "REACH",
    "Kind",
    "Made",
    "add_channels",
    "is_for_test",
    "make",
    "published",
    "tile",
    "vary",
    "write",
    "write_phrases",
]

Bytes = npt.NDArray[np.uint8]
Integers = npt.NDArray[np.int64]

LARGEST_SUM = 20
PATTERNS = np.array([[0, 0, 0, 0], [0, 0, 1, 1], [0, 0, 1, 2], [0, 1, 2, 3]])
"""Which tile has which of up to four classes, by label."""

REACH = 4
"""By how many pixels the tiles of training images are shifted at most."""

LANGUAGES, LETTERS, WORDS, WORD_LENGTH = 10, 24, 4, 6
OWN = 0.5
"""Share of what follows a letter that a language does not have in common with the others."""

CHUNK = 1000


@dataclass(frozen=True)
class Made:
    """Images that were made from others.

    Attributes:
        images: (number, height, width, channels).
        labels: (number,).
        sources: which images they were made from, (number, 3) by channel or (number, 4) by tile; for phrases the
            letters, (number, 24).
    """

    images: Bytes
    labels: Integers
    sources: Integers


def add_channels(images: Bytes, classes: Integers, number: int, rng: np.random.Generator, *, train: bool) -> Made:
    """Three gray images (height, width, 1) become the channels of one; training and test images are made alike."""
    del train
    labels = _balanced(LARGEST_SUM, number, rng)
    triples = np.array(list(itertools.product(range(10), repeat=3)))
    digits = np.empty((number, 3), dtype=np.int64)
    for label in range(LARGEST_SUM):
        fitting, rows = triples[triples.sum(axis=1) == label + 1], labels == label
        digits[rows] = fitting[rng.integers(len(fitting), size=rows.sum())]
    sources = _draw(digits, classes, rng)
    return Made(np.ascontiguousarray(np.moveaxis(images[sources, :, :, 0], 1, 3)), labels, sources)


def tile(images: Bytes, classes: Integers, number: int, rng: np.random.Generator, *, train: bool) -> Made:
    """Four images become one, of twice their height and width."""
    labels = _balanced(len(PATTERNS), number, rng)
    some = rng.permuted(np.tile(np.arange(10), (number, 1)), axis=1)[:, :4]
    sources = _draw(rng.permuted(np.take_along_axis(some, PATTERNS[labels], axis=1), axis=1), classes, rng)
    height, width, channels = images.shape[1:]
    made = np.empty((number, 2 * height, 2 * width, channels), dtype=np.uint8)
    for first in range(0, number, CHUNK):
        tiles = images[sources[first : first + CHUNK].reshape(-1)]
        tiles = vary(tiles, rng) if train else tiles
        grid = tiles.reshape(-1, 2, 2, height, width, channels).swapaxes(2, 3)
        made[first : first + CHUNK] = grid.reshape(-1, 2 * height, 2 * width, channels)
    return Made(made, labels, sources)


def write_phrases(number: int, rng: np.random.Generator, *, train: bool) -> Made:
    """Four words of one language; the languages are the same whatever the generator."""
    fixed = np.random.default_rng(LANGUAGES)
    first, following = (
        (
            (1 - OWN) * fixed.dirichlet(np.full(LETTERS, 0.5), shape[1:])
            + OWN * fixed.dirichlet(np.full(LETTERS, 0.5), shape)
        )
        for shape in ((LANGUAGES,), (LANGUAGES, LETTERS))
    )
    labels = _balanced(LANGUAGES, number, rng)
    words = np.empty((number * WORDS, WORD_LENGTH), dtype=np.int64)
    languages, missing = np.repeat(labels, WORDS), np.arange(number * WORDS)
    while len(missing):
        letter = _draw_letters(first[languages[missing]], rng)
        for place in range(WORD_LENGTH):
            words[missing, place] = letter
            letter = _draw_letters(following[languages[missing], letter], rng)
        missing = missing[is_for_test(words[missing]) == train]
    letters = words.reshape(number, WORDS * WORD_LENGTH)
    images = np.where(np.arange(LETTERS) == letters[:, :, None], 255, 0).astype(np.uint8)
    return Made(images[..., None], labels, letters)


def is_for_test(words: Integers) -> npt.NDArray[np.bool_]:
    """Whether a word, of shape (..., 6), may occur in test images only: one of five words."""
    sums: Integers = words @ (7 ** np.arange(WORD_LENGTH))
    return np.equal(sums % 5, 0)


def _draw_letters(shares: npt.NDArray[np.float64], rng: np.random.Generator) -> Integers:
    """A letter for each row of shares, which add up to 1."""
    drawn: Integers = (rng.random((len(shares), 1)) > shares.cumsum(axis=1)).sum(axis=1)
    return np.minimum(drawn, LETTERS - 1)


def vary(images: Bytes, rng: np.random.Generator) -> Bytes:
    """Each image is shifted by up to `REACH` pixels, reflected at its border, and mirrored or not."""
    number, height, width = images.shape[:3]
    rows, columns = (
        size - 1 - np.abs(size - 1 - np.abs(np.arange(size) + rng.integers(-REACH, REACH + 1, (number, 1))))
        for size in (height, width)
    )
    columns = np.where(rng.random((number, 1)) < 0.5, width - 1 - columns, columns)
    varied: Bytes = images[np.arange(number)[:, None, None], rows[:, :, None], columns[:, None, :]]
    return varied


def _balanced(labels: int, number: int, rng: np.random.Generator) -> Integers:
    """As many of every label, one more or less, in random order."""
    return rng.permutation(np.arange(number) % labels)


def _draw(wanted: Integers, classes: Integers, rng: np.random.Generator) -> Integers:
    """For each class that is wanted an image of it, which may be drawn again."""
    sources = np.empty_like(wanted)
    for each in range(10):
        places = wanted == each
        sources[places] = rng.choice(np.flatnonzero(classes == each), size=places.sum())
    return sources


@dataclass(frozen=True)
class Kind:
    """A data set: what its images are made from, if from anything, and how, and after which one it is made."""

    source: str | None
    make: Callable[..., Made]
    like: str
    published: dict[str, str]


KINDS = {
    "add-fashion": Kind(
        "fashion",
        add_channels,
        "AddNIST",
        {"resnet-18": "92.08", "pc-darts": "96.60", "drnas": "97.06", "random": "97.07", "competition-best": "95.06"},
    ),
    "cifar-tile": Kind(
        "cifar10",
        tile,
        "CIFARTile",
        {"resnet-18": "45.56", "pc-darts": "92.28", "drnas": "81.08", "random": "90.74", "competition-best": "73.08"},
    ),
    "language": Kind(
        None,
        write_phrases,
        "Language",
        {"resnet-18": "97.00", "pc-darts": "90.12", "drnas": "88.55", "random": "90.12", "competition-best": "89.71"},
    ),
}


def make(name: str, data: Path, *, seed: int, train: int, test: int) -> tuple[Made, Made]:
    """The training and the test images; the test images do not depend on how many training images there are."""
    kind = KINDS[name]
    given: list[tuple[npt.NDArray[np.generic], ...]] = [(), ()]
    if kind.source is not None:
        dataset = load_dataset(data / kind.source, DataSettings())
        assert dataset.test is not None
        given = [(part.images, part.true_labels) for part in (dataset.train, dataset.test)]
    return tuple(  # type: ignore[return-value]
        kind.make(*part, number, np.random.default_rng([seed, stream]), train=stream == 0)
        for stream, (part, number) in enumerate(zip(given, (train, test), strict=True))
    )


def write(path: Path, train: Made, test: Made) -> None:
    """One file with all arrays: there whole or not at all."""
    arrays = {"x_train": train.images, "y_train": train.labels, "x_test": test.images, "y_test": test.labels}
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, lambda stream: np.savez(stream, **arrays))  # type: ignore[arg-type]


def published(name: str, data: Path) -> dict[str, str]:
    """Test accuracies in percent by method, from the table beside the datasets or, without it, as noted here."""
    kind, table = KINDS[name], data.parent / "published" / "results.csv"
    if not table.exists():
        return kind.published
    with table.open(encoding="utf-8", newline="") as lines:
        rows = [row for row in csv.DictReader(lines) if row["table"] == "UNSEEN-1" and row["dataset"] == kind.like]
    return {row["method"]: row["value"] for row in rows if row["method"] in kind.published}
