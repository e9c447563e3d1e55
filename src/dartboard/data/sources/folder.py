"""Image folders: one sub-folder per class, with or without train, validation and test folders above them."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from dartboard.data.sources.index import SPLIT_WORDS, EncodedSplit, SourceIndex, SplitName
from dartboard.errors import DataError

__all__ = ["index_folder"]

_LEFT_BEHIND_BY_SYSTEMS = frozenset({"thumbs.db", "desktop.ini", "__macosx"})


def index_folder(root: Path) -> SourceIndex:
    """List an image folder, `root/CLASS/*` or `root/train/CLASS/*` with optional siblings of train.

    Hidden files and those that operating systems leave behind are passed over; all others count as images. Class
    folders are searched to any depth; links are followed, except those that lead back to a folder already seen.

    Raises:
        DataError: there are no class folders, one of them is empty, or a split has classes that train lacks.
        OSError: a folder cannot be listed.
    """
    split_folders = _split_folders(root)
    train_folder = split_folders.get("train", root)
    classes = tuple(folder.name for folder in _class_folders(train_folder))
    splits = {name: _index_split(root, folder, classes) for name, folder in split_folders.items()}
    if not splits:
        splits = {"train": _index_split(root, root, classes)}
    return SourceIndex(_as_text(root.resolve().name) or "dataset", tuple(map(_as_text, classes)), splits)


def _split_folders(root: Path) -> dict[SplitName, Path]:
    """The split folders of a root that has a train folder with class folders in it, else none."""
    named = [folder for folder in _visible(root) if folder.is_dir() and folder.name.lower() in SPLIT_WORDS]
    found: dict[SplitName, Path] = {}
    for folder in named:
        split = SPLIT_WORDS[folder.name.lower()]
        if split in found:
            raise DataError(f"{root} has both {found[split].name}/ and {folder.name}/ for {split}; keep one of them.")
        found[split] = folder
    train = found.get("train")
    if train is not None and any(entry.is_dir() for entry in _visible(train)):
        return found
    only_splits = named and all(folder in named for folder in _visible(root) if folder.is_dir())
    if only_splits and train is not None:
        _class_folders(train)
    if only_splits:
        names = ", ".join(f"{folder.name}/" for folder in named)
        raise DataError(f"{root} has {names} but no train/ folder; name the folder of training images train.")
    return {}


def _class_folders(folder: Path) -> list[Path]:
    entries = _visible(folder)
    folders = [entry for entry in entries if entry.is_dir()]
    if folders:
        return folders
    if entries:
        raise DataError(
            f"{folder} holds {len(entries)} files but no class folders; images must lie in one folder per class, "
            "such as cats/ and dogs/."
        )
    raise DataError(f"the folder {folder} is empty; put images there, in one folder per class.")


def _index_split(root: Path, folder: Path, classes: Sequence[str]) -> EncodedSplit:
    labels: list[int] = []
    files: list[Path] = []
    unknown = [entry.name for entry in _class_folders(folder) if entry.name not in classes]
    if unknown:
        raise DataError(
            f"{folder} has classes that the training images lack: {', '.join(unknown[:5])}; add training images for "
            "them or remove these folders."
        )
    for class_folder in _class_folders(folder):
        class_files = list(_walk(class_folder))
        if not class_files:
            raise DataError(f"the class folder {class_folder} holds no images; add some or remove the folder.")
        files += class_files
        labels += [classes.index(class_folder.name)] * len(class_files)
    names = [_as_text(file.relative_to(root).as_posix()) for file in files]
    return EncodedSplit(files, np.array(labels, dtype=np.int64), names, folder.name)


def _as_text(name: str) -> str:
    """The name with a replacement character for every byte that is no text, so that it can be written and printed."""
    return name.encode(errors="surrogateescape").decode(errors="replace")


def _walk(folder: Path) -> Iterator[Path]:
    """All files below `folder`, sorted by path within each level."""
    real = folder.resolve()
    # A link to a folder above would bring in the other classes, so those count as seen.
    seen = {real, *real.parents}

    def below(here: Path) -> Iterator[Path]:
        for entry in _visible(here):
            if not entry.is_dir():
                # A dangling link counts as a file, and is reported as broken; a pipe would block the reader.
                if entry.is_file() or not entry.exists():
                    yield entry
            elif (target := entry.resolve()) not in seen:
                seen.add(target)
                yield from below(entry)

    return below(folder)


def _visible(folder: Path) -> list[Path]:
    names = sorted(os.listdir(folder))  # noqa: PTH208 (names are sorted before paths are built, twice as fast)
    return [folder / name for name in names if name[0] != "." and name.lower() not in _LEFT_BEHIND_BY_SYSTEMS]
