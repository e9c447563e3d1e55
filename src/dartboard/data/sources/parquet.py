"""Parquet files as the Hugging Face Hub stores image datasets: encoded images in one column, labels in another."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from dartboard.data.data_settings import DataSettings
from dartboard.data.sources.index import EncodedSplit, SourceIndex, SplitName
from dartboard.data.sources.names import class_name, file_text, order_classes
from dartboard.data.sources.split_names import split_and_rest
from dartboard.errors import DataError

__all__ = ["find_parquet_files", "index_parquet", "is_text"]

_PREFIXES: tuple[tuple[str, SplitName], ...] = (
    ("train", "train"),
    ("val", "validation"),
    ("dev", "validation"),
    ("test", "test"),
)
_ROWS_PER_READ = 256

Label = int | str


def find_parquet_files(folder: Path) -> list[Path]:
    """The parquet files of a folder or, as repositories on the Hub have it, of its data folder; sorted by name."""
    for place in (folder, folder / "data"):
        if place.is_dir():
            files = [file for file in place.iterdir() if file.suffix.lower() == ".parquet" and file.name[0] != "."]
            if files:
                return sorted(files)
    return []


def index_parquet(source: Path, files: Sequence[Path], settings: DataSettings) -> SourceIndex:
    """List parquet files whose names begin with the split they belong to; a single file is all training images.

    The image column is binary, or a struct with a binary field `bytes`. Labels are integers, named by the ClassLabel
    entry of the schema's `huggingface` metadata where there is one, or strings.

    Args:
        source: what the user gave: a file or a folder.
        files: the parquet files to read.
        settings: the names of the two columns.

    Raises:
        DataError: a file is damaged, a column is missing or of another type, or a label is missing or unknown.
        OSError: a file cannot be read.
    """
    grouped, left_out = ({"train": list(files)}, []) if source.is_file() else _group_by_split(files)
    if "train" not in grouped:
        raise DataError(f"{source} has no file of training images; its name must begin with train.")
    labels = {file: _read_labels(file, settings) for group in grouped.values() for file in group}
    classes, known = _classes(grouped["train"], labels, settings)
    splits = {
        name: EncodedSplit(
            _ParquetImages(tuple(group), settings.image_column),
            _split_labels(name, group, labels, known),
            [f"{file_text(file.name)} row {row}" for file in group for row in range(len(labels[file]))],
            _split_name(group[0].name),
        )
        for name, group in grouped.items()
    }
    notes = tuple(f"{file.name} belongs to no split by its name and was left out." for file in left_out)
    name = file_text(source.stem if source.is_file() else source.resolve().name)
    return SourceIndex(name or "dataset", classes, splits, notes)


def is_text(kind: pa.DataType) -> bool:
    """Whether a column holds text, categories of pandas (dictionaries) among it."""
    kind = _of_values(kind)
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def _of_values(kind: pa.DataType) -> pa.DataType:
    return kind.value_type if pa.types.is_dictionary(kind) else kind


def _is_binary(kind: pa.DataType) -> bool:
    return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_binary_view(kind))


@dataclass(frozen=True)
class _ParquetImages:
    files: tuple[Path, ...]
    column: str

    def __iter__(self) -> Iterator[bytes]:
        for path in self.files:
            with _open(path) as file:
                try:
                    yield from _read_images(file, self.column)
                except (pa.ArrowException, OSError) as error:
                    raise DataError(f"{path} is damaged and its images cannot be read; fetch it again.") from error


def _read_images(file: pq.ParquetFile, column: str) -> Iterator[bytes]:
    for batch in file.iter_batches(_ROWS_PER_READ, columns=[column]):
        values = batch.column(0)
        if pa.types.is_struct(values.type):
            values = pc.struct_field(values, "bytes")
        # An absent image becomes an empty one, to be reported as broken together with the others.
        yield from (value or b"" for value in values.to_pylist())


def _group_by_split(files: Sequence[Path]) -> tuple[dict[SplitName, list[Path]], list[Path]]:
    grouped: dict[SplitName, list[Path]] = {}
    others: list[Path] = []
    for file in files:
        split = next((split for prefix, split in _PREFIXES if file.name.lower().startswith(prefix)), None)
        if split is None and (found := split_and_rest(_split_name(file.name))):
            split = found[0]
        (others if split is None else grouped.setdefault(split, [])).append(file)
    if others and "train" not in grouped:
        return {"train": others, **grouped}, []
    return grouped, others


def _split_name(file_name: str) -> str:
    """The part of the file name before its shard number: "validation" of validation-00000-of-00001.parquet."""
    return Path(file_name).stem.split("-")[0]


def _open(path: Path) -> pq.ParquetFile:
    try:
        return pq.ParquetFile(path)
    except pa.ArrowException as error:
        raise DataError(f"{path} is not a readable parquet file; fetch it again.") from error


def _read_labels(path: Path, settings: DataSettings) -> list[Label | None]:
    with _open(path) as file:
        schema = file.schema_arrow
        for setting, column in (("image_column", settings.image_column), ("label_column", settings.label_column)):
            if column not in schema.names:
                raise DataError(
                    f"{path.name} has no column '{column}' but {', '.join(schema.names)}; name the right one with "
                    f"data.{setting}."
                )
        _check_image_type(path, settings.image_column, schema.field(settings.image_column).type)
        try:
            column = file.read(columns=[settings.label_column]).column(0)
        except (pa.ArrowException, OSError) as error:
            raise DataError(f"{path} is damaged and its labels cannot be read; fetch it again.") from error
    kind = _of_values(column.type)
    values = column.to_pylist()
    if pa.types.is_floating(kind):  # a column of pandas with gaps holds whole numbers as decimal ones
        plain = [int(value) if value is not None and float(value).is_integer() else value for value in values]
        values = [None if value != value else value for value in plain]
    whole = pa.types.is_boolean(kind) or all(value is None or isinstance(value, int) for value in values)
    if not (whole or is_text(kind) or _is_binary(kind)):
        raise DataError(
            f"the column '{settings.label_column}' of {path.name} holds {kind}; labels must be integers or strings."
        )
    return [_plain_label(value) for value in values]


def _plain_label(value: int | str | bytes | None) -> Label | None:
    if isinstance(value, bytes):
        value = value.decode(errors="backslashreplace")
    if isinstance(value, bool):
        return str(value)
    return (class_name(value) or None) if isinstance(value, str) else value


def _check_image_type(path: Path, column: str, kind: pa.DataType) -> None:
    if pa.types.is_struct(kind):
        position = kind.get_field_index("bytes")
        kind = kind.field(position).type if position >= 0 else kind
    if not _is_binary(_of_values(kind)):
        raise DataError(
            f"the column '{column}' of {path.name} holds {kind}; it must hold encoded images as binary, or a struct "
            "with such a field called bytes."
        )


def _classes(
    train_files: Sequence[Path], labels: Mapping[Path, Sequence[Label | None]], settings: DataSettings
) -> tuple[tuple[str, ...], dict[Label, int]]:
    """Class names, and the number of each label value as it stands in the files."""
    values = {value for file in train_files for value in labels[file] if value is not None}
    names = _class_label_names(train_files[0], settings.label_column)
    if names is not None:
        stored: Sequence[Label] = range(len(names)) if all(isinstance(value, int) for value in values) else names
        return names, {value: number for number, value in enumerate(stored)}
    # Without names a negative number is the mark of a missing label, as the Hub writes it for hidden test sets.
    numbers = sorted(value for value in values if isinstance(value, int) and value >= 0)
    ordered: list[Label] = [*numbers, *order_classes(value for value in values if isinstance(value, str))]
    return tuple(str(value) for value in ordered), {value: number for number, value in enumerate(ordered)}


def _class_label_names(path: Path, column: str) -> tuple[str, ...] | None:
    with _open(path) as file:
        metadata = (file.schema_arrow.metadata or {}).get(b"huggingface")
    if metadata is None:
        return None
    try:
        document: Any = json.loads(metadata)
        names = document["info"]["features"][column]["names"]
    except (ValueError, LookupError, TypeError):
        return None
    return tuple(class_name(str(name)) for name in names) if isinstance(names, list) else None


def _split_labels(
    split: SplitName, files: Sequence[Path], labels: Mapping[Path, Sequence[Label | None]], known: Mapping[Label, int]
) -> npt.NDArray[np.int64] | None:
    """The labels of a split; None for a test split without any, which the Hub marks with -1."""
    if split == "test" and all(value is None or value == -1 for file in files for value in labels[file]):
        return None
    return np.concatenate([_number(file, labels[file], known) for file in files])


def _number(path: Path, values: Sequence[Label | None], known: Mapping[Label, int]) -> npt.NDArray[np.int64]:
    numbers = np.empty(len(values), dtype=np.int64)
    for row, value in enumerate(values):
        number = None if value is None else known.get(value)
        if number is None:
            found = "no label" if value is None else f"the label {value!r}, which is none of the {len(known)} classes"
            remedy = "give it one" if value is None else "correct the label"
            raise DataError(f"row {row} of {path.name} has {found}; {remedy}, or leave the row out.")
        numbers[row] = number
    return numbers
