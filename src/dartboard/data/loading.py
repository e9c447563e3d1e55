"""From a source to a dataset in memory or on disk: list, check, thin out, decode or take from the cache."""

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from dartboard.data.cache import cache_root, fingerprint, load_decoded, store_decoded, take_over
from dartboard.data.data_settings import DataSettings
from dartboard.data.dataset import Dataset, ImageSet
from dartboard.data.decode import Decoded, MakeFiles, Progress, decode_splits, refuse_broken_unlabelled
from dartboard.data.disk import DiskRoom
from dartboard.data.reading import Reading
from dartboard.data.rowfile import SUPPORTED, ArrayShape, RowFile, array_bytes
from dartboard.data.sources import (
    ArrayData,
    EncodedSplit,
    SourceIndex,
    SplitName,
    alike,
    left_out_sentence,
    open_images,
    open_source,
)
from dartboard.data.splits import apportion
from dartboard.errors import DataError
from dartboard.wording import count, listing

__all__ = ["GivenImages", "load_dataset", "load_images"]

MAPPED_FROM_BYTES = 512 * 2**20
"""Datasets of at least this size, all splits together, are decoded to disk and mapped into memory."""

_SUBSET_SEED = 0


def load_dataset(
    source: str | Path | ArrayData | None,
    settings: DataSettings,
    *,
    cache_dir: Path | None = None,
    progress: Progress | None = None,
    to_look_at: bool = False,
) -> Dataset:
    """Read a dataset into uint8 arrays, from the disk cache when the same files were decoded before.

    Args:
        source: None or "digits" for scikit-learn's embedded digits; a folder of class folders, or of train, val and
            test folders with class folders in them, or in the task layout, or of IDX files; a manifest; a `.npz` file
            or arrays; a parquet file or a folder of them in Hugging Face style; "hf:owner/name".
        settings: how images are sized, what happens to broken ones, and whether to use the cache.
        cache_dir: where decoded images are kept; None for DARTBOARD_CACHE or the user's cache folder.
        progress: called now and then with the numbers of images decoded and to be decoded.
        to_look_at: whether the images are only looked at; then broken images without labels may be left out as well.

    Raises:
        DataError: there is no usable dataset; the message says what was found and what to do.
    """
    index = open_source(source, settings)
    labels = _train_labels(index)
    _check_classes(index.name, index.classes, labels)
    if settings.max_train_images is not None and settings.max_train_images < len(labels):
        index = _thin_out(index, settings.max_train_images)
    decoded = _decode(index, settings, cache_dir, progress)
    if not to_look_at:
        refuse_broken_unlabelled(index.splits, decoded.broken)
    splits = {name: _named(images, index.splits[name], decoded.broken[name]) for name, images in decoded.splits.items()}
    _check_classes(index.name, index.classes, splits["train"].true_labels, _broken_of_train(index, decoded))
    notes = (*index.notes, *decoded.notes, *_unlabelled_note(index))
    validation, test = (_if_any(splits.get(name)) for name in ("validation", "test"))
    broken: dict[str, dict[str, str]] = {
        name: {index.splits[name].names[row]: why for row, why in reasons.items()}
        for name, reasons in decoded.broken.items()
    }
    return Dataset(
        index.name,
        index.classes,
        splits["train"],
        validation,
        test,
        notes,
        index.description,
        broken,
        decoded.reading.fit,
        decoded.reading.ranges,
        index.left_out,
    )


@dataclass(frozen=True)
class GivenImages:
    """Images to be predicted, with what is known of them.

    Attributes:
        source: short name of where they come from.
        split: what the source itself calls them, such as "test".
        images: those that can be read, without labels.
        names: the names of all images, in the source's order.
        true_classes: the name of the class of each image, None where it is not known; empty if none is known.
        left_out: position of each image that cannot be read -> the reason.
    """

    source: str
    split: str
    images: ImageSet
    names: Sequence[str]
    true_classes: Sequence[str | None]
    left_out: Mapping[int, str]


