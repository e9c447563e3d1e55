"""What the settings of a search of a few hundred steps are worth, by the table of NAS-Bench-201.

    python benchmarks/short_searches.py [ARM ...] [--seeds 3] [--method single-darts] [--quick]

Searches CIFAR-10 in the NAS-Bench-201 space with each set of settings, and looks up what comes out. DARTBOARD_DATA
names the folder that holds CIFAR-10 and the table. What is recorded is not repeated; `short_searches.json` and `.md` in
`benchmarks/results` are written after each search.
"""

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

import dartboard
from dartboard.engine.finished.proposals import propose, propose_random
from dartboard.estimate import ArchitectureTable, find_table
from dartboard.records import RunRecords
from dartboard.space import get_space
from records import Records, data_root, record_missing

LENGTH = {"epochs": 25, "steps_per_epoch": 25, "validation_images": 500}
SMALL, LARGE = {"init_channels": 4, "layers": 3}, {"init_channels": 8, "layers": 3}
SHALLOW = {"init_channels": 8, "layers": 1}
HASTY = {"batch_size": 32, "weight_lr": 0.1, "warmup_fraction": 0.4, "alpha_lr_factor": 20.0}
GENTLE = {"batch_size": 32, "weight_lr": 0.025, "warmup_fraction": 0.0, "alpha_lr_factor": 40.0}

ARMS: Mapping[str, dict[str, Any]] = {
    "hasty-large": {**LENGTH, **LARGE, **HASTY},
    "gentle-large": {**LENGTH, **LARGE, **GENTLE},
    "hasty-small": {**LENGTH, **SMALL, **HASTY},
    "gentle-small": {**LENGTH, **SMALL, **GENTLE},
    "gentle-shallow": {**LENGTH, **SHALLOW, **GENTLE},
    "warm-small": {**LENGTH, **SMALL, **GENTLE, "warmup_fraction": 0.4},
    "fast-small": {**LENGTH, **SMALL, **GENTLE, "weight_lr": 0.1},
    "half-batch-small": {**LENGTH, **SMALL, **GENTLE, "batch_size": 16},
}
"""Name -> settings of the search."""

ACCURACY = "cifar10_test"
PROPOSALS = 50


def main() -> None:
    """Run the searches asked for that are not recorded yet."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("arms", nargs="*", metavar="ARM", help=f"of {', '.join(ARMS)}; all without any")
    parser.add_argument("--seeds", type=int, default=3, help="searches of each arm")
    parser.add_argument("--method", default="single-darts")
    parser.add_argument("--jobs", type=int, default=2, help="searches at a time, each with one thread")
    parser.add_argument("--quick", action="store_true", help="tiny searches, to see that everything works")
    parser.add_argument("--folder", type=Path, help="where the results go instead of benchmarks/results")
    asked = parser.parse_args()
    if unknown := [name for name in asked.arms if name not in ARMS]:
        sys.exit(f"unknown arm {unknown[0]}; known: {', '.join(ARMS)}")
    os.environ["DARTBOARD_DATA"] = str(data_root())  # where the table is looked for
    wanted = [(asked.method, arm, seed) for seed in range(asked.seeds) for arm in asked.arms or ARMS]
    record_missing(
        "short_searches",
        wanted,
        measure,
        asked.quick,
        find_table(),
        as_table=as_table,
        jobs=asked.jobs,
        folder=asked.folder,
    )


def measure(method: str, arm: str, seed: int, quick: bool, table: ArchitectureTable) -> Records:
    """Search once."""
    search = {**ARMS[arm], **({"epochs": 2, "steps_per_epoch": 1, "layers": 1} if quick else {})}
    asked = {
        "space": "nas-bench-201",
        "preset": "darts-cifar",
        "method": method,
        "seed": seed,
        "device": "cpu",
        "search": search,
    }
    with tempfile.TemporaryDirectory() as scratch:
        started = time.process_time()
        dartboard.search(data_root() / "cifar10", asked, out=Path(scratch) / "run")
        seconds = time.process_time() - started
        left = RunRecords(Path(scratch) / "run")
        found, epochs = left.genotype, left.search_epochs
    assert found is not None
    space, generator = get_space(found.space), torch.Generator().manual_seed(seed)
    if epochs:
        gates = {kind: torch.tensor(rows) for kind, rows in epochs[-1].gates.items()}
        proposed = propose(space, found, gates, 1 + PROPOSALS, generator)[1:]
    else:
        proposed = propose_random(space, found, 1 + PROPOSALS, generator)[1:]
    return {
        "method": method,
        "arm": arm,
        "seed": seed,
        "genotype": found.to_text(),
        "accuracy": table.accuracy(found, ACCURACY),
        "percentile": table.percentile(found, ACCURACY),
        "proposed": [table.percentile(each, ACCURACY) for each in proposed],
        "cpu_seconds": seconds,
    }


def as_table(records: Records) -> str:
    """The records as Markdown."""
    lines = [
        "# Settings of short searches",
        "",
        f"Printed by `python benchmarks/short_searches.py` ({records['machine']}, torch {records['torch']}, "
        f"{records['date']}). NAS-Bench-201 space on CIFAR-10, {LENGTH['epochs']} epochs of "
        f"{LENGTH['steps_per_epoch']} steps, one thread a search.",
        "Percentile: how many in a hundred of all cells are worse, by test accuracy after 12 epochs in the table; a",
        "cell drawn at random is at 50 on average. Mean ± sample standard deviation over seeds. Proposed beside it:",
        f"mean percentile of {PROPOSALS} other cells drawn as `--finalists` draws them.",
        "",
        "| method | settings | seeds | percentile | accuracy in the table | lowest percentile | proposed beside it "
        "| seconds of the CPU | what |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    groups: dict[tuple[str, str], list[Records]] = {}
    for run in records["runs"].values():
        groups.setdefault((run["method"], run["arm"]), []).append(run)
    for (method, arm), own in sorted(groups.items()):
        percentiles = [run["percentile"] for run in own]
        settings, seconds = ARMS[arm], statistics.fmean(run["cpu_seconds"] for run in own)
        what = (
            f"{settings['init_channels']} channels, {settings['layers']} layers, batch {settings['batch_size']}, "
            f"rate {settings['weight_lr']:g}, alpha x {settings['alpha_lr_factor']:g}, "
            f"warm-up {settings['warmup_fraction']:g}"
        )
        lines.append(
            f"| {method} | {arm} | {len(own)} | {_spread(percentiles, 1)} "
            f"| {_spread([run['accuracy'] for run in own], 2)} | {min(percentiles):.1f} | {_proposed(own)} "
            f"| {seconds:.0f} | {what} |"
        )
    return "\n".join(lines) + "\n"


def _proposed(runs: list[Records]) -> str:
    """Of the runs that recorded it."""
    means = [statistics.fmean(run["proposed"]) for run in runs if run.get("proposed")]
    return _spread(means, 1) if means else ""


def _spread(values: list[float], digits: int) -> str:
    deviation = f" ± {statistics.stdev(values):.{digits}f}" if len(values) > 1 else ""
    return f"{statistics.fmean(values):.{digits}f}{deviation}"


if __name__ == "__main__":
    main()
