"""Where datasets come from; each source lists its splits and leaves the decoding to `dartboard.data.decode`."""

from pathlib import Path

from dartboard.data.settings import DataSettings
from dartboard.data.sources.digits import index_digits
from dartboard.data.sources.folder import index_folder
from dartboard.data.sources.index import Encoded, EncodedSplit, SourceIndex, SplitName
from dartboard.data.sources.parquet import find_parquet_files, index_parquet
from dartboard.errors import DataError

__all__ = ["Encoded", "EncodedSplit", "SourceIndex", "SplitName", "open_source"]

_ACCEPTED = "give a folder with one sub-folder of images per class, a parquet file or a folder of them, or 'digits'"


def open_source(source: str | Path | None, settings: DataSettings) -> SourceIndex:
    """List the splits, classes and images of a dataset without decoding any image.

    Args:
        source: None or "digits" for the embedded digits, else a folder or a parquet file. A folder that is itself
            called digits is reached as "./digits".
        settings: the names of the parquet columns are used.

    Raises:
        DataError: nothing usable lies there.
    """
    if source is None or source == "digits":
        return index_digits()
    path = Path(source).expanduser()
    try:
        if path.is_dir():
            files = find_parquet_files(path)
            index = index_parquet(path, files, settings) if files else index_folder(path)
            return index.with_test()
        if path.suffix.lower() == ".parquet" and path.is_file():
            return index_parquet(path, [path], settings)
        found = path.exists()
    except OSError as error:
        raise DataError(f"the dataset {path} cannot be read: {error.strerror or error}.") from error
    if found:
        raise DataError(f"the dataset {path} is neither a folder nor a parquet file; {_ACCEPTED}.")
    raise DataError(f"there is no dataset at {path}; {_ACCEPTED}.")
