"""Does a dataset make sense? One check of what a network cannot notice: duplicates, contradictions, what is missing."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from dartboard.data.dataset import Dataset, ImageSet
from dartboard.data.sources import LeftOut, SplitName, alike, left_out_sentence
from dartboard.data.splits import ImageView, Splits
from dartboard.wording import count, listing, shortened, some

__all__ = ["DataCheck", "Duplicate", "Finding", "FindingKind", "check_dataset", "is_set"]

FindingKind = Literal[
    "left out", "duplicates", "two classes", "similar names", "constant", "missing classes", "few images"
]
"""Files that are no images of the dataset; images of one part in another; one image in several classes; classes that
may be spellings of one; images of a single colour; classes without images in a part; classes with very few training
images."""

_FEW = 10
"""A class with fewer training images than this is named."""

_NAMED = 3
_BYTES_PER_READ = 32 * 2**20

Views = Mapping[str, ImageView]
"""What messages call a part of the dataset ("training") -> its images."""


@dataclass(frozen=True)
class Finding:
    """Something about a dataset that makes its results worse, or say less than they seem to.

    Attributes:
        kind: what was looked for.
        count: how many images, classes or files it concerns.
        examples: the first of them.
        sentence: what was found and what to do, for the user.
    """

    kind: FindingKind
    count: int
    examples: tuple[str, ...]
    sentence: str


@dataclass(frozen=True)
class Duplicate:
    """A test image whose pixels are those of a training image.

    Attributes:
        train: name of the first such training image.
        test: name of the test image.
    """

    train: str
    test: str


@dataclass(frozen=True)
class DataCheck:
    """What the check of a dataset found.

    Attributes:
        findings: what the user should know, the gravest kinds last.
        duplicates: test images that are training images too, in test order.
        contents: for each set of the dataset 32 hexadecimal digits that change with any pixel or label.
    """

    findings: tuple[Finding, ...] = ()
    duplicates: tuple[Duplicate, ...] = ()
    contents: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class _Looked:
    """The images of one set: a digest of the pixels of each, and whether it is of a single colour."""

    digests: Sequence[bytes]
    constant: npt.NDArray[np.bool_]


def check_dataset(dataset: Dataset, splits: Splits | None = None) -> DataCheck:
    """Look at every decoded image once, and at what the dataset says about it.

    Images count as equal only if all of their pixels are, after decoding and resizing. Images on disk are read a few
    at a time.

    Args:
        dataset: the dataset.
        splits: what its images are used for; None takes the sets as the source gives them.
    """
    sets = {name: images for name in get_args(SplitName) if (images := getattr(dataset, name)) is not None}
    looked = {id(images): _look_at(images) for images in sets.values()}
    views = {name: view for name, view in _views(sets, splits).items() if len(view)}
    digests = {name: _digests(view, looked) for name, view in views.items()}
    findings: list[Finding] = []
    if dataset.left_out:
        findings.append(_left_out(dataset.left_out))
    findings += _similar(dataset.classes)
    for name, view in views.items():
        findings += _missing(name, view, dataset.classes)
    findings += _few(views["training"], dataset.classes)
    findings += _constant(views, looked)
    findings += _in_two_classes(views, digests, dataset.classes)
    pairs = {
        (first, second): list(_pairs(views, digests, first, second))
        for first, second in (("training", "validation"), ("validation", "test"), ("training", "test"))
        if first in views and second in views
    }
    findings += [_duplicated(first, second, found, views) for (first, second), found in pairs.items() if found]
    return DataCheck(
        findings=tuple(findings),
        duplicates=tuple(Duplicate(*pair) for pair in pairs.get(("training", "test"), ())),
        contents={name: _contents(images, looked[id(images)]) for name, images in sets.items()},
    )


def _left_out(left_out: Sequence[LeftOut]) -> Finding:
    names = [name for each in left_out for name in each.names]
    return Finding("left out", len(names), tuple(names[:_NAMED]), left_out_sentence(left_out))


def _views(sets: Mapping[str, ImageSet], splits: Splits | None) -> dict[str, ImageView]:
    if splits is not None:
        # Not by `Splits.view`, which is for who trains and tests: nothing is learned from these images here.
        return {
            "training": ImageView(sets["train"], splits.train),
            "validation": ImageView(sets[splits.validation_source], splits.validation),
            "test": ImageView(sets[splits.test_source], splits.test),
        }
    said = {"train": "training"}
    return {said.get(name, name): ImageView(images, np.arange(len(images))) for name, images in sets.items()}


def _look_at(images: ImageSet) -> _Looked:
    digests: list[bytes] = []
    constant = np.zeros(len(images), dtype=np.bool_)
    per_read = max(1, _BYTES_PER_READ // max(1, images.images[:1].nbytes))
    for start in range(0, len(images), per_read):
        rows = images.images[start : start + per_read]
        if images.file is not None:
            rows = images.read(np.arange(start, start + len(rows)))
        rows = np.ascontiguousarray(rows)
        digests += [hashlib.blake2b(row.data, digest_size=16).digest() for row in rows]
        constant[start : start + len(rows)] = _are_constant(rows)
    return _Looked(digests, constant)


def _are_constant(rows: npt.NDArray[np.uint8]) -> npt.NDArray[np.bool_]:
    """Which images are of a single colour; shape (images,)."""
    pixels = rows.reshape(len(rows), -1, rows.shape[-1])
    middle = pixels.shape[1] // 2
    # Few images have the same colour at three places, so that few are looked at as a whole.
    found: npt.NDArray[np.bool_] = (pixels[:, [0]] == pixels[:, [middle, -1]]).all(axis=(1, 2))
    found[found] = (pixels[found] == pixels[found, :1]).all(axis=(1, 2))
    return found


def _digests(view: ImageView, looked: Mapping[int, _Looked]) -> list[bytes]:
    digests = looked[id(view.image_set)].digests
    return [digests[row] for row in view.indices.tolist()]


def _similar(classes: Sequence[str]) -> Iterator[Finding]:
    """One finding if names of classes differ in their spelling alone."""
    groups = [listing(group) for group in alike(classes)]
    if groups:
        yield Finding(
            "similar names",
            len(groups),
            tuple(groups[:_NAMED]),
            f"Classes may be spellings of one ({'; '.join(map(shortened, groups[:_NAMED]))}); give each class a single "
            "name.",
        )


def _missing(name: str, view: ImageView, classes: Sequence[str]) -> Iterator[Finding]:
    """One finding if a part other than the training images lacks classes."""
    if name == "training" or not view.labelled:
        return
    counts = np.bincount(view.labels, minlength=len(classes)).tolist()
    lacking = [told for told, images in zip(classes, counts, strict=True) if not images]
    if lacking:
        yield Finding(
            "missing classes",
            len(lacking),
            tuple(lacking[:_NAMED]),
            f"{count(len(lacking), 'class has', 'classes have')} no {name} image ({some(lacking)}), so the {name} "
            f"accuracy says nothing about {'it' if len(lacking) == 1 else 'them'}.",
        )


def _few(view: ImageView, classes: Sequence[str]) -> Iterator[Finding]:
    """One finding if classes have very few training images."""
    counts = np.bincount(view.labels, minlength=len(classes)).tolist()
    rare = [f"{told}: {images}" for told, images in zip(classes, counts, strict=True) if images < _FEW]
    if rare:
        yield Finding(
            "few images",
            len(rare),
            tuple(rare[:_NAMED]),
            f"{count(len(rare), 'class has', 'classes have')} fewer than {_FEW} training images ({some(rare)}), from "
            "which little can be learned.",
        )


def _constant(views: Views, looked: Mapping[int, _Looked]) -> Iterator[Finding]:
    """One finding if images are of a single colour."""
    names = [
        name
        for view in views.values()
        for name in _named(view, np.flatnonzero(looked[id(view.image_set)].constant[view.indices]).tolist())
    ]
    if names:
        yield Finding(
            "constant",
            len(names),
            tuple(names[:_NAMED]),
            f"{count(len(names), 'image is', 'images are')} of a single colour ({some(names)}); check whether "
            f"{'it belongs' if len(names) == 1 else 'they belong'} here.",
        )


def _in_two_classes(views: Views, digests: Mapping[str, Sequence[bytes]], classes: Sequence[str]) -> Iterator[Finding]:
    """One finding if equal images have different labels."""
    first: dict[bytes, int] = {}
    torn: dict[bytes, dict[int, str]] = {}
    labelled = {name: view for name, view in views.items() if view.labelled}
    for name, view in labelled.items():
        for digest, label in zip(digests[name], view.labels.tolist(), strict=True):
            if first.setdefault(digest, label) != label:
                torn[digest] = {}
    if not torn:
        return
    images = 0
    for name, view in labelled.items():
        for row, (digest, label) in enumerate(zip(digests[name], view.labels.tolist(), strict=True)):
            if digest in torn:
                images += 1
                torn[digest].setdefault(label, _named(view, [row])[0])
    examples = [(name, classes[label]) for label, name in next(iter(torn.values())).items()]
    told = [f"{shortened(name)} ({shortened(label)})" for name, label in examples[:2]]
    yield Finding(
        "two classes",
        images,
        tuple(f"{name} ({label})" for name, label in examples[:_NAMED]),
        f"{images} images are in more than one class: {count(len(torn), 'picture occurs', 'pictures occur')} under "
        f"different labels, such as {listing(told)}, and no network can tell which is meant; keep each in one "
        "class.",
    )


def _pairs(views: Views, digests: Mapping[str, Sequence[bytes]], first: str, second: str) -> Iterator[tuple[str, str]]:
    """Names of the images of one part with those of another that have the same pixels, in the order of the latter."""
    places: dict[bytes, int] = {}
    for position, digest in enumerate(digests[first]):
        places.setdefault(digest, position)
    for position, digest in enumerate(digests[second]):
        if digest in places:
            yield _named(views[first], [places[digest]])[0], _named(views[second], [position])[0]


def _duplicated(first: str, second: str, pairs: Sequence[tuple[str, str]], views: Views) -> Finding:
    are = f"is a {first} image" if len(pairs) == 1 else f"are {first} images"
    told = [f"{shortened(copy)} is {shortened(original)}" for original, copy in pairs]
    return Finding(
        "duplicates",
        len(pairs),
        tuple(f"{copy} is {original}" for original, copy in pairs[:_NAMED]),
        f"{len(pairs)} of the {len(views[second])} {second} images {are} too, pixel by pixel "
        f"({some(told, whole=True)}), so the {second} accuracy is better than it would be on new images; remove the "
        "copies.",
    )


def _named(view: ImageView, positions: Iterable[int]) -> list[str]:
    """What messages call the images at some positions of a view."""
    names, rows = view.image_set.names, view.indices
    return [names[rows[position]] if names else f"image {rows[position]}" for position in positions]


def is_set(images: ImageSet, labels: npt.NDArray[np.int64], contents: str) -> bool:
    """Whether images are a set whose contents a check has recorded, in its order or class by class.

    Args:
        images: the images.
        labels: their labels, shape (images,), numbered as in that set.
        contents: the digits of `DataCheck.contents`.
    """
    looked, by_class = _look_at(images), np.argsort(labels, kind="stable")
    in_classes = _Looked([looked.digests[row] for row in by_class.tolist()], looked.constant)
    return contents in (
        _contents(replace(images, labels=labels), looked),
        _contents(replace(images, labels=labels[by_class]), in_classes),
    )


def _contents(images: ImageSet, looked: _Looked) -> str:
    digest = hashlib.blake2b(b"".join(looked.digests), digest_size=16)
    digest.update(b"" if images.labels is None else images.labels.astype("<i8").tobytes())
    digest.update(str(images.images.shape[1:]).encode())
    return digest.hexdigest()
