"""The one rule by which folders are listed: what is an image, what is looked into, and what is left out and why."""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from dartboard.data.sources.index import LeftOut
from dartboard.data.sources.names import file_text, same_name

__all__ = ["BESIDE_CLASSES", "BESIDE_SPLITS", "UNLISTED", "Entries", "Listing"]

LEFT_BEHIND = "left behind by systems and programs"
NO_IMAGE = "of kinds that are no images"
OWN_OUTPUT = "written by dartboard"
SEEN = "leading back to a folder already listed"
SPECIAL = "of other kinds than files and folders"
NO_IMAGES = "without images"
BESIDE_CLASSES = "beside the class folders"
BESIDE_SPLITS = "beside the folders of the splits"
UNLISTED = "that no table lists"

_LEFT_BEHIND = re.compile(
    r"\..*|~\$.*|.*~|.*\.(tmp|temp|part|crdownload|bak|lock|swp)|"
    r"(eh)?thumbs\.db|desktop\.ini|picasa\.ini|zbthumbnail\.info|icon\r|"
    r"__macosx|@eadir|[#@]recycle|\$recycle\.bin|system volume information|lost\+found|__pycache__",
    re.IGNORECASE | re.DOTALL,
)
"""Names of hidden entries, and of what systems, storage boxes, galleries and interpreters leave beside images."""

_NO_IMAGE = re.compile(
    r"readme|license|licence|copying|notice|authors|changelog|makefile|"
    r".*\.(txt|md|rst|rtf|pdf|docx?|odt|html?|csv|tsv|xlsx?|ods|jsonl?|ndjson|xml|ya?ml|toml|ini|cfg|log|tex|bib|"
    r"parquet|arrow|feather|db|sqlite|sql|mat|pkl|pickle|h5|hdf5?|pth?|ckpt|onnx|safetensors|"
    r"zip|t?gz|bz2|xz|tar|7z|rar|pyc?|ipynb|r|m|sh|bat|exe|dll|so|lnk|url|mp4|mov|avi|mkv|webm|mpe?g|mp3|wav)",
    re.IGNORECASE | re.DOTALL,
)
"""Names of texts, tables, archives, programs, films and sound; files of all other kinds are taken for images."""

_RUN_FILES = ("events.jsonl", "split.json", "comparison.json", "result.json")
_LOCK = ".lock"


@dataclass(frozen=True)
class Entries:
    """What a folder holds after everything else is left out, each sorted by name.

    Attributes:
        folders: the folders.
        files: the files that are images by their names.
    """

    folders: list[Path]
    files: list[Path]


class Found(NamedTuple):
    """An entry of a folder: its name in one Unicode form, where it lies, and whether it is a folder or a file."""

    text: str
    path: Path
    is_folder: bool
    is_file: bool


class Listing:
    """Lists the folders of a dataset, and remembers everything that it leaves out.

    Hidden entries, what systems and programs leave behind, kinds of files that are no images, and what dartboard itself
    has written are left out. Links are followed, except those that lead back to a folder already listed.

    Args:
        root: the folder of the dataset.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._reasons: dict[Path, str] = {}
        self._folders: set[Path] = set()
        self._listed: dict[Path, list[Found]] = {}

    def entries(self, folder: Path) -> Entries:
        """The folders and images in a folder.

        Raises:
            OSError: the folder cannot be listed.
        """
        kept = self._kept(folder)
        return Entries(
            [each.path for each in kept if each.is_folder], [each.path for each in kept if not each.is_folder]
        )

    def _kept(self, folder: Path) -> list[Found]:
        """What a folder holds after everything else is left out, sorted by name."""
        if folder not in self._listed:
            self._listed[folder] = []
            for entry in _entries(folder):
                if reason := _why_not(entry):
                    self.leave_out(entry.path, reason, is_folder=entry.is_folder)
                else:
                    self._listed[folder].append(entry)
        return self._listed[folder]

    def images_below(self, folder: Path) -> Iterator[Path]:
        """All images below a folder, sorted by name within each level.

        Raises:
            OSError: a folder cannot be listed.
        """
        real = folder.resolve()
        # A link to a folder above would bring in other classes, so those count as listed.
        listed = {real, *real.parents}

        def below(here: Path) -> Iterator[Path]:
            for entry in self._kept(here):
                if not entry.is_folder:
                    yield entry.path
                elif (target := entry.path.resolve()) not in listed:
                    listed.add(target)
                    yield from below(entry.path)
                else:
                    self.leave_out(entry.path, SEEN, is_folder=True)

        return below(folder)

    def holds_images(self, folder: Path) -> bool:
        """Whether any image lies below a folder."""
        return next(self.images_below(folder), None) is not None

    def leave_out(self, path: Path, reason: str, *, is_folder: bool = False) -> None:
        """Remember that an entry is no part of the dataset, and why."""
        self._reasons.setdefault(path, reason)
        if is_folder:
            self._folders.add(path)

    def leave_out_empty(self, folder: Path) -> bool:
        """Leave out a folder without images if it holds anything else; returns whether it does."""
        inside = {reason for path, reason in self._reasons.items() if str(path).startswith(f"{folder}{os.sep}")}
        if inside:
            self.leave_out(folder, OWN_OUTPUT if inside == {OWN_OUTPUT} else NO_IMAGES, is_folder=True)
        return bool(inside)

    def name(self, path: Path) -> str:
        """Where a file lies below the root, as text."""
        return file_text(str(path).removeprefix(f"{self.root}{os.sep}").replace(os.sep, "/"))

    @property
    def left_out(self) -> tuple[LeftOut, ...]:
        """What was left out so far, by reason; what lies in a folder that was left out itself is not told."""
        names: dict[str, list[str]] = {}
        inside = tuple(f"{folder}{os.sep}" for folder in self._folders)
        for path, reason in self._reasons.items():
            if not str(path).startswith(inside):
                names.setdefault(reason, []).append(self.name(path) + "/" * (path in self._folders))
        return tuple(LeftOut(reason, tuple(sorted(found))) for reason, found in sorted(names.items()))


def _entries(folder: Path) -> list[Found]:
    with os.scandir(folder) as entries:
        return sorted(_found(folder, entry) for entry in entries)


def _found(folder: Path, entry: "os.DirEntry[str]") -> Found:
    path, text = folder / entry.name, same_name(file_text(entry.name))
    if entry.is_symlink():  # it may lead nowhere, or to itself
        return Found(text, path, path.is_dir(), path.is_file())
    return Found(text, path, entry.is_dir(), entry.is_file())


def _why_not(entry: Found) -> str:
    """Why an entry is left out; empty for a folder to look into and for an image."""
    if _LEFT_BEHIND.fullmatch(entry.path.name):
        return LEFT_BEHIND
    if entry.is_folder:
        return OWN_OUTPUT if _is_own_output(entry.path) else ""
    if _NO_IMAGE.fullmatch(entry.path.name):
        return NO_IMAGE
    # A dangling link counts as an image, and is reported as broken; a pipe would block the reader.
    return "" if entry.is_file or not entry.path.exists() else SPECIAL


def _is_own_output(folder: Path) -> bool:
    """Whether dartboard wrote a folder: a run, a comparison, or decoded images."""
    if (folder / "settings.json").is_file():
        return any((folder / name).is_file() for name in _RUN_FILES)
    if (folder / "meta.json").is_file():
        return (folder / "images-train.npy").is_file()
    try:
        # A run that has not begun yet holds its lock alone; it may be the one that reads this dataset.
        return (folder / _LOCK).is_file() and len(os.listdir(folder)) == 1  # noqa: PTH208 (names are enough)
    except OSError:
        return False
