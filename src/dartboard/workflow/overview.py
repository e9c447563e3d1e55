"""All runs in a folder, each in one row: what it was, what came of it, and whether it has ended."""

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from filelock import FileLock, Timeout

from dartboard.data import HUB_PREFIX
from dartboard.errors import DartboardError, RunDirectoryError
from dartboard.records import Baselines, Comparison, Result, RunRecords
from dartboard.runs import Record
from dartboard.settings.migration import migrate
from dartboard.wording import listing, percent

__all__ = ["OVERVIEW_HEADINGS", "SORT_KEYS", "RunOverview", "run_directories", "runs_in"]

State = Literal["finished", "running", "interrupted", "damaged"]

SORT_KEYS = ("changed", "accuracy", "dataset", "method", "state", "folder")
"""What runs can be sorted by."""

OVERVIEW_HEADINGS = ("run", "state", "data set", "method", "space", "test accuracy", "verdict", "last change")
"""Headings of `RunOverview.cells`."""

_DEEPEST = 6
"""Folders below the one that is looked through: runs lie in no deeper ones."""


class RunOverview(Record):
    """One run, or one comparison of several."""

    folder: str
    """The run directory."""

    kind: str
    """What it is: run, search, training, selection, analysis or comparison."""

    state: State
    """Whether it has ended ("finished"), is at work, was interrupted, or cannot be read ("damaged")."""

    dataset: str
    """Name of the dataset."""

    method: str
    """Search method, several for a comparison; empty where a given architecture was trained."""

    space: str
    """Search space."""

    accuracy: float | None
    """Test accuracy, as a fraction; in a comparison the highest mean. Null where nothing was tested."""

    verdict: str
    """How the network found compares with the baselines, which method is ahead, or what is wrong; may be empty."""

    seed: int | None
    """Root of the random streams."""

    changed: str
    """Time of its last change, ISO 8601, UTC."""

    def cells(self) -> list[str]:
        """The texts of its row below `OVERVIEW_HEADINGS`."""
        when = self.changed[:16].replace("T", " ")
        return [
            self.folder,
            self.state,
            self.dataset,
            self.method,
            self.space,
            percent(self.accuracy),
            self.verdict,
            when,
        ]


def runs_in(folder: Path, *, sort: str = "changed", reverse: bool = False) -> list[RunOverview]:
    """All runs and comparisons in a folder, or the one that it is; runs inside of a run are part of it.

    Args:
        folder: the folder that holds run directories, at any depth.
        sort: one of `SORT_KEYS`: the last change (the newest first), accuracy (the highest first), or a text.
        reverse: turn the order around.

    Raises:
        RunDirectoryError: there is no such folder.
    """
    if not folder.is_dir():
        raise RunDirectoryError(f"there is no folder {folder}; name the folder that holds your runs.")
    found = [_overview(path) for path in run_directories(folder)]
    found.sort(key=lambda each: each.changed, reverse=True)
    if sort == "accuracy":
        found.sort(key=lambda each: -1.0 if each.accuracy is None else each.accuracy, reverse=True)
    elif sort != "changed":
        found.sort(key=lambda each: str(getattr(each, sort)))
    return found[::-1] if reverse else found


def run_directories(folder: Path) -> Iterator[Path]:
    """Run directories below a folder, links to folders not followed, those inside of others left out."""
    for root, folders, files in os.walk(folder):
        here = Path(root)
        began = "settings.json" in files and any(name in files for name in ("events.jsonl", "split.json", ".lock"))
        if began or Comparison.file in files:
            folders.clear()
            yield here
        elif len(here.relative_to(folder).parts) >= _DEEPEST:
            folders.clear()
        else:
            folders[:] = [name for name in folders if not name.startswith(".")]