def load_images(
    source: str | Path | ArrayData | SourceIndex | None,
    settings: DataSettings,
    reading: Reading,
    *,
    progress: Progress | None = None,
    note: Callable[[str], None] = lambda _: None,
) -> GivenImages:
    """Read the images that are to be predicted, whether they have labels or not; nothing is cached.

    Args:
        source: as for `load_dataset`, or a folder of images without class folders, or one image file, or images that
            are listed already, as the test split of an index.
        settings: only the names of the columns, and whether images that cannot be read may be left out.
        reading: how the images were read that the network was trained on.
        progress: called now and then with the numbers of images decoded and to be decoded.
        note: called with a sentence about each thing that the user should know, such as what was left out.

    Returns:
        The test images, or all where the source has no test split, in the source's order.

    Raises:
        DataError: there are no such images, all of them are broken, or one is and it may not be left out.
    """
    index = source if isinstance(source, SourceIndex) else open_images(source, settings)
    for sentence in (*index.notes, *([left_out_sentence(index.left_out)] if index.left_out else [])):
        note(sentence)
    split = replace(index.splits["test"], labels=None)
    lenient = settings.model_copy(update={"skip_broken": True})
    with DiskRoom(None) as room:
        files = _files_in(room, _mapped_from(index, settings))
        decoded = decode_splits({"test": split}, lenient, progress=progress, reading=reading, make_files=files)
    for sentence in decoded.notes:
        note(sentence)
    left_out = dict(sorted(decoded.broken["test"].items()))
    if not settings.skip_broken:
        refuse_broken_unlabelled(
            {"test": split}, decoded.broken, "repair what is broken, or leave it out with --skip-broken"
        )
    images = decoded.splits["test"]
    return GivenImages(index.name, split.folder, images, split.names, index.true_classes("test"), left_out)


def _train_labels(index: SourceIndex) -> npt.NDArray[np.int64]:
    if "train" not in index.splits:
        raise DataError(f"{index.name} has no training images, only test images; add some, with their labels.")
    for name in ("train", "validation"):
        split = index.splits.get(name)
        if split is not None and split.labels is None:
            raise DataError(
                f"{split.unlabelled or f'the {name} images of {index.name} have no labels'}; give every image that "
                "is trained or validated on a label."
            )
    labels = index.splits["train"].labels
    assert labels is not None
    return labels


def _unlabelled_note(index: SourceIndex) -> list[str]:
    test = index.splits.get("test")
    if test is None or test.labels is not None:
        return []
    reason = test.unlabelled or "the test images have no labels"
    return [f"{reason[0].upper()}{reason[1:]}, so no test accuracy can be given."]


def _named(images: ImageSet, split: EncodedSplit, broken: Mapping[int, str]) -> ImageSet:
    names = [name for row, name in enumerate(split.names) if row not in broken] if broken else split.names
    return replace(images, names=names)


def _broken_of_train(index: SourceIndex, decoded: Decoded) -> str:
    """What is to be said of training images that cannot be read, as the end of a sentence; empty if there are none."""
    if not (broken := decoded.broken["train"]):
        return ""
    row = min(broken)
    images = count(len(broken), "training image")
    return f" ({images} cannot be read, such as {index.splits['train'].names[row]}: {broken[row]})"


def _check_classes(name: str, classes: Sequence[str], labels: npt.NDArray[np.int64], broken: str = "") -> None:
    if len(classes) < 2:
        raise DataError(
            f"{name} has {count(len(classes), 'class', 'classes')}"
            f"{''.join(f' ({only})' for only in classes)}; classification needs at least two, each with a folder "
            "or label of its own."
        )
    counts = np.bincount(labels, minlength=len(classes))
    for number in np.flatnonzero(counts < 2).tolist():
        found = ("a single training image" if counts[number] else "no training image") + broken
        others = [other for group in alike(classes) if classes[number] in group for other in group]
        spelt = f"; if {listing(others)} are one class, give it a single name" if others else ""
        raise DataError(
            f"the class '{classes[number]}' of {name} has {found}, and two are needed to split it between weights and "
            f"architecture; add images or remove the class{spelt}."
        )


