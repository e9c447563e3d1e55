"""What dartboard raises when a request cannot be met: each message says what was asked, what was found, what to do."""

from collections.abc import Iterable
from difflib import get_close_matches

__all__ = [
    "BudgetError",
    "CheckpointError",
    "DartboardError",
    "DataError",
    "DeviceMemoryError",
    "ExportError",
    "ExtensionError",
    "GenotypeError",
    "NonFiniteLossError",
    "RecipeError",
    "RunDirectoryError",
    "SettingsError",
    "UnknownNameError",
    "suggest",
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
