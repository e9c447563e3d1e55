"""Collapse, seen: which methods end with skip connections, and what their cells are worth.

    python benchmarks/collapse.py [ARM ...] [--seeds 3] [--jobs 2] [--quick]

Searches the NAS-Bench-201 space on CIFAR-10 with a narrow, shallow supernet, every method with the same images, seeds,
steps and learning rates of the weights, and looks the cells up in the table of all 15,625 architectures (12 epochs of
training; DARTBOARD_DATA names the folder of both). Each search has one thread, and `--jobs` of them run at a time. A
search that is recorded is not repeated while its settings are the same; `benchmarks/results/collapse.json` and `.md`
are written after each.
"""

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import torch

import dartboard
from dartboard.estimate import ArchitectureTable, find_table
from dartboard.records import RunRecords
from dartboard.runs import SearchEpoch, SearchStop
from dartboard.space import Genotype
from records import Records, conditions, data_root, load, save

ARMS: Mapping[str, dict[str, Any]] = {
    "darts": {"name": "darts"},
    "darts-2nd": {"name": "darts-2nd"},
    "single-darts": {"name": "single-darts"},
    "single-darts-softmax": {"name": "single-darts", "options": {"activation": "softmax"}},
    "robust-darts": {"name": "robust-darts"},
    "beta-darts": {"name": "beta-darts"},
    "darts-minus": {"name": "darts-minus"},
    "pc-darts": {"name": "pc-darts"},
    "gaea": {"name": "gaea"},
    "fair-darts": {"name": "fair-darts"},
    "random": {"name": "random"},
}
"""Name -> method with its options."""

FURTHER: Mapping[str, dict[str, Any]] = {
    "darts-minus-constant": {"name": "darts-minus", "options": {"fading": "constant"}},
}
"""Those that explain others; they are searched only when they are named."""

SEARCH = {
    "epochs": 25,
    "steps_per_epoch": 20,
    "batch_size": 16,
    "init_channels": 4,
    "layers": 3,
    "weight_lr": 0.025,
    "weight_lr_min": 0.001,
    "alpha_lr_factor": None,
    "validation_images": 500,
    "grad_clip": 5.0,
}
"""The same for all arms: what a paper sets for its weights does not count here.

Alpha has the rate that its method has in so few steps: Adam's rises to 0.012 at most, others stay as published.
"""

QUICK = {**SEARCH, "epochs": 3, "steps_per_epoch": 1, "layers": 1}

ACCURACY = "cifar10_test"
SKIP = "skip_connect"


def main() -> None:
    """Run the searches asked for that are not recorded yet."""
    known = {**ARMS, **FURTHER}
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument(
        "arms", nargs="*", metavar="ARM", help=f"one of {', '.join(known)}; the first {len(ARMS)} without any"
    )
    parser.add_argument("--seeds", type=int, default=3, help="searches of each arm")
    parser.add_argument("--jobs", type=int, default=2, help="searches at a time")
    parser.add_argument("--quick", action="store_true", help="tiny searches, to see that everything works")
    parser.add_argument("--folder", type=Path, help="where the results go instead of benchmarks/results")
    asked = parser.parse_args()
    if unknown := [name for name in asked.arms if name not in known]:
        sys.exit(f"unknown arm {unknown[0]}; known: {', '.join(known)}")
    folder = {"folder": asked.folder} if asked.folder else {}
    os.environ["DARTBOARD_DATA"] = str(data_root())  # where the table is looked for
    table, settings = find_table(), QUICK if asked.quick else SEARCH
    records = load("collapse", **folder)
    if records.get("settings") != settings:
        records = {}
    records |= {**conditions(torch.device("cpu")), "settings": settings, "what": _what(settings)}
    runs = records.setdefault("runs", {})
    missing = [
        (name, seed) for seed in range(asked.seeds) for name in asked.arms or ARMS if f"{name}/{seed}" not in runs
    ]
    with ProcessPoolExecutor(asked.jobs, get_context("spawn"), torch.set_num_threads, (1,)) as pool:
        begun = {pool.submit(measure, name, seed, settings, table): f"{name}/{seed}" for name, seed in missing}
        for done in as_completed(begun):
            runs[begun[done]] = done.result()
            records["methods"] = {arm: summarize(runs, arm) for arm in known if f"{arm}/0" in runs}
            save("collapse", records, as_table, **folder)
    records["methods"] = {arm: summarize(runs, arm) for arm in known if f"{arm}/0" in runs}
    save("collapse", records, as_table, **folder)
    print(as_table(records))


