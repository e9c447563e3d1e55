"""The task layout: `train.csv` and `test.csv` beside `images_train/` and `images_test/`; test labels may be missing."""

from pathlib import Path

from dartboard.data.data_settings import DataSettings
from dartboard.data.sources.index import SourceIndex, SplitName
from dartboard.data.sources.labelled_rows import ListedSplit, build_index
from dartboard.data.sources.manifest import list_manifest
from dartboard.errors import DataError

__all__ = ["index_task", "is_task", "list_images"]

_SPLITS: tuple[SplitName, ...] = ("train", "test")


def is_task(root: Path) -> bool:
    """Whether a folder has this layout; `train/` with class folders in it is an image folder whatever lies beside."""
    if (root / "images_train").is_dir() or (root / "images_test").is_dir():
        return True
    train = root / "train"
    return (root / "train.csv").is_file() and not (train.is_dir() and any(entry.is_dir() for entry in train.iterdir()))


def index_task(root: Path, settings: DataSettings) -> SourceIndex:
    """List `root`: columns `image_file_name,label`, paths relative to `images_train/` or, without it, to `root`.

    A test.csv without labels, or with empty or NaN ones, makes a test set without labels; so does an `images_test/`
    folder without test.csv. The text of `description.md` goes to the report.

    Raises:
        DataError: a CSV file or an image is missing, or a CSV file has a fault that `index_manifest` refuses.
        OSError: a file cannot be read.
    """
    listed: dict[SplitName, ListedSplit] = {}
    for split in _SPLITS:
        table, images = root / f"{split}.csv", root / f"images_{split}"
        if table.is_file():
            rows = list_manifest(table, images if images.is_dir() else root, settings)
            if set(rows) != {"train"}:
                raise DataError(f"{table.name} names splits of its own; give the file itself as the dataset.")
            listed[split] = rows["train"]
        elif split == "train" and images.is_dir():
            raise DataError(f"{root} has images_train/ but no train.csv; list the images and their labels there.")
        elif images.is_dir():
            listed[split] = list_images(images)
    if not listed:
        raise DataError(f"{root} has neither train.csv nor test images; this layout needs them.")
    text = root / "description.md"
    description = text.read_text(encoding="utf-8", errors="replace") if text.is_file() else ""
    return build_index(root.resolve().name or "dataset", listed, description=description)


def list_images(folder: Path) -> ListedSplit:
    """The files of a folder, sorted by name, without labels.

    Raises:
        DataError: there are none.
        OSError: the folder cannot be listed.
    """
    files = sorted(entry for entry in folder.iterdir() if entry.name[0] != "." and not entry.is_dir())
    if not files:
        raise DataError(f"{folder} holds no images; put some there.")
    names = [file.name for file in files]
    return ListedSplit(files, [None] * len(files), names, folder.name, lambda row: names[row])
