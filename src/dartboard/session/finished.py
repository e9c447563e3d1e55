"""Read access to the run directory of a finished search, for selections and analyses."""

from pathlib import Path
from typing import Any

from dartboard.data import ARRAYS_PREFIX, HUB_PREFIX
from dartboard.errors import CheckpointError, RunDirectoryError
from dartboard.places import expanded
from dartboard.records import Split
from dartboard.runs import RunDirectory, next_free
from dartboard.session.session import Session

__all__ = ["check_same_images", "directory_beside", "finished_run", "trained_supernet"]


def finished_run(run_directory: Path) -> RunDirectory:
    """The directory of a run with a finished search; it is not locked.

    Raises:
        RunDirectoryError: there is no run, or its search has not ended.
    """
    source = RunDirectory(expanded(run_directory).resolve())
    if not source.has("settings.json"):
        raise RunDirectoryError(f"{run_directory} holds no run of dartboard; name the run directory of a search.")
    if not source.has("genotype.json"):
        raise RunDirectoryError(f"the search in {run_directory} has not ended; continue it with --resume first.")
    _check_place(source)
    return source


def _check_place(run: RunDirectory) -> None:
    """Refuse a run whose dataset is no longer where the run found it."""
    place = run.read_as("settings.json", lambda settings: settings.get("source"))
    is_path = isinstance(place, str) and not place.startswith((HUB_PREFIX, ARRAYS_PREFIX))
    if is_path and not Path(place).exists():
        raise RunDirectoryError(
            f"the data of the run in {run.path} are no longer at {place}; put them back, or record their new place by "
            f"dartboard search NEW-PLACE --config {run.path / 'settings.json'} --out {run.path} --resume."
        )


def directory_beside(run: str, name: str, out: Path | None, *, resume: bool) -> Path:
    """Directory for new results about a run: `out`, or a new folder RUN-NAME beside the run.

    Args:
        run: the run directory of the search.
        name: name of the selection or analysis.
        out: the directory that the user asked for, or None.
        resume: take RUN-NAME itself, even if it exists, instead of the first free RUN-NAME-N.
    """
    if out is not None:
        return out
    source = Path(run)
    first = source.with_name(f"{source.name}-{name}")
    return first if resume else next_free(first)


def trained_supernet(source: RunDirectory) -> dict[str, Any]:
    """The checkpoint at the end of the search, with the trained supernet.

    Raises:
        CheckpointError: there is no checkpoint, or it cannot be read.
    """
    saved = source.load_checkpoint("search", "search")
    if saved is None:
        raise CheckpointError(
            f"the run in {source.path} has no checkpoint of a search (checkpoints/search.pt), so there is no "
            "trained supernet; name a run with a method that trains one"
            + (", such as one of its candidates." if source.has("choice.json") else ".")
        )
    return saved


def check_same_images(session: Session, source: RunDirectory) -> None:
    """Refuse a dataset that is not split into the same images as in the search.

    Raises:
        RunDirectoryError: the dataset has changed.
    """
    Split.read(source.path)  # without it nobody could tell
    if change := session.change_since(source.path):
        raise RunDirectoryError(
            f"the dataset has changed since the run in {source.path} began ({change}); search anew."
        )
