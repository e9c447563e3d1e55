"""The task layout: `train.csv` and `test.csv` beside `images_train/` and `images_test/`; test labels may be missing."""

from pathlib import Path

from dartboard.data.data_settings import DataSettings
from dartboard.data.sources.index import SourceIndex, SplitName
from dartboard.data.sources.labelled_rows import ListedSplit, build_index
from dartboard.data.sources.listing import UNLISTED, Listing
from dartboard.data.sources.manifest import list_manifest, notes_on_repeated
from dartboard.data.sources.names import class_name, file_text
from dartboard.errors import DataError

__all__ = ["index_images", "index_task", "is_task"]

_SPLITS: tuple[SplitName, ...] = ("train", "test")


def is_task(root: Path) -> bool:
    """Whether a folder has this layout; `train/` with class folders in it is an image folder whatever lies beside."""
    if (root / "images_train").is_dir() or (root / "images_test").is_dir():
        return (
            (root / "train.csv").is_file() or (root / "test.csv").is_file() or not _has_classes(root / "images_train")
        )
    return (root / "train.csv").is_file() and not _has_classes(root / "train")


def index_task(root: Path, settings: DataSettings) -> SourceIndex:
    """List `root`: columns `image_file_name,label`, paths relative to `images_train/` or, without it, to `root`.

    A test.csv without labels, or with empty or NaN ones, makes a test set without labels; so does an `images_test/`
    folder without test.csv, which is listed with all folders in it. Images in these folders that no table lists are
    left out. The text of `description.md` goes to the report.

    Raises:
        DataError: a CSV file or an image is missing, or a CSV file has a fault that `index_manifest` refuses.
        OSError: a file cannot be read.
    """
    listing = Listing(root)
    listed: dict[SplitName, ListedSplit] = {}
    notes: list[str] = []
    for split in _SPLITS:
        table, images = root / f"{split}.csv", root / f"images_{split}"
        if table.is_file():
            rows = list_manifest(table, images if images.is_dir() else root, settings)
            if set(rows) != {"train"}:
                raise DataError(f"{table.name} names splits of its own; give the file itself as the dataset.")
            listed[split] = rows["train"]
            notes += notes_on_repeated(table.name, rows.values())
            if images.is_dir():
                _leave_out_unlisted(listing, images, rows["train"])
        elif split == "train" and images.is_dir():
            raise DataError(f"{root} has images_train/ but no train.csv; list the images and their labels there.")
        elif images.is_dir():
            listed[split] = _list_images(listing, images)
    if not listed:
        raise DataError(f"{root} has neither train.csv nor test images; this layout needs them.")
    text = root / "description.md"
    description = text.read_text(encoding="utf-8", errors="replace") if text.is_file() else ""
    name = file_text(root.resolve().name) or "dataset"
    return build_index(name, listed, notes=tuple(notes), description=description, left_out=listing.left_out)


def index_images(folder: Path) -> SourceIndex:
    """The images of a folder and of all folders in it, sorted by name, as a test split.

    Where all images lie in folders, the names of these are their labels, for whoever wants to know how many of them
    are predicted rightly.

    Raises:
        DataError: there are none.
        OSError: a folder cannot be listed.
    """
    listing = Listing(folder)
    listed = _list_images(listing, folder)
    if not listing.entries(folder).files:
        labels = [class_name(name.partition("/")[0]) for name in listed.names]
        listed = ListedSplit(listed.images, labels, listed.names, listed.folder, listed.place)
    name = file_text(folder.resolve().name) or "dataset"
    return build_index(name, {"test": listed}, left_out=listing.left_out)


def _has_classes(folder: Path) -> bool:
    return folder.is_dir() and bool(Listing(folder).entries(folder).folders)


def _list_images(listing: Listing, folder: Path) -> ListedSplit:
    """All images below a folder, without labels."""
    files = list(listing.images_below(folder))
    if not files:
        raise DataError(f"{folder} holds no images; put some there.")
    names = [file_text(file.relative_to(folder).as_posix()) for file in files]
    return ListedSplit(files, [None] * len(files), names, folder.name, lambda row: names[row])


def _leave_out_unlisted(listing: Listing, folder: Path, rows: ListedSplit) -> None:
    listed = set(rows.images)
    for file in listing.images_below(folder):
        if file not in listed:
            listing.leave_out(file, UNLISTED)
