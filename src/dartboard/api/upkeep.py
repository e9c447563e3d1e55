"""Verbs that look after what runs leave behind, and after the installation: list_runs, clean_cache, examine."""

import time
from pathlib import Path
from typing import Any

from dartboard.data import CacheEntry, cache_entries, cache_root, remove_entry
from dartboard.errors import SettingsError
from dartboard.wording import listing, parse_duration
from dartboard.workflow import SORT_KEYS, Examination, runs_in
from dartboard.workflow import examine as examine_here
from dartboard.workflow.opening import Place

__all__ = ["cached", "clean_cache", "examine", "list_runs"]


def list_runs(folder: Place = ".", *, sort: str = "changed", reverse: bool = False) -> list[dict[str, Any]]:
    """All runs and comparisons in a folder, at any depth, with what came of them.

    Args:
        folder: the folder that holds run directories; it can be a run directory itself.
        sort: "changed" (the newest first), "accuracy" (the highest first), or "dataset", "method", "state", "folder".
        reverse: turn the order around.

    Returns:
        One record for each: folder, kind, state ("finished", "running", "interrupted" or "damaged"), dataset, method,
        space, accuracy, verdict, seed, and the time of the last change.

    Raises:
        DartboardError: there is no such folder or order; the message is one sentence for the user.
    """
    if sort not in SORT_KEYS:
        raise SettingsError(f"runs cannot be sorted by '{sort}'; give {listing(SORT_KEYS, last='or')}.")
    return [each.model_dump(mode="json") for each in runs_in(Path(folder), sort=sort, reverse=reverse)]


def cached(*, older_than: str | float = 0.0) -> list[CacheEntry]:
    """The datasets whose decoded images lie in the cache, the one that was used last first.

    Args:
        older_than: only those that were not used for so many seconds; also as text, such as "30d".

    Raises:
        DartboardError: the text is no length of time.
    """
    try:
        seconds = parse_duration(older_than) if isinstance(older_than, str) else older_than
    except ValueError as error:
        raise SettingsError(f"{error}; give one as in 12h or 30d.") from error
    latest = time.time() - seconds
    return [entry for entry in cache_entries(cache_root(None)) if entry.used <= latest]


def clean_cache(*, older_than: str | float = 0.0) -> list[CacheEntry]:
    """Remove decoded images from the cache, and nothing else; the next run with such a dataset decodes them again.

    Args:
        older_than: only those that were not used for so many seconds; also as text, such as "30d".

    Returns:
        The entries that were removed.

    Raises:
        DartboardError: the text is no length of time, or an entry cannot be removed.
    """
    found = cached(older_than=older_than)
    for entry in found:
        remove_entry(cache_root(None), entry)
    return found


def examine() -> Examination:
    """What this machine and this installation have for a run: versions, device, threads, folders, what is missing.

    Returns:
        The facts; `faults` is empty if a run can work.
    """
    return examine_here()
