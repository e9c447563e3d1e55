"""A run directory: each step of a run writes there the files that the next steps need."""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from filelock import FileLock, Timeout

from dartboard.config import changed_keys
from dartboard.errors import CheckpointError, DartboardError, Interrupted, RunDirectoryError, write_fault
from dartboard.runs.checkpoint import load_checkpoint, save_checkpoint
from dartboard.runs.event_log import EventLog
from dartboard.runs.files import read_json, write_json

__all__ = ["RunDirectory", "next_free"]

Made = TypeVar("Made")


class RunDirectory:
    """A folder of named files, held by one process at a time.

    docs/run-directory.md lists the files, their contents, and the steps that write them.

    Use it as a context manager: entering takes the lock, and leaving releases it. A killed process releases it too.

    Args:
        path: the folder; entering creates it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.events = EventLog(path / "events.jsonl")
        self._lock = FileLock(path / ".lock")
        self._created: list[Path] = []

    def __enter__(self) -> Self:
        """Create the folder if it is missing, and lock it.

        Raises:
            RunDirectoryError: the folder cannot be created or written, or another process holds it.
        """
        try:
            self._created = [folder for folder in (self.path, *self.path.parents) if not folder.exists()]
            self.path.mkdir(parents=True, exist_ok=True)
            self._lock.acquire(timeout=0)
            self._sweep()
        except Timeout as error:
            raise RunDirectoryError(
                f"another process is working in the run directory {self.path}; wait for it or choose another --out."
            ) from error
        except OSError as error:
            self._leave()
            is_file = os.path.isfile(self.path)  # noqa: PTH113 - a name may be too long, which pathlib raises
            reason = "it is a file" if is_file else error.strerror or error
            raise RunDirectoryError(
                f"the run directory {self.path} cannot be created or written: {reason}; choose another --out."
            ) from error
        except KeyboardInterrupt:
            self._leave()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Release the lock, and remove the folder if it was created for a run that never began.

        A run that is interrupted is named in what is raised, and an error that is not meant for users is written into
        the folder.

        Raises:
            Interrupted: the run was interrupted after it had begun.
        """
        begun = self.has("settings.json")
        if begun and isinstance(error, Exception) and not isinstance(error, DartboardError | OSError | MemoryError):
            with suppress(OSError):
                write_fault(self.path, error)
        self._leave()
        if begun and isinstance(error, KeyboardInterrupt):
            raise Interrupted(self.path) from error

    def _sweep(self) -> None:
        """Remove temporary files of a killed process; in a folder without a run, only those of `settings.json`."""
        patterns = (".*.tmp", "checkpoints/.*.tmp") if self.has("settings.json") else (".settings.json.*.tmp",)
        for pattern in patterns:
            for leftover in self.path.glob(pattern):
                leftover.unlink(missing_ok=True)

    def check(
        self,
        settings: Mapping[str, Any],
        *,
        resume: bool,
        migrate: Callable[[Mapping[str, Any]], Mapping[str, Any]] = dict,
    ) -> None:
        """Accept the folder for a run with these settings; nothing is written.

        Args:
            settings: resolved settings as plain data.
            resume: whether the run in the folder may be continued.
            migrate: turns settings that an earlier version has written into settings with the current keys.

        Raises:
            RunDirectoryError: the folder holds other files but no run, it holds a run and `resume` is off, or the run
                began with other settings.
        """
        if not self.has("settings.json"):
            if self._foreign_files():
                raise RunDirectoryError(
                    f"{self.path} is not empty and holds no run of dartboard; choose another --out so that nothing of "
                    "yours is mixed with it."
                )
        elif not resume:
            raise RunDirectoryError(
                f"{self.path} already holds a run; add --resume to go on with it, or choose another --out."
            )
        elif changed := changed_keys(self.read_as("settings.json", migrate), settings):
            raise RunDirectoryError(
                f"the run in {self.path} began with other settings ({', '.join(changed)}); use the same command to "
                "resume it, or choose another --out."
            )

    def claim(self, settings: Mapping[str, Any]) -> None:
        """Record the settings of a run; from now on the folder is kept."""
        if not self.has("settings.json"):
            self.write("settings.json", settings)

    def has(self, name: str) -> bool:
        """Whether the file exists."""
        return (self.path / name).exists()

    def write(self, name: str, content: object) -> None:
        """Write a JSON file, atomically."""
        write_json(self.path / name, content)

    def read(self, name: str) -> Any:
        """Read a JSON file; raises RunDirectoryError when it is missing or damaged."""
        return read_json(self.path / name)

    def read_as(self, name: str, make: Callable[[Any], Made]) -> Made:
        """Read a JSON file, pass its content to `make`, and return the result of `make`.

        Raises:
            RunDirectoryError: the file is missing or damaged, or `make` cannot use its content.
        """
        content = self.read(name)
        try:
            return make(content)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            reason = (str(error).splitlines() or [""])[0]
            raise RunDirectoryError(
                f"{self.path / name} does not hold what a run writes there ({type(error).__name__}: {reason}); restore "
                "it, or begin a new run."
            ) from error

    def save_checkpoint(self, name: str, kind: str, state: dict[str, Any]) -> None:
        """Write `checkpoints/NAME.pt`, atomically."""
        path = self.path / "checkpoints" / f"{name}.pt"
        try:
            path.parent.mkdir(exist_ok=True)
        except OSError as error:
            raise RunDirectoryError(f"{path.parent} cannot be created: {error.strerror or error}.") from error
        save_checkpoint(path, kind, state)

    def load_checkpoint(self, name: str, kind: str) -> dict[str, Any] | None:
        """Read `checkpoints/NAME.pt`, or return None if it does not exist; raises CheckpointError if it is unusable."""
        path = self.path / "checkpoints" / f"{name}.pt"
        return load_checkpoint(path, kind) if path.exists() else None

    @contextmanager
    def restoring(self, name: str) -> Iterator[None]:
        """A context for restoring from `checkpoints/NAME.pt`; a state that does not fit raises CheckpointError."""
        try:
            yield
        except (KeyError, IndexError, TypeError, ValueError, AttributeError, RuntimeError) as error:
            raise CheckpointError(
                f"the checkpoint {self.path / 'checkpoints' / name}.pt does not fit its run ({type(error).__name__}); "
                "delete it to start that phase again."
            ) from error

    def _leave(self) -> None:
        # A run that never began leaves nothing, but by now other runs may be using the parent folders.
        with suppress(OSError):
            if (self._lock.is_locked or self._created) and not self.has("settings.json"):
                (self.path / ".lock").unlink(missing_ok=True)
        for folder in self._created:
            with suppress(OSError):
                folder.rmdir()
        self._lock.release()

    def _foreign_files(self) -> bool:
        return any(entry.name != ".lock" for entry in self.path.iterdir())


def next_free(path: Path) -> Path:
    """`path`, or the first of `path-2`, `path-3`, ... that does not exist."""
    candidate, number = path, 1
    while candidate.exists():
        number += 1
        candidate = path.with_name(f"{path.name}-{number}")
    return candidate
