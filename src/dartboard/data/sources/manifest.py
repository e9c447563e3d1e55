"""Manifests: a CSV or parquet file that lists image files and their labels, with paths relative to the file."""

import codecs
import csv
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from dartboard.data.data_settings import DataSettings
from dartboard.data.sources.index import Encoded, SourceIndex, SplitName
from dartboard.data.sources.labelled_rows import ListedSplit, build_index, label_text
from dartboard.data.sources.listed_files import ListedFiles
from dartboard.data.sources.names import file_text, path_text
from dartboard.data.sources.parquet import is_text
from dartboard.data.sources.split_names import SPLIT_WORDS, split_of
from dartboard.errors import DataError, suggest
from dartboard.wording import count, listing, printable, shortened

__all__ = ["CSV_ENDINGS", "index_manifest", "is_parquet_manifest", "list_manifest", "notes_on_repeated"]

CSV_ENDINGS = (".csv", ".tsv")
_IMAGE_COLUMNS = ("image", "image_file_name", "file_name", "filename", "path")
"""Column names that are looked for, in this order, unless the user names another one."""


class _Row(NamedTuple):
    place: str
    image: str
    label: str | None
    split: str | None


@dataclass(frozen=True)
class _Columns:
    image: str
    label: str | None
    split: str | None


def index_manifest(path: Path, settings: DataSettings) -> SourceIndex:
    """List the images of one manifest; without a split column all of them are training images.

    Args:
        path: the CSV (comma, semicolon, tab or bar, with a header) or parquet file.
        settings: the names of the columns, and whether missing files may be left out.

    Raises:
        DataError: the file cannot be read, a column is missing, a row names no file of this folder, or a label or
            split is unknown.
        OSError: the file cannot be opened.
    """
    listed = list_manifest(path, path.parent, settings)
    return build_index(file_text(path.stem), listed, notes=notes_on_repeated(path.name, listed.values()))


def list_manifest(path: Path, base: Path, settings: DataSettings) -> dict[SplitName, ListedSplit]:
    """The rows of a manifest by split, with image paths relative to `base`; raises what `index_manifest` raises."""
    table = _read_parquet(path) if path.suffix.lower() == ".parquet" else _read_csv(path)
    names = next(table)[1]
    columns = _choose_columns(path, names, settings)
    rows = [_row(place, dict(zip(names, cells, strict=False)), columns) for place, cells in table]
    if not rows:
        raise DataError(f"{path.name} has no rows below its header; list one image in each row.")
    by_split: dict[SplitName, list[_Row]] = {}
    for row in rows:
        by_split.setdefault(_split_of(row), []).append(row)
    unlabelled = "" if columns.label else _lacks(path, settings.label_column, names, "--label-column")
    files = ListedFiles(base)
    return {
        split: ListedSplit(
            images=[_locate(files, row, must_exist=not settings.skip_broken) for row in part],
            labels=[row.label for row in part],
            names=[printable(row.image.strip()) for row in part],
            folder=split,
            place=lambda number, part=part: part[number].place,  # type: ignore[misc]
            unlabelled=unlabelled,
        )
        for split, part in by_split.items()
    }


def notes_on_repeated(table: str, listed: Iterable[ListedSplit]) -> tuple[str, ...]:
    """A sentence if a manifest lists files more than once in one split; empty if it does not."""
    rows: dict[tuple[str, Encoded], list[int]] = {}
    splits = {split.folder: split for split in listed}
    for folder, split in splits.items():
        for row, image in enumerate(split.images):
            rows.setdefault((folder, image), []).append(row)
    repeated = [(folder, found) for (folder, _), found in rows.items() if len(found) > 1]
    if not repeated:
        return ()
    split, found = splits[repeated[0][0]], repeated[0][1]
    name = shortened(split.names[found[0]])
    places = listing(split.place(row).partition(" of ")[0] for row in found[:3])
    return (
        f"{table} lists {count(len(repeated), 'image')} more than once, such as {name} in {places}, and "
        "every row counts; remove those that should not.",
    )


def is_parquet_manifest(path: Path, settings: DataSettings) -> bool:
    """Whether a parquet file holds paths of images rather than images."""
    try:
        schema = pq.read_schema(path)
    except pa.ArrowException:
        return False
    column = _image_column(schema.names, settings)
    return column is not None and is_text(schema.field(column).type)


def _read_csv(path: Path) -> Iterator[tuple[str, Sequence[str]]]:
    """Where each row stands and its cells, the header first."""
    try:
        with path.open(encoding=_encoding(path), newline="") as stream:
            lines = stream.readlines()
    except UnicodeDecodeError as error:
        raise DataError(f"{path.name} is not UTF-8 text (byte {error.start}); save it as UTF-8.") from error
    above = 1 if lines and lines[0].lower().startswith("sep=") else 0  # a line for Excel
    rows = _rows(path.name, lines[above:], above + 1)
    _, names = next(rows, (0, []))
    if not names:
        raise DataError(f"{path.name} is empty; it must begin with a line of column names.")
    yield path.name, [name.strip() for name in names]
    for number, cells in rows:
        if any(cell.strip() for cell in cells):
            yield f"line {number} of {path.name}", cells


