"""The directory of a study: which study it holds, and what may go on in it."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from dartboard.errors import Interrupted, RunDirectoryError
from dartboard.records import Study

__all__ = ["begin_study", "going_on"]

_LOCK = ".lock"
_SECONDS = 60.0
"""Longest wait for another process that begins the same study; it holds the directory only while it writes."""


def begin_study(study: Study, folder: Path, *, resume: bool) -> None:
    """Record a study in a directory, or that a study goes on there, perhaps with more trials.

    Trials do not depend on others than those that they need, so those that have ended are those of the larger study
    too. Several processes may work on one study, so nothing is locked afterwards.

    Args:
        study: the study.
        folder: its directory.
        resume: whether a study in the directory may go on.

    Raises:
        RunDirectoryError: the directory cannot be written, holds something else or another study, or holds this one and
            `resume` is off. Nothing is changed then.
    """
    created = [each for each in (folder, *folder.parents) if not each.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / _LOCK, timeout=_SECONDS):
            _check(study, folder, resume=resume)
            study.write(folder)
    except Timeout as error:
        raise RunDirectoryError(
            f"another process holds the directory {folder}; wait for it or choose another --out."
        ) from error
    except RunDirectoryError:
        _leave(folder, created)
        raise
    except OSError as error:
        _leave(folder, created)
        reason = "it is a file" if folder.is_file() else error.strerror or error
        raise RunDirectoryError(
            f"the directory {folder} cannot be created or written: {reason}; choose another --out."
        ) from error


def _check(study: Study, folder: Path, *, resume: bool) -> None:
    if not Study.exists(folder):
        if any(entry.name != _LOCK for entry in folder.iterdir()):
            raise RunDirectoryError(
                f"{folder} is not empty and holds no study; choose another --out so that nothing of yours is mixed "
                "with it."
            )
        return
    recorded = Study.read(folder, remedy="choose another --out")
    if not resume:
        raise RunDirectoryError(
            f"{folder} already holds a study; add --resume to go on with it, or choose another --out."
        )
    if not {trial["key"] for trial in recorded.trials} & {trial["key"] for trial in study.trials}:
        raise RunDirectoryError(
            f"{folder} holds another study ('{recorded.name}'), of whose {len(recorded.trials)} trials none is asked "
            "for now; use the same command to resume it, or choose another --out."
        )


def _leave(folder: Path, created: list[Path]) -> None:
    """Remove what was made for a study that did not begin."""
    with suppress(OSError):
        if not Study.exists(folder):
            (folder / _LOCK).unlink(missing_ok=True)
    for each in created:
        with suppress(OSError):
            each.rmdir()


@contextmanager
def going_on(folder: Path) -> Iterator[None]:
    """A context in which an interruption names the directory of the study, rather than that of a trial."""
    try:
        yield
    except KeyboardInterrupt as error:
        raise Interrupted(folder) from error
