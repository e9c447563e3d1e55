"""Image folders: one sub-folder per class, with or without train, validation and test folders above them."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from dartboard.data.sources.index import EncodedSplit, SourceIndex, SplitName, left_out_text
from dartboard.data.sources.listing import BESIDE_CLASSES, Listing
from dartboard.data.sources.names import class_name, file_text, order_classes, same_name
from dartboard.data.sources.split_folders import find_split_folders
from dartboard.data.sources.split_names import split_of
from dartboard.errors import DataError
from dartboard.wording import count
from dartboard.wording import listing as in_words

__all__ = ["index_folder"]

Classes = Mapping[str, list[Path]]
"""Name of a class -> its folders, more than one where their names are two forms of the same."""


def index_folder(root: Path) -> SourceIndex:
    """List an image folder, `root/CLASS/*` or `root/train/CLASS/*` with optional siblings of train.

    `Listing` says which files count as images and `find_split_folders` which folders as splits. Class folders are
    searched to any depth. Test images that lie in no class folder make a test set without labels.

    Raises:
        DataError: there are no class folders, one of them is empty, a split has classes that train lacks, or the
            folders are parts of a dataset rather than classes.
        OSError: a folder cannot be listed.
    """
    listing = Listing(root)
    split_folders = find_split_folders(listing)
    train = _class_folders(listing, split_folders.get("train", root))
    classes = order_classes(train)
    splits: dict[SplitName, EncodedSplit] = {
        "train": _index_split(listing, split_folders.get("train", root), train, classes)
    }
    for name, folder in split_folders.items():
        entries = listing.entries(folder)
        if name == "test" and entries.files and not entries.folders:
            splits[name] = _unlabelled(listing, folder)
        elif name != "train":
            splits[name] = _index_split(listing, folder, _class_folders(listing, folder), classes)
    return SourceIndex(file_text(root.resolve().name) or "dataset", classes, splits, left_out=listing.left_out)


def _class_folders(listing: Listing, folder: Path) -> Classes:
    """The folders of a split with images in them, by class, in the order of their names."""
    entries = listing.entries(folder)
    if not entries.folders:
        raise DataError(_without_folders(listing, folder, len(entries.files)))
    for file in entries.files:
        listing.leave_out(file, BESIDE_CLASSES)
    found: dict[str, list[Path]] = {}
    for path in entries.folders:
        if listing.holds_images(path):
            found.setdefault(class_name(file_text(path.name)), []).append(path)
        elif not listing.leave_out_empty(path):
            raise DataError(f"the class folder {path} holds no images; add some or remove the folder.")
    if not found:
        raise DataError(_without_folders(listing, folder, len(entries.files)))
    only = next(iter(found.values()))[0]
    if folder == listing.root and len(found) == 1 and len(_inner_folders(listing, only)) > 1:
        raise DataError(
            f"{folder} holds no images but those in {file_text(only.name)}/, and the class folders are in there; give "
            f"{only}."
        )
    if folder == listing.root and len(found) == 1 and (table := _table(listing)):
        raise DataError(
            f"{folder} has a single class folder, {next(iter(found))}/; give {table} as the dataset if it lists the "
            "images and their labels, or put the images in one folder per class."
        )
    _refuse_same_folders(listing, folder, found)
    return found


def _unlabelled(listing: Listing, folder: Path) -> EncodedSplit:
    """The test images of a folder without class folders."""
    files = listing.entries(folder).files
    reason = f"the images in {file_text(folder.name)}/ lie in no class folders"
    return EncodedSplit(files, None, [listing.name(file) for file in files], folder.name, reason)


def _without_folders(listing: Listing, folder: Path, files: int) -> str:
    """Why a folder is no image folder, and what to do."""
    advice = "images must lie in one folder per class, such as cats/ and dogs/"
    if table := _table(listing):
        advice += f", or give {table} as the dataset if it lists the images and their labels"
    if files:
        return f"{folder} holds {count(files, 'file')} but no class folders; {advice}."
    if listing.left_out:
        return f"{folder} holds no images in class folders, only {left_out_text(listing.left_out)}; {advice}."
    return f"the folder {folder} is empty; put images there, in one folder per class."


def _table(listing: Listing) -> Path | None:
    """A table that was left out, which may list the images."""
    names = (name for each in listing.left_out for name in each.names)
    found = next((name for name in names if name.lower().endswith((".csv", ".tsv", ".parquet"))), None)
    return listing.root / found if found else None


def _refuse_same_folders(listing: Listing, folder: Path, classes: Classes) -> None:
    """Refuse folders which divide the dataset otherwise than by class, or their own images into splits.

    A single folder that all of them have, as in cats/images/ and dogs/images/, divides nothing.
    """
    inner = {path: _inner_folders(listing, path) for paths in classes.values() for path in paths}
    for path, names in inner.items():
        if len({split for name in names if (split := split_of(name))}) > 1:
            raise DataError(
                f"{path} holds {in_words(f'{name}/' for name in sorted(names))}, and splits must be the outer folders; "
                f"move the images so that they lie in train/{path.name}/ and the like."
            )
    first, *others = inner.values()
    if others and len(first) > 1 and all(names == first for names in others):
        outer = [f"{name}/" for name in classes]
        raise DataError(
            f"in {folder}, {in_words(outer[:3])}{' and others' if len(outer) > 3 else ''} hold the same folders "
            f"({', '.join(sorted(first)[:5])}), so these may be the classes; name the outer folders train, val and "
            "test if they are splits, or keep no such folders inside of a class."
        )


def _inner_folders(listing: Listing, folder: Path) -> frozenset[str]:
    """Names of the folders with images in a folder that holds images nowhere else; empty if it does."""
    entries = listing.entries(folder)
    if entries.files:
        return frozenset()
    return frozenset(same_name(file_text(path.name)) for path in entries.folders if listing.holds_images(path))


def _index_split(listing: Listing, folder: Path, found: Classes, classes: Sequence[str]) -> EncodedSplit:
    unknown = [name for name in found if name not in classes]
    if unknown:
        raise DataError(
            f"{folder} has classes that the training images lack: {', '.join(unknown[:5])}; add training images for "
            "them or remove these folders."
        )
    labels: list[int] = []
    files: list[Path] = []
    for name, paths in found.items():
        number, before = classes.index(name), len(files)
        for path in paths:
            files += listing.images_below(path)
        labels += [number] * (len(files) - before)
    names = [listing.name(file) for file in files]
    return EncodedSplit(files, np.array(labels, dtype=np.int64), names, folder.name)
