"""Files that are either complete or absent: every write goes to a temporary file, which is then renamed."""

import json
import os
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, BinaryIO

from dartboard.errors import RunDirectoryError, SettingsError
from dartboard.wording import listing

__all__ = ["check_new_file", "read_json", "write_atomically", "write_json", "write_text"]


def check_new_file(path: Path, endings: Sequence[str], *, overwrite: bool) -> None:
    """Refuse a file name to write to, before the work for the file is done.

    Raises:
        SettingsError: the name has none of the endings.
        RunDirectoryError: the file exists and `overwrite` is off, the path is a folder, or the folder of the file does
            not exist.
    """
    if path.suffix.lower() not in endings:
        raise SettingsError(f"{path.name} cannot be written; its name must end with {listing(endings, last='or')}.")
    if not path.parent.is_dir():
        raise RunDirectoryError(f"there is no folder {path.parent} for {path.name}; create it or name another file.")
    if path.is_dir():
        raise RunDirectoryError(f"{path} is a folder; name another file.")
    if path.exists() and not overwrite:
        raise RunDirectoryError(f"{path} is already there; add --overwrite to replace it, or name another file.")


def write_atomically(path: Path, write: Callable[[BinaryIO], object]) -> None:
    """Let `write` fill a temporary file beside `path`, flush the file to the disk, and rename it to `path`.

    Raises:
        RunDirectoryError: the file cannot be written (permissions, full disk); nothing is left behind.
    """
    temporary: Path | None = None
    try:
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")
        temporary = Path(name)
        with os.fdopen(descriptor, "wb") as stream:
            write(stream)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.chmod(0o644)
        temporary.replace(path)
    except OSError as error:
        raise RunDirectoryError(f"{path} cannot be written: {error.strerror or error}; nothing was changed.") from error
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write `text` as UTF-8, atomically; bytes of file names that are no valid text become escapes that JSON reads."""
    write_atomically(path, lambda stream: stream.write(text.encode("utf-8", errors="backslashreplace")))


def write_json(path: Path, content: object) -> None:
    """Write `content` as indented JSON, atomically; NaN and infinity are refused."""
    write_text(path, json.dumps(content, indent=2, allow_nan=False, ensure_ascii=False) + "\n")


def read_json(path: Path) -> Any:
    """Read a JSON file.

    Raises:
        RunDirectoryError: the file is missing or damaged.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise RunDirectoryError(f"{path} cannot be read: {error.strerror or error}.") from error
    except ValueError as error:
        raise RunDirectoryError(f"{path} is damaged: it does not hold JSON ({error}).") from error
