"""What dartboard raises when a request cannot be met: each message says what was asked, what was found, what to do."""

import platform
import sys
import traceback
from collections.abc import Iterable
from datetime import UTC, datetime
from difflib import get_close_matches
from pathlib import Path

from dartboard.version import __version__

__all__ = [
    "BudgetError",
    "CheckpointError",
    "DartboardError",
    "DartboardWarning",
    "DataError",
    "DeviceMemoryError",
    "ExportError",
    "ExtensionError",
    "GenotypeError",
    "Interrupted",
    "NonFiniteLossError",
    "RecipeError",
    "RunDirectoryError",
    "SettingsError",
    "StateError",
    "StorageError",
    "UnknownNameError",
    "fault_log",
    "suggest",
    "write_fault",
]


class DartboardError(Exception):
    """Base of all errors meant for the user; the command line prints its message and exits with code 2."""


class SettingsError(DartboardError, ValueError):
    """A setting is unknown, has a wrong type, or lies outside its range."""


class BudgetError(SettingsError):
    """A budget is too small for what is asked; the message names the smallest one that would do."""


class UnknownNameError(DartboardError, LookupError):
    """A method, space, operation or recipe of that name is not registered."""


class DataError(DartboardError, ValueError):
    """A dataset is missing, empty, broken or not usable for classification."""


class GenotypeError(DartboardError, ValueError):
    """A genotype cannot be read or is not an architecture of its space."""


class RecipeError(DartboardError, ValueError):
    """The parts of a method do not fit together, or do not fit the space."""


class RunDirectoryError(DartboardError, OSError):
    """A run directory is in use, taken, incomplete or cannot be written."""


class StorageError(DartboardError, OSError):
    """The database of a discrete search cannot be used, or its study belongs to another search."""


class StateError(DartboardError, OSError):
    """The database of a study, or the cluster that it runs on, does not answer."""


class CheckpointError(DartboardError, ValueError):
    """A checkpoint or model file is damaged, or was written by another version or with other settings."""


class ExportError(DartboardError, RuntimeError):
    """A network cannot be exported, packages for it are missing, or the file would predict something else."""


class ExtensionError(DartboardError, TypeError):
    """Something that another package or a user's file registers does not work; the message names it and its place."""


class DeviceMemoryError(DartboardError, MemoryError):
    """An accelerator has too little memory for the batch and network sizes asked for."""


class NonFiniteLossError(DartboardError, ArithmeticError):
    """A loss became NaN or infinite; the message names the loss and the step."""


class Interrupted(KeyboardInterrupt):
    """The user has interrupted a run that can be continued.

    Attributes:
        directory: the run directory.
    """

    def __init__(self, directory: Path) -> None:
        super().__init__(f"what is done is kept in {directory}; out={str(directory)!r} and resume=True go on with it.")
        self.directory = directory


class DartboardWarning(UserWarning):
    """Something that does not stop the work, and that the user should know."""


FAULT_FILE = "error.log"
_LOGGED = "dartboard has written this to "


def write_fault(folder: Path, error: Exception) -> Path:
    """Write all about an error that is not meant for users into the file `error.log` of a folder.

    An error that is written down already is not written again.

    Returns:
        The file, which `fault_log` gives for the same error again.

    Raises:
        OSError: the file cannot be written.
    """
    if (written := fault_log(error)) is not None:
        return written
    now = f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC"
    heading = f"dartboard {__version__}, Python {platform.python_version()}, {platform.platform()}, {now}"
    text = "\n".join([heading, " ".join(sys.argv), "", *traceback.format_exception(error)])
    path = folder / FAULT_FILE
    path.write_text(text, encoding="utf-8", errors="backslashreplace")
    error.add_note(f"{_LOGGED}{path}")
    return path


def fault_log(error: Exception) -> Path | None:
    """The file that `write_fault` has written for an error; None if it has written none."""
    notes = (note for note in getattr(error, "__notes__", ()) if note.startswith(_LOGGED))
    return next((Path(note.removeprefix(_LOGGED)) for note in notes), None)


def suggest(name: str, known: Iterable[str]) -> str:
    """The end of an error message about an unknown name: the known names nearest to it, or all if none is near.

    >>> suggest("drats", ["darts", "random"])
    "did you mean 'darts'?"
    >>> suggest("enas", ["darts", "random"])
    'known: darts, random.'
    """
    names = sorted(known)
    close = get_close_matches(name, names, n=3, cutoff=0.6)
    if close:
        return "did you mean " + " or ".join(repr(match) for match in close) + "?"
    return "known: " + ", ".join(names) + "."
