"""Real runs on real images: accuracy and time of `dartboard run`, with the goals beside them.

    python benchmarks/real_runs.py [digits flowers5 cifar10]

Reads the datasets from DARTBOARD_DATA (default ../shared/data), runs each through the command line as a user would,
and writes `benchmarks/results/real_runs.json` and `.md`; figures of datasets that are not run again are kept.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from records import data_root, load, machine, save

GOALS = {"digits": (0.97, 6 * 60), "flowers5": (0.65, 15 * 60), "cifar10": (0.75, 25 * 60)}
"""Dataset -> (least test accuracy, most seconds)."""


def main() -> None:
    """Run the named datasets, or all."""
    chosen = sys.argv[1:] or list(GOALS)
    unknown = [name for name in chosen if name not in GOALS]
    if unknown:
        sys.exit(f"unknown dataset {unknown[0]}; known: {', '.join(GOALS)}")
    records = load("real_runs")
    for name in chosen:
        records[name] = measure(name)
        save("real_runs", records, as_table)
    print(as_table(records))


def measure(name: str) -> dict[str, Any]:
    """Run one dataset with the default settings in a fresh run directory; returns its record."""
    data = [] if name == "digits" else [str(data_root() / name)]
    with tempfile.TemporaryDirectory() as scratch:
        command = [sys.executable, "-m", "dartboard", "run", *data, "--out", f"{scratch}/{name}", "--json"]
        started = datetime.now(UTC)
        finished = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
        elapsed = (datetime.now(UTC) - started).total_seconds()
        result = json.loads(finished.stdout)
        keep = os.environ.get("DARTBOARD_KEEP_RUNS")
        if keep:
            shutil.copytree(f"{scratch}/{name}", Path(keep) / name, dirs_exist_ok=True)
    accuracy, seconds = GOALS[name]
    return {
        "command": "dartboard run" + (f" $DARTBOARD_DATA/{name}" if data else ""),
        "date": started.date().isoformat(),
        "machine": machine(),
        "versions": result["versions"],
        "device": result["device"],
        "space": result["space"],
        "method": result["method"],
        "genotype": result["genotype"]["text"],
        "parameters": result["parameters"],
        "multiply_adds": result["multiply_adds"],
        "images": {part: result["dataset"][part] for part in ("train", "validation", "test")},
        "validation_accuracy": result["validation_accuracy"],
        "test_accuracy": result["test_accuracy"],
        "seconds": result["seconds"],
        "command_seconds": round(elapsed, 1),
        "goal": {"test_accuracy": accuracy, "command_seconds": seconds},
        "reached": result["test_accuracy"] >= accuracy and elapsed <= seconds,
    }


def as_table(records: dict[str, Any]) -> str:
    """The records as a Markdown table."""
    lines = [
        "# Real runs",
        "",
        "Printed by `python benchmarks/real_runs.py`. Test accuracy on images that neither search nor training saw,",
        "scored once after everything was decided. One run each, seed 0.",
        "",
        "| dataset | command | test accuracy | goal | whole command | limit | parameters | machine | date |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for name, record in records.items():
        goal = record["goal"]
        lines.append(
            f"| {name} | `{record['command']}` | {record['test_accuracy']:.2%} | {goal['test_accuracy']:.0%} "
            f"| {record['command_seconds']:.0f} s | {goal['command_seconds']} s | {record['parameters']:,} "
            f"| {record['machine']} | {record['date']} |"
        )
    lines += ["", "Cells found:", ""]
    lines += [f"- {name} ({record['method']}): `{record['genotype']}`" for name, record in records.items()]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
