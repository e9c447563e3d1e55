"""The JSON files of a run as typed documents; each document knows its file and its version."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from dartboard.errors import RunDirectoryError
from dartboard.runs.files import read_json, write_json, write_text

__all__ = ["Document", "Record", "Version", "first_fault"]

Version = Annotated[int, Field(alias="schema", description="Version of this object's keys; without it, version 1.")]
"""Version of a document; the default is the current version."""


class Record(BaseModel):
    """Something that a run records: frozen, and unknown keys are an error. Docstrings of fields become the manual."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", use_attribute_docstrings=True, allow_inf_nan=False, populate_by_name=True
    )


class Document(Record):
    """The content of a JSON file of a run directory; it is validated when it is written and when it is read.

    A subclass names its file; the first line of its docstring says what the file holds. If the keys of a subclass
    change, it increases the default of `layout` and overrides `migrate`, which reads older files.
    """

    file: ClassVar[str]
    """Name of the file."""

    formerly: ClassVar[str | None] = None
    """Earlier name of the file; it is read if there is no file with the current name."""

    written_by: ClassVar[str]
    """Step of a run that writes the file."""

    compact: ClassVar[bool] = False
    """Whether the file is one long line, since only programs read it."""

    layout: Version = 1

    def to_json(self) -> dict[str, Any]:
        """Plain data, as in the file."""
        return self.model_dump(mode="json", by_alias=True)

    @classmethod
    def from_json(cls, content: Any) -> Self:
        """Make the document from plain data, which may have an older version.

        Raises:
            ValueError: the data have an unknown version, or do not fit the document.
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
        """Turn the content of a file of an older version into the current keys.

        Args:
            content: content of the file; `schema` is its version, which is older than the current one.

        Raises:
            ValueError: files of this version can no longer be read.
        """
        raise ValueError(f"it is of version {content['schema']}, which this version of dartboard can no longer read")

    @classmethod
    def exists(cls, folder: Path) -> bool:
        """Whether a run directory holds the file."""
        return cls._path(folder).exists()

    @classmethod
    def read(cls, folder: Path, *, remedy: str = "begin a new run") -> Self:
        """Read the file of a run directory.

        Args:
            folder: the run directory.
            remedy: what an error message proposes if the file cannot be restored.

        Raises:
            RunDirectoryError: the file is missing or damaged, or has an unknown version.
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
        """The document of a run directory, or None if it has no such file; raises the same errors as `read`."""
        return cls.read(folder, remedy=remedy) if cls.exists(folder) else None

    def write(self, folder: Path) -> None:
        """Write the file into a run directory, atomically.

        Raises:
            RunDirectoryError: the file cannot be written.
        """
        unchecked = self.model_dump(mode="json", by_alias=True, warnings=False)  # `model_copy` does not validate
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
    """The place and the reason of the first fault, as the middle of a sentence."""
    fault = error.errors()[0]
    place, message = ".".join(map(str, fault["loc"])), fault["msg"]
    return f"{place}: {message[0].lower()}{message[1:]}" if place else message
