"""What a run leaves in JSON files: typed documents, each of which knows its file and its version."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from dartboard.errors import RunDirectoryError
from dartboard.runs.files import read_json, write_json, write_text

__all__ = ["Document", "Record", "Version", "first_fault"]

Version = Annotated[int, Field(alias="schema", description="Version of this object's keys; without it, version 1.")]
"""Of a document: its default is that of today."""


class Record(BaseModel):
    """Something that a run records: frozen, and unknown keys are an error. Descriptions of fields are the manual."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", use_attribute_docstrings=True, allow_inf_nan=False, populate_by_name=True
    )


class Document(Record):
    """What becomes a JSON file of a run directory: validated when it is written, and when it is read.

    A subclass names its file and says in the first line of its docstring what it holds. One whose keys have changed
    raises the default of `layout` and overrides `migrate`, which reads the files of before.
    """

    file: ClassVar[str]
    """Name of the file."""

    formerly: ClassVar[str | None] = None
    """Name of the file in runs of old, which is read where there is none of the new name."""

    written_by: ClassVar[str]
    """Which step of a run writes it."""

    compact: ClassVar[bool] = False
    """Whether the file is one long line, since it is for machines alone."""

    layout: Version = 1

    def to_json(self) -> dict[str, Any]:
        """Plain data, as in the file."""
        return self.model_dump(mode="json", by_alias=True)

    @classmethod
    def from_json(cls, content: Any) -> Self:
        """The document that plain data stand for, which may be of an older version.

        Raises:
            ValueError: they are of a version that is not known, or of another form.
        """
        if not isinstance(content, Mapping):
            raise ValueError(f"it holds a {type(content).__name__} instead of keys and values")
        current, version = cls.model_fields["layout"].default, content.get("schema", 1)
        if version not in range(1, current + 1):
            raise ValueError(f"it is of version {version}, and this version of dartboard reads up to {current}")
        own = {**content, "schema": version}
        return cls.model_validate({**(own if version == current else cls.migrate(own)), "schema": current})

    @classmethod
    def migrate(cls, content: dict[str, Any]) -> dict[str, Any]:
        """The content of a file of an older version, in the keys of today.

        Args:
            content: of the file; `schema` is its version, below that of today.

        Raises:
            ValueError: it cannot be read any more.
        """
        raise ValueError(f"it is of version {content['schema']}, which this version of dartboard reads no more")

    @classmethod
    def exists(cls, folder: Path) -> bool:
        """Whether a run directory has the file."""
        return cls._path(folder).exists()

    @classmethod
    def read(cls, folder: Path, *, remedy: str = "begin a new run") -> Self:
        """Read the file of a run directory.

        Args:
            folder: the run directory.
            remedy: what a message proposes where the file cannot be restored.

        Raises:
            RunDirectoryError: the file is missing or damaged, or of a version that is not known.
        """
        path = cls._path(folder)
        content = read_json(path)
        try:
            return cls.from_json(content)
        except ValueError as error:
            reason = first_fault(error) if isinstance(error, ValidationError) else str(error)
            raise RunDirectoryError(
                f"{path} does not hold what a run writes there ({reason}); restore it, or {remedy}."
            ) from error

    @classmethod
    def find(cls, folder: Path, *, remedy: str = "begin a new run") -> Self | None:
        """The document of a run directory, or None where it has no such file; damage raises what `read` raises."""
        return cls.read(folder, remedy=remedy) if cls.exists(folder) else None

    def write(self, folder: Path) -> None:
        """Write the file into a run directory, atomically.

        Raises:
            RunDirectoryError: it cannot be written.
        """
        unchecked = self.model_dump(mode="json", by_alias=True, warnings=False)  # `model_copy` does not check
        content = type(self).from_json(unchecked).to_json()
        if self.compact:
            write_text(folder / self.file, json.dumps(content, allow_nan=False))
        else:
            write_json(folder / self.file, content)

    @classmethod
    def _path(cls, folder: Path) -> Path:
        path = folder / cls.file
        if cls.formerly and not path.exists() and (folder / cls.formerly).exists():
            return folder / cls.formerly
        return path


def first_fault(error: ValidationError) -> str:
    """Where the first thing lies that does not fit, and why, as the middle of a sentence."""
    fault = error.errors()[0]
    place, message = ".".join(map(str, fault["loc"])), fault["msg"]
    return f"{place}: {message[0].lower()}{message[1:]}" if place else message