def _overview(path: Path) -> RunOverview:
    changed = datetime.fromtimestamp(_last_change(path), UTC).isoformat(timespec="seconds")
    try:
        comparison = Comparison.find(path)
        facts = _of_comparison(path, comparison) if comparison else _of_run(path)
    except DartboardError as error:
        nothing = {"dataset": "", "method": "", "space": "", "accuracy": None, "seed": None}
        facts = {"kind": "run", "state": "damaged", "verdict": str(error), **nothing}
    return RunOverview.model_validate({"folder": str(path), "changed": changed, **facts})


def _last_change(path: Path) -> float:
    """Time of the last change of a file that a run writes, in seconds since 1970."""
    names = ("result.json", Comparison.file, "events.jsonl", "settings.json")
    return max((file.stat().st_mtime for file in map(path.joinpath, names) if file.is_file()), default=0.0)


def _of_comparison(path: Path, comparison: Comparison) -> dict[str, Any]:
    tested = [each for each in comparison.methods if each.test_accuracy]
    best = max(tested, key=lambda each: each.test_accuracy.mean if each.test_accuracy else 0.0, default=None)
    ended = len(comparison.runs) >= comparison.wanted
    return {
        "kind": "comparison",
        "state": "finished" if ended else _unfinished(path),
        "dataset": comparison.dataset or "",
        "method": ", ".join(each.method for each in comparison.methods),
        "space": comparison.space,
        "accuracy": best.test_accuracy.mean if best and best.test_accuracy else None,
        "verdict": f"highest mean: {best.method}" if best else "",
        "seed": None,
    }


def _of_run(path: Path) -> dict[str, Any]:
    run = RunRecords(path)
    settings, result, scores = migrate(run.settings), run.result, run.scores
    accuracy = result.test_accuracy if result else scores.test_accuracy_mean if scores else None
    return {
        "kind": _kind(settings, result, run),
        "state": "finished" if result else _unfinished(path),
        "dataset": result.dataset.name if result else _dataset(settings),
        "method": (result.method or "") if result else _method(settings),
        "space": result.space if result else str(settings.get("space", "")),
        "accuracy": accuracy,
        "verdict": _verdict(run.baselines) if run.baselines else _contest_verdict(run),
        "seed": settings.get("seed"),
    }


def _unfinished(path: Path) -> State:
    """Whether a run that has not ended is at work: it holds its lock then."""
    lock = path / ".lock"
    if lock.is_file():
        try:
            with FileLock(lock).acquire(timeout=0):
                pass
        except Timeout:
            return "running"
        except OSError:  # the folder cannot be written, so nobody can tell
            return "interrupted"
    return "interrupted"


def _kind(settings: dict[str, Any], result: Result | None, run: RunRecords) -> str:
    if "comparison" in settings:
        return "comparison"
    if settings.get("analysis") or (result and result.analysis):
        return "analysis"
    if settings.get("reselection") or (result and result.reselection):
        return "selection"
    if settings.get("genotype"):
        return "training"
    tested = run.scores is not None or run.model_card is not None
    return "search" if result and not tested else "run"


def _dataset(settings: dict[str, Any]) -> str:
    source = settings.get("source")
    if source is None:
        return "digits"
    return source.removeprefix(HUB_PREFIX) if source.startswith(HUB_PREFIX) else Path(source).stem or source


def _method(settings: dict[str, Any]) -> str:
    if compared := settings.get("comparison"):
        return ", ".join(compared.get("methods", []))
    method = settings.get("method", {})
    name = method.get("name", "") if isinstance(method, dict) else str(method)
    return "" if settings.get("genotype") else name


def _verdict(baselines: Baselines) -> str:
    """How the network found compares with the baselines beyond chance, in a few words."""
    groups: dict[str, list[str]] = {"better than": [], "worse than": [], "not told from": []}
    for name, each in baselines.networks.items():
        low, high = each.interval
        groups["better than" if low > 0 else "worse than" if high < 0 else "not told from"].append(name)
    return "; ".join(f"{how} {listing(names)}" for how, names in groups.items() if names)


def _contest_verdict(run: RunRecords) -> str:
    if not run.contest or not run.contest.winner:
        return ""
    return "it won the contest" if run.contest.winner == "found" else f"{run.contest.winner} won the contest"