def measure(name: str, seed: int, settings: Mapping[str, Any], table: ArchitectureTable) -> Records:
    """Search once; returns what the cells of all epochs were."""
    asked = {
        "space": "nas-bench-201",
        "preset": "darts-cifar",
        "method": {**ARMS, **FURTHER}[name],
        "seed": seed,
        "device": "cpu",
        "search": settings,
    }
    with tempfile.TemporaryDirectory() as scratch:
        started, computed = time.perf_counter(), time.process_time()
        dartboard.search(data_root() / "cifar10", asked, out=Path(scratch) / "run")
        seconds, cpu_seconds = time.perf_counter() - started, time.process_time() - computed
        left = RunRecords(Path(scratch) / "run")
        events, epochs, found = left.events, left.search_epochs, left.genotype
    assert found is not None
    cells = [Genotype.from_json(event.genotype) for event in epochs]
    return {
        "genotype": found.to_text(),
        "skips": found.operation_counts.get(SKIP, 0),
        "accuracy": table.accuracy(found, ACCURACY),
        "percentile": table.percentile(found, ACCURACY),
        "seconds": seconds,
        "cpu_seconds": cpu_seconds,
        "stopped": next((event.reason for event in events if isinstance(event, SearchStop)), None),
        "skips_by_epoch": [cell.operation_counts.get(SKIP, 0) for cell in cells],
        "percentile_by_epoch": [table.percentile(cell, ACCURACY) for cell in cells],
        "validation_accuracy_by_epoch": [event.validation_accuracy for event in epochs],
        "skip_gate_by_epoch": [_mean_gate(event, SKIP) for event in epochs],
    }


def summarize(runs: Mapping[str, Records], arm: str) -> Records:
    """Means and sample standard deviations over the seeds of an arm."""
    own = [run for name, run in runs.items() if name.rpartition("/")[0] == arm]
    summary: Records = {"percentiles": [run["percentile"] for run in own]}
    for key in ("percentile", "accuracy", "skips", "seconds", "cpu_seconds"):
        values = [run[key] for run in own]
        summary[f"{key}_mean"] = statistics.fmean(values)
        summary[f"{key}_std"] = statistics.stdev(values) if len(values) > 1 else 0.0
    shares = [run["skip_gate_by_epoch"] for run in own if run["skip_gate_by_epoch"]]
    for key, epochs in (("first", slice(None, 3)), ("last", slice(-3, None))):
        gates = [gate for each in shares for gate in each[epochs]]
        summary[f"skip_gate_{key}"] = statistics.fmean(gates) if gates else None
    return summary


def as_table(records: Records) -> str:
    """The records as Markdown."""
    lines = [
        "# Collapse",
        "",
        f"Printed by `{records['command']}` ({records['machine']}, torch {records['torch']}, {records['date']}).",
        records["what"],
        "Percentile: how many in a hundred of all cells are worse, by test accuracy after 12 epochs in the table.",
        "Mean ± sample standard deviation over seeds. Skip gate: mean over edges and seeds in the first three epochs",
        "and in the last three; five equal operations have 0.2 each.",
        "",
        "| arm | seeds | skips of 6 edges | skip gate | percentile | accuracy in the table | seconds | of the CPU |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for arm, summary in records["methods"].items():
        figures = [
            f"{summary[f'{key}_mean']:.{digits}f} ± {summary[f'{key}_std']:.{digits}f}"
            for key, digits in (("skips", 1), ("percentile", 1), ("accuracy", 2))
        ]
        gates = summary["skip_gate_first"], summary["skip_gate_last"]
        figures.insert(1, "none" if None in gates else f"{gates[0]:.2f} to {gates[1]:.2f}")
        lines.append(
            f"| {arm} | {len(summary['percentiles'])} | {' | '.join(figures)} | {summary['seconds_mean']:.0f} | "
            f"{summary['cpu_seconds_mean']:.0f} |"
        )
    return "\n".join(lines) + "\n"


def _what(settings: Mapping[str, Any]) -> str:
    return (
        f"NAS-Bench-201 space on CIFAR-10: {settings['epochs']} epochs of {settings['steps_per_epoch']} steps, batches "
        f"of {settings['batch_size']}, {settings['init_channels']} channels, {settings['layers']} cells a stage, alpha "
        f"at the rate of its method for so few steps. Searches ran side by side, one thread each."
    )


def _mean_gate(event: SearchEpoch, op: str) -> float:
    column = event.operations.index(op)
    return statistics.fmean(row[column] for row in event.gates["cell"])


if __name__ == "__main__":
    main()