def _thin_out(index: SourceIndex, max_images: int) -> SourceIndex:
    train = index.splits["train"]
    labels = _train_labels(index)
    counts = np.bincount(labels, minlength=len(index.classes))
    if max_images < 2 * len(counts):
        raise DataError(
            f"max_train_images={max_images} is too few for the {len(counts)} classes of {index.name}; two per class "
            f"make at least {2 * len(counts)}."
        )
    chosen = _subset_sizes(counts, max_images)
    rng = np.random.default_rng(_SUBSET_SEED)
    kept = [rng.permutation(np.flatnonzero(labels == number))[:size] for number, size in enumerate(chosen.tolist())]
    note = f"Only {max_images} of the {len(train)} training images are used, as max_train_images asks."
    splits = {**index.splits, "train": train.take(np.sort(np.concatenate(kept)))}
    return replace(index, splits=splits, notes=(*index.notes, note))


def _subset_sizes(counts: npt.NDArray[np.int64], total: int) -> npt.NDArray[np.int64]:
    """Divide `total` in proportion to `counts`, but with two for each class that would get fewer."""
    rare = np.zeros(len(counts), dtype=np.bool_)
    while True:
        sizes = np.full_like(counts, 2)
        sizes[~rare] = apportion(counts[~rare], total - 2 * int(rare.sum()))
        if (sizes >= 2).all():
            return sizes
        rare |= sizes < 2


def _decode(index: SourceIndex, settings: DataSettings, cache_dir: Path | None, progress: Progress | None) -> Decoded:
    root, mapped_from = cache_root(cache_dir), _mapped_from(index, settings)
    key = fingerprint(index, settings) if settings.cache and index.cacheable else None
    if key is not None and (stored := load_decoded(root, key, mapped_from)) is not None:
        return stored
    with DiskRoom(root / key if key else None) as room:
        decoded = decode_splits(
            index.splits,
            settings,
            progress=progress,
            make_files=_files_in(room, mapped_from),
        )
        reason = _store(root, key, decoded, room) if key else ""
    if reason:
        note = f"The decoded images could not be kept in {root} for the next run: {reason}."
        return replace(decoded, notes=(*decoded.notes, note))
    if key is not None and not SUPPORTED and _bytes_of(decoded) >= mapped_from:
        return load_decoded(root, key, mapped_from) or decoded
    return decoded


def _mapped_from(index: SourceIndex, settings: DataSettings) -> int:
    """How many bytes the images must take to be decoded to disk."""
    if settings.memory_mib is not None:
        return settings.memory_mib * 2**20
    # Images that are not cacheable are arrays already, so they are known to fit into memory.
    return MAPPED_FROM_BYTES if index.cacheable else sys.maxsize


def _files_in(room: DiskRoom, mapped_from: int) -> MakeFiles:
    def make_files(shapes: Mapping[SplitName, ArrayShape]) -> dict[SplitName, RowFile] | None:
        large = sum(map(array_bytes, shapes.values())) >= mapped_from
        return room.make_files(shapes) if large and SUPPORTED else None

    return make_files


def _store(root: Path, key: str, decoded: Decoded, room: DiskRoom) -> str:
    """Keep the images under `key`; returns the reason if that fails, else an empty text."""
    if room.refusal:
        return room.refusal
    try:
        if room.folder:
            take_over(root, key, room.folder, decoded)
        else:
            store_decoded(root, key, decoded)
    except OSError as error:
        return error.strerror or str(error)
    return ""


def _bytes_of(decoded: Decoded) -> int:
    return sum(images.images.nbytes for images in decoded.splits.values())


def _if_any(images: ImageSet | None) -> ImageSet | None:
    return images if images is not None and len(images) else None