def _rows(name: str, lines: Sequence[str], first: int) -> Iterator[tuple[int, list[str]]]:
    """The rows of a table, each with the number of the line in which it begins."""
    delimiter = max(",;\t|", key=lines[0].count) if lines else ","
    blanks = any(f'{delimiter} "' in line for line in lines)  # before quotes, which would be part of the cell
    reader, begin = csv.reader(lines, delimiter=delimiter, skipinitialspace=blanks), 0
    try:
        for cells in reader:
            if reader.line_num > begin + 1:
                # A quote that is not closed makes one cell of all rows below it, which only a strict reader notices.
                row = lines[begin : reader.line_num]
                next(csv.reader(row, delimiter=delimiter, skipinitialspace=blanks, strict=True))
            yield first + begin, cells
            begin = reader.line_num
    except csv.Error as error:
        raise DataError(
            f"the row that begins in line {first + begin} of {name} cannot be read as CSV ({error}); close the quote "
            "that is open there, or write the table as CSV again."
        ) from error


def _encoding(path: Path) -> str:
    """The encoding that the mark at the start of the file tells, which is no part of the first column's name."""
    with path.open("rb") as stream:
        start = stream.read(2)
    return "utf-16" if start in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE) else "utf-8-sig"


def _read_parquet(path: Path) -> Iterator[tuple[str, Sequence[str]]]:
    try:
        table = pq.read_table(path)
    except pa.ArrowException as error:
        raise DataError(f"{path} is not a readable parquet file; fetch it again.") from error
    yield path.name, [name.strip() for name in table.column_names]
    columns = [column.to_pylist() for column in table.columns]
    for number, values in enumerate(zip(*columns, strict=True)):
        yield f"row {number} of {path.name}", [_cell(value) for value in values]


def _cell(value: object) -> str:
    if isinstance(value, bytes):
        return value.decode(errors="backslashreplace")
    return "" if value is None else str(value)


def _image_column(names: Sequence[str], settings: DataSettings) -> str | None:
    asked = settings.image_column
    known = _IMAGE_COLUMNS if asked == _IMAGE_COLUMNS[0] else (asked,)
    return next((name for name in known if name in names), None)


def _choose_columns(path: Path, names: Sequence[str], settings: DataSettings) -> _Columns:
    image = _image_column(names, settings)
    if image is None and any(name and os.path.isfile(path.parent / path_text(name)) for name in names):  # noqa: PTH113
        raise DataError(
            f"the first line of {path.name} lists an image ({shortened(', '.join(names))}); write a line with the "
            f"names of the columns above it, such as {settings.image_column},{settings.label_column}."
        )
    if image is None:
        raise DataError(_lacks(path, settings.image_column, names, "--image-column") + ".")
    label, split = (name if name in names else None for name in (settings.label_column, settings.split_column))
    if split is None and settings.split_column != DataSettings().split_column:
        raise DataError(_lacks(path, settings.split_column, names, "--set data.split_column") + ".")
    if twice := [name for name in (image, label, split) if name and names.count(name) > 1]:
        raise DataError(f"{path.name} has several columns '{twice[0]}'; rename all but the one that counts.")
    return _Columns(image, label, split)


def _lacks(path: Path, column: str, names: Sequence[str], option: str) -> str:
    return f"{path.name} has no column '{column}' ({suggest(column, names).rstrip('.')}): choose one with {option}"


def _row(place: str, cells: Mapping[str, str], columns: _Columns) -> _Row:
    image = cells.get(columns.image, "")
    if not image.strip():
        raise DataError(f"{place} names no image; fill in its '{columns.image}' or remove the row.")
    if "\0" in image:
        raise DataError(f"{place} names {image!r}, and no file has a name with a null character; correct the row.")
    label = label_text(cells.get(columns.label)) if columns.label else None
    split = cells.get(columns.split, "").strip() if columns.split else None
    return _Row(place, image, label, split)


def _split_of(row: _Row) -> SplitName:
    if row.split is None:
        return "train"
    split = split_of(row.split)
    if not row.split:
        raise DataError(f"{row.place} has no split; write train, val or test there, or remove the column.")
    if split is None:
        raise DataError(f"{row.place} has the split '{row.split}'; {suggest(row.split, SPLIT_WORDS)}")
    return split


def _locate(files: ListedFiles, row: _Row, *, must_exist: bool) -> Path:
    path = files.find(row.image)
    if path is None:
        raise DataError(f"{row.place} names {row.image!r}, which lies outside of {files.root}; move the image there.")
    if must_exist and not os.path.isfile(path):  # noqa: PTH113 - a tenth of pathlib's time for each row
        raise DataError(
            f"{row.place} names {row.image!r}, and there is no such file in {files.root}; correct the row, or leave "
            "out what is missing with --skip-broken."
        )
    return Path(path)
