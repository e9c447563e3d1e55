"""Where datasets come from; each source lists its splits and leaves the decoding to `dartboard.data.decode`."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from dartboard.data.data_settings import DataSettings
from dartboard.data.sources.arrays import ArrayData, find_idx, index_arrays, index_digits, read_idx, read_npz
from dartboard.data.sources.folder import index_folder
from dartboard.data.sources.hub import HUB_PREFIX, index_hub
from dartboard.data.sources.index import Encoded, EncodedSplit, LeftOut, SourceIndex, SplitName, left_out_sentence
from dartboard.data.sources.labelled_rows import ListedSplit, build_index, label_text
from dartboard.data.sources.manifest import CSV_ENDINGS, index_manifest, is_parquet_manifest
from dartboard.data.sources.names import alike
from dartboard.data.sources.parquet import find_parquet_files, index_parquet
from dartboard.data.sources.split_folders import has_splits
from dartboard.data.sources.task import index_images, index_task, is_task
from dartboard.errors import DataError
from dartboard.places import expanded
from dartboard.wording import printable

__all__ = [
    "HUB_PREFIX",
    "ArrayData",
    "Encoded",
    "EncodedSplit",
    "LeftOut",
    "SourceIndex",
    "SplitName",
    "alike",
    "label_text",
    "left_out_sentence",
    "open_images",
    "open_source",
]

_ACCEPTED = (
    "give a folder with one sub-folder of images per class, a manifest (.csv, .tsv, .parquet), arrays (.npz), a folder "
    "of parquet or IDX files, hf:owner/name, or 'digits'"
)

_ADVICE = {
    (".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".rar"): "unpack it, and give the folder",
    (".npy",): "give an .npz file with the arrays images and labels",
    (".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp", ".tif", ".tiff"): (
        "nothing can be learned from a single image, so give the folder that holds one folder of images per class"
    ),
    (".arrow", ".feather"): "write the table as a parquet file",
    (".h5", ".hdf5", ".mat", ".pkl", ".pickle", ".pt", ".pth"): (
        "save its arrays as an .npz file, with the names images and labels"
    ),
    (".xlsx", ".xls", ".ods", ".json", ".jsonl"): "save the table of images and labels as a CSV file",
}
"""Endings of files that people take for datasets -> what to do with such a file."""

_TABLES = (*CSV_ENDINGS, ".parquet", ".npz")
"""Endings of files that hold or list many images; any other file is an image."""


def open_source(source: str | Path | ArrayData | None, settings: DataSettings) -> SourceIndex:
    """List the splits, classes and images of a dataset without decoding any image.

    Args:
        source: None or "digits" for the embedded digits, arrays, "hf:owner/name" for the Hugging Face Hub, else a
            folder or a file. To read a folder called digits, write "./digits".
        settings: only the names of the columns are used.

    Raises:
        DataError: nothing usable lies there.
    """
    if source is None or source == "digits":
        return index_digits()
    if isinstance(source, ArrayData):
        return index_arrays(source).with_test()
    if str(source).startswith(HUB_PREFIX):
        return index_hub(str(source), settings)
    _refuse_no_path(str(source))
    path = expanded(source)
    with _told(path):
        index = _index_folder(path, settings) if path.is_dir() else _index_file(path, settings)
        if index is not None:
            return index.with_test()
        found = path.exists()
    if found:
        advice = next((told for endings, told in _ADVICE.items() if path.suffix.lower() in endings), _ACCEPTED)
        raise DataError(f"the dataset {path} is neither a folder nor a file of a known kind; {advice}.")
    raise DataError(f"there is no dataset at {path}; {_ACCEPTED}.")


def open_images(source: str | Path | ArrayData | None, settings: DataSettings) -> SourceIndex:
    """The images of a source that are to be predicted: its test images, or all where it has no test split.

    Of a folder without splits all images are taken, those in folders inside of it too, sorted by name; a single image
    file stands for itself.

    Returns:
        The dataset with only these images, labelled or not, as its test split; its `folder` is what the source itself
        calls them.

    Raises:
        DataError: nothing usable lies there.
    """
    path = expanded(source) if isinstance(source, str | Path) else None
    index: SourceIndex | None = None
    _refuse_no_path("." if path is None else str(source))
    if path is not None:
        with _told(path):
            if path.is_dir() and _is_plain(path, settings):
                index = index_images(path)
            elif path.is_file() and path.suffix.lower() not in _TABLES:
                alone = ListedSplit([path], [None], [path.name], path.name, lambda _: path.name)
                index = build_index(path.stem, {"test": alone})
    index = index or open_source(source, settings)
    return replace(index, splits={"test": index.splits.get("test") or index.splits["train"]})


def _refuse_no_path(source: str) -> None:
    """Refuse what cannot be the path of a dataset: an empty name, and an address.

    An address that was taken for a path has lost a slash and may stand below the current folder.
    """
    if not source.strip():
        raise DataError(f"the name of the dataset is empty; {_ACCEPTED}.")
    if (address := re.search(r"(^|/)(https?|ftp|s3|gs):/", source)) and not Path(source).exists():
        found = source[address.start() :].removeprefix("/")
        raise DataError(f"{found} is an address; fetch what lies there, unpack it, and give the folder.")


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """A context in which faults of a dataset become messages that can be shown, whatever its folders are called."""
    try:
        yield
    except OSError as error:
        place = f" ({error.filename})" if error.filename and str(error.filename) != str(path) else ""
        message = f"the dataset {path} cannot be read: {error.strerror or error}{place}."
        raise DataError(printable(message)) from error
    except DataError as error:
        raise DataError(printable(str(error))) from error


def _is_plain(path: Path, settings: DataSettings) -> bool:
    """Whether a folder has no layout of its own but folders of images."""
    return not (is_task(path) or find_idx(path) or _parquet_files(path, settings) or has_splits(path))


def _parquet_files(path: Path, settings: DataSettings) -> list[Path]:
    """The parquet files of a folder that hold images; those that list images may lie beside any layout."""
    return [file for file in find_parquet_files(path) if not is_parquet_manifest(file, settings)]


def _index_folder(path: Path, settings: DataSettings) -> SourceIndex:
    if is_task(path):
        return index_task(path, settings)
    if idx := find_idx(path):
        return index_arrays(read_idx(path, idx))
    if files := _parquet_files(path, settings):
        return index_parquet(path, files, settings)
    return index_folder(path)


def _index_file(path: Path, settings: DataSettings) -> SourceIndex | None:
    ending = path.suffix.lower()
    if not path.is_file():
        return None
    if ending in CSV_ENDINGS or (ending == ".parquet" and is_parquet_manifest(path, settings)):
        return index_manifest(path, settings)
    if ending == ".parquet":
        return index_parquet(path, [path], settings)
    return index_arrays(read_npz(path)) if ending == ".npz" else None
