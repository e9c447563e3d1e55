"""Room on disk for images that do not fit into memory, made before they are decoded."""

import math
import secrets
import shutil
import tempfile
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from filelock import FileLock, Timeout

from dartboard.data.rowfile import ADVICE, ArrayShape, RowFile, array_bytes, size_text
from dartboard.data.sources import SplitName
from dartboard.errors import DataError

__all__ = ["DiskRoom"]


class DiskRoom:
    """Files for decoded images, in a folder that can become an entry of the cache, or without a name.

    Use it as a context manager: entering removes the folders of killed processes, and leaving removes its own folder
    unless somebody took that over.

    Args:
        entry: the folder in the cache; None for files without a name, which end with the process.

    Attributes:
        folder: the folder of the files; None before there are any, and for files without a name.
        refusal: why the cache could not hold the files; empty if it could.
    """

    def __init__(self, entry: Path | None) -> None:
        self.folder: Path | None = None
        self.refusal = ""
        self._entry = entry
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        """Remove what killed processes left."""
        if self._entry is not None:
            with suppress(OSError, NotImplementedError):
                _sweep(self._entry.parent)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Remove the folder, unless it was renamed."""
        self._stack.close()

    def make_files(self, shapes: Mapping[SplitName, ArrayShape]) -> dict[SplitName, RowFile]:
        """A file for each split.

        Raises:
            DataError: no disk has room for them.
        """
        needed = sum(map(array_bytes, shapes.values()))
        refusals = []
        if self._entry is not None:
            try:
                return self._make_for(self._entry, shapes, needed)
            except (OSError, NotImplementedError) as error:  # the latter where the file system has no locks
                self.refusal = _reason(error)
                refusals.append(f"{self._entry.parent} cannot hold them ({self.refusal})")
        folder = Path(tempfile.gettempdir())
        try:
            _check_room(folder, needed)
            return {name: RowFile.create_nameless(folder, shape) for name, shape in shapes.items()}
        except OSError as error:
            refusals.append(f"{folder} cannot hold them ({_reason(error)})")
            raise DataError(
                f"the decoded images take {size_text(needed)}, but {' and '.join(refusals)}; {ADVICE}."
            ) from error

    def _make_for(self, entry: Path, shapes: Mapping[SplitName, ArrayShape], needed: int) -> dict[SplitName, RowFile]:
        root = entry.parent
        root.mkdir(parents=True, exist_ok=True)
        _check_room(root, needed)
        folder = root / f".{entry.name}-{secrets.token_hex(4)}"
        lock = _lock_of(folder)
        self._stack.callback(Path(lock.lock_file).unlink, missing_ok=True)
        self._stack.enter_context(lock)
        self._stack.callback(shutil.rmtree, folder, ignore_errors=True)
        folder.mkdir()
        files = {name: RowFile.create(folder / f"images-{name}.npy", shape, root) for name, shape in shapes.items()}
        self.folder = folder
        return files


def _sweep(root: Path) -> None:
    """Remove the folders whose makers were killed: nobody holds their locks."""
    for path in root.glob(".*-*.lock"):
        folder = path.with_suffix("")
        with suppress(Timeout), _lock_of(folder).acquire(timeout=0):
            shutil.rmtree(folder, ignore_errors=True)
            path.unlink(missing_ok=True)


def _lock_of(folder: Path) -> FileLock:
    # Beside the folder and older than it, so that no folder is ever seen without the lock of a maker who is alive.
    return FileLock(f"{folder}.lock")


def _check_room(folder: Path, needed: int) -> None:
    if (free := shutil.disk_usage(folder).free) < needed:
        raise OSError(f"only {size_text(free, math.floor)} are free")


def _reason(error: Exception) -> str:
    return (isinstance(error, OSError) and error.strerror) or str(error)
