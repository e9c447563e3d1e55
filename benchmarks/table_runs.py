"""Whole searches of the NAS-Bench-201 space whose cells are looked up in both tables, kept where they are interrupted.

Every search has a run directory of its own and goes on at its last epoch when it is asked for again; what has ended is
recorded once.
"""

import shutil
import statistics
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import torch

import dartboard
from dartboard.estimate import SCHEDULES, look_up
from dartboard.records import RunRecords
from dartboard.runs import SearchEpoch, SearchStop
from dartboard.space import Genotype
from records import Records, conditions, data_root, load, save
from table_figures import MAIN

__all__ = ["record_searches", "search"]

SKIP = "skip_connect"


def record_searches(
    name: str,
    wanted: Mapping[str, Mapping[str, Any]],
    *,
    summarize: Callable[[Records], None],
    as_table: Callable[[Records], str],
    jobs: int,
    places: Path,
    folder: Path,
    about: Records,
) -> Records:
    """Make the searches that are not recorded yet, one thread each; save after each of them.

    Args:
        name: of the benchmark, and of its files.
        wanted: name of a search -> its settings. A recorded search with other settings is made again.
        summarize: adds what the records come to.
        as_table: the records as Markdown.
        jobs: searches at a time; a single one runs in this process, and 0 only write down what there is.
        places: folder of the run directories.
        folder: where the results go.
        about: what else is recorded.
    """
    records = load(name, folder) | conditions(torch.device("cpu")) | about
    runs = records.setdefault("runs", {})
    missing = [key for key in wanted if key not in runs or runs[key]["asked"] != wanted[key]]

    def write() -> None:
        records["unfinished"] = {key: _by_epoch(places / key) for key in wanted if (places / key).is_dir()}
        summarize(records)
        save(name, records, as_table, folder)

    def keep(key: str, found: Records) -> None:
        runs[key] = found
        write()

    if jobs == 1:
        torch.set_num_threads(1)
        for key in missing:
            keep(key, search(wanted[key], places / key))
    elif jobs > 1:
        with ProcessPoolExecutor(jobs, get_context("spawn"), torch.set_num_threads, (1,)) as pool:
            begun: dict[Future[Records], str] = {pool.submit(search, wanted[key], places / key): key for key in missing}
            for done in as_completed(begun):
                keep(begun[done], done.result())
    write()
    return records


def search(asked: Mapping[str, Any], place: Path) -> Records:
    """Search once, or go on with a search that was interrupted; the run directory is removed at the end.

    Returns:
        The cell with its figures in both tables, and those of the cell after every epoch.
    """
    started, computed = time.perf_counter(), time.process_time()
    dartboard.search(data_root() / "cifar10", dict(asked), out=place, resume=True)
    seconds, cpu_seconds = time.perf_counter() - started, time.process_time() - computed
    left = RunRecords(place)
    found, events = left.genotype, left.events
    assert found is not None
    epochs = left.search_epochs
    record = {
        "asked": dict(asked),
        "resolved": {key: left.settings[key] for key in ("method", "search")},
        "genotype": found.to_text(),
        "skips": found.operation_counts.get(SKIP, 0),
        "tables": _figures(found),
        "steps": sum(event.steps for event in epochs),
        "seconds_since_resumed": seconds,
        "cpu_seconds_since_resumed": cpu_seconds,
        "search_seconds": sum(event.seconds for event in epochs),
        "stopped": next((event.reason for event in events if isinstance(event, SearchStop)), None),
        "by_epoch": _by_epoch(place),
    }
    shutil.rmtree(place)
    return record


def _by_epoch(place: Path) -> Records:
    """What the cells of all epochs so far were, and what the tables say of them."""
    done = RunRecords(place).search_epochs
    cells = [Genotype.from_json(event.genotype) for event in done]
    return {
        "skips": [cell.operation_counts.get(SKIP, 0) for cell in cells],
        "skip_gate": [_mean_gate(event) for event in done],
        "validation_accuracy": [event.validation_accuracy for event in done],
        **{f"{MAIN}_{epochs}": [_accuracy(cell, epochs) for cell in cells] for epochs in SCHEDULES},
    }


def _figures(cell: Genotype) -> Records:
    """Epochs of the schedule -> data set and part -> accuracy in percent and percentile."""
    return {
        str(entry.epochs): {
            column: {"accuracy": 100 * told.accuracy, "percentile": told.percentile}
            for column, told in entry.figures.items()
        }
        for entry in look_up(cell)
    }


def _accuracy(cell: Genotype, epochs: int) -> float | None:
    return _figures(cell).get(str(epochs), {}).get(MAIN, {}).get("accuracy")  # type: ignore[no-any-return]


def _mean_gate(event: SearchEpoch) -> float | None:
    """Mean gate of skipping over the edges; None for a method without gates."""
    if "cell" not in event.gates:
        return None
    column = event.operations.index(SKIP)
    return statistics.fmean(row[column] for row in event.gates["cell"])
