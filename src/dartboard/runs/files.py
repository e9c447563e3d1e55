"""Files that are either complete or absent: every write goes to a temporary file, which is then renamed."""

import json
import os
import tempfile
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, BinaryIO
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from dartboard.errors import RunDirectoryError, SettingsError
from dartboard.wording import listing

__all__ = ["check_new_file", "read_arrays", "read_json", "write_atomically", "write_json", "write_text"]


def check_new_file(path: Path, endings: Sequence[str], *, overwrite: bool) -> None:
    """Refuse a file name to write to, before the work for the file is done.

    Raises:
        SettingsError: the name has none of the endings.
        RunDirectoryError: the file exists and `overwrite` is off, the path is a folder, or the folder of the file does
            not exist or cannot be written.
    """
    if path.suffix.lower() not in endings:
        raise SettingsError(f"{path.name} cannot be written; its name must end with {listing(endings, last='or')}.")
    if not path.parent.is_dir():
        raise RunDirectoryError(f"there is no folder {path.parent} for {path.name}; create it or name another file.")
    if path.is_dir():
        raise RunDirectoryError(f"{path} is a folder; name another file.")
    if not os.access(path.parent, os.W_OK):
        raise RunDirectoryError(f"the folder {path.parent} cannot be written; name a file in another one.")
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
    except (ValueError, RecursionError) as error:
        raise RunDirectoryError(f"{path} is damaged: it does not hold JSON ({error}).") from error


_ARRAY_ERRORS = (
    *(OSError, EOFError, LookupError, ValueError, TypeError, SyntaxError, RuntimeError),
    *(MemoryError, OverflowError, NotImplementedError),
)
"""What numpy and zipfile raise for files with flipped or missing bytes."""


def read_arrays(path: Path, names: Sequence[str] = (), *, remedy: str = "begin a new run") -> dict[str, NDArray[Any]]:
    """Read arrays of an `.npz` file by their names, or, without names, the one array of an `.npy` file as "".

    Args:
        path: the file.
        names: names of the arrays.
        remedy: what an error message proposes if the file cannot be restored.

    Raises:
        RunDirectoryError: the file is missing or damaged, or lacks one of the arrays.
    """
    try:
        with path.open("rb") as stream:
            found = np.load(stream, allow_pickle=False)
            if isinstance(found, np.ndarray) == bool(names):
                raise ValueError("it holds something else")
            return {name: found[name] for name in names} if names else {"": found}
    except (*_ARRAY_ERRORS, zlib.error, BadZipFile) as error:
        reason = " ".join(str(error).split()).rstrip(".")
        raise RunDirectoryError(f"{path} is damaged ({reason}); restore it, or {remedy}.") from error
