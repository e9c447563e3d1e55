"""`hf:owner/name`: a dataset of the Hugging Face Hub, through the optional package datasets."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from dartboard.data.data_settings import DataSettings
from dartboard.data.sources.index import SourceIndex, SplitName
from dartboard.data.sources.labelled_rows import ListedSplit, build_index, label_text
from dartboard.data.sources.names import class_name
from dartboard.data.sources.split_names import split_of
from dartboard.errors import DataError, suggest

__all__ = ["HUB_PREFIX", "index_hub"]

HUB_PREFIX = "hf:"


def index_hub(source: str, settings: DataSettings) -> SourceIndex:
    """List a dataset of the Hub, downloaded to the cache of the package datasets.

    Args:
        source: "hf:owner/name".
        settings: the names of the columns.

    Raises:
        DataError: the package is not installed, the Hub cannot be reached, or a column or the training split is
            missing.
    """
    try:
        import datasets
    except ImportError as error:
        raise DataError(
            f"{source} needs the package datasets, which is not installed; install it with pip install 'dartboard[hf]'."
        ) from error
    repository = source.removeprefix(HUB_PREFIX)
    try:
        found = datasets.load_dataset(repository)
    except (OSError, ValueError, RuntimeError, LookupError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")
        raise DataError(
            f"{source} could not be fetched ({reason}); check the name and the network, or download it and give the "
            "folder."
        ) from error
    listed: dict[SplitName, ListedSplit] = {}
    names: list[str] | None = None
    for word, table in found.items():
        split = split_of(str(word))
        if split in listed:
            raise DataError(
                f"{source} has two splits for {split}, {listed[split].folder} and {word}; choose another dataset."
            )
        if split is not None:
            _check_columns(source, table.column_names, settings)
            own = getattr(table.features[settings.label_column], "names", None)
            names = None if own is None else [class_name(str(name)) for name in own]
            plain = table.cast_column(settings.image_column, datasets.Image(decode=False))
            listed[split] = _listed(str(word), plain, names, settings)
    if "train" not in listed:
        raise DataError(f"{source} has no train split but {', '.join(map(str, found))}; choose another dataset.")
    left_out = [str(word) for word in found if split_of(str(word)) is None]
    notes = tuple(f"The split {word} of {source} was left out." for word in left_out)
    return build_index(repository.rpartition("/")[2], listed, classes=names, notes=notes).with_test()


def _check_columns(source: str, columns: list[str], settings: DataSettings) -> None:
    asked = {"--image-column": settings.image_column, "--label-column": settings.label_column}
    for option, column in asked.items():
        if column not in columns:
            raise DataError(f"{source} has no column '{column}' for {option}; {suggest(column, columns)}")


def _listed(word: str, table: Any, names: list[str] | None, settings: DataSettings) -> ListedSplit:
    def place(row: int) -> str:
        return f"{word} row {row}"

    def text(value: Any) -> str | None:
        if names is None or not isinstance(value, int):
            return label_text(value)
        return names[value] if 0 <= value < len(names) else None

    labels = [text(value) for value in table[settings.label_column]]
    images = _HubImages(table, settings.image_column)
    return ListedSplit(images, labels, [place(row) for row in range(len(labels))], word, place)


@dataclass(frozen=True, eq=False)
class _HubImages:
    table: Any
    column: str

    def __iter__(self) -> Iterator[bytes]:
        for row in self.table:
            # An absent image becomes an empty one, to be reported as broken together with the others.
            yield (row[self.column] or {}).get("bytes") or b""
