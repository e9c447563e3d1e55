"""What the settings of a training of few passes are worth: width against passes, rates, augmentation, precision.

    python benchmarks/short_trainings.py [ARM ...] [--seeds 1] [--quick]

Trains a plain ResNet on CIFAR-10 or on the photographs of flowers5 with each set of settings. DARTBOARD_DATA names the
folder that holds both. What is recorded is not repeated; `short_trainings.json` and `.md` in `benchmarks/results` are
written after each training.
"""

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import dartboard
from records import Records, data_root, record_missing

GENOTYPE = "nas-bench-201-resnet"
BASES: Mapping[str, Mapping[str, Any]] = {
    "cifar10": {
        "layers": 1,
        "init_channels": 16,
        "epochs": 5,
        "steps_per_epoch": 546,
        "batch_size": 64,
        "keep": "best",
        "precision": "bfloat16",
    },
    "flowers5": {
        "layers": 2,
        "init_channels": 16,
        "epochs": 48,
        "steps_per_epoch": 41,
        "batch_size": 64,
        "keep": "best",
        "precision": "float32",
    },
}
"""Dataset -> what a budget of ten minutes on two cores affords there."""

ARMS: Mapping[str, dict[str, Any]] = {
    "base": {},
    "float32": {"precision": "float32"},
    "narrow": {"init_channels": 8, "epochs": 8, "steps_per_epoch": 703},
    "wide": {"init_channels": 24, "steps_per_epoch": 256},
    "odd-width": {"init_channels": 12},
    "half-rate": {"lr": 0.05},
    "batch-128": {"batch_size": 128, "steps_per_epoch": 328, "lr": 0.2},
    "crop-2": {"augment.crop_padding": 2},
    "crop-1": {"augment.crop_padding": 1},
    "no-crop": {"augment.crop_padding": 0},
    "crop-2-unsmoothed": {"augment.crop_padding": 2, "label_smoothing": 0.0},
    "long": {"epochs": 8, "steps_per_epoch": 700},
    "long-no-crop": {"epochs": 8, "steps_per_epoch": 700, "augment.crop_padding": 0},
    "long-deep": {"epochs": 8, "steps_per_epoch": 350, "layers": 2, "augment.crop_padding": 0},
    "flowers": {},
    "flowers-mild-colours": {"augment.color_jitter": 0.2},
    "flowers-strong-colours": {"augment.color_jitter": 0.4},
    "flowers-hues": {"augment.color_jitter": 0.4, "augment.hue_jitter": 0.1},
}
"""Name -> what differs from the base of its dataset."""


def main() -> None:
    """Run the trainings asked for that are not recorded yet."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("arms", nargs="*", metavar="ARM", help=f"of {', '.join(ARMS)}; all without any")
    parser.add_argument("--seeds", type=int, default=1, help="trainings of each arm")
    parser.add_argument("--jobs", type=int, default=2, help="trainings at a time, each with one thread")
    parser.add_argument("--quick", action="store_true", help="two steps each, to see that everything works")
    parser.add_argument("--folder", type=Path, help="where the results go instead of benchmarks/results")
    asked = parser.parse_args()
    if unknown := [name for name in asked.arms if name not in ARMS]:
        sys.exit(f"unknown arm {unknown[0]}; known: {', '.join(ARMS)}")
    wanted = [(arm, seed) for seed in range(asked.seeds) for arm in asked.arms or ARMS]
    record_missing(
        "short_trainings", wanted, measure, asked.quick, as_table=as_table, jobs=asked.jobs, folder=asked.folder
    )


def measure(arm: str, seed: int, quick: bool) -> Records:
    """Train once."""
    dataset = _dataset(arm)
    own = {**BASES[dataset], **ARMS[arm]} | ({"epochs": 2, "steps_per_epoch": 1} if quick else {})
    asked = {"device": "cpu", "seed": seed, **{f"train.{name}": value for name, value in own.items()}}
    with tempfile.TemporaryDirectory() as scratch:
        started = time.process_time()
        result = dartboard.train(data_root() / dataset, asked, genotype=GENOTYPE, out=Path(scratch) / "run")
        seconds = time.process_time() - started
    steps = min(own["steps_per_epoch"], result.dataset.train // own["batch_size"])
    images = own["epochs"] * steps * own["batch_size"]
    return {
        "arm": arm,
        "seed": seed,
        "accuracy": result.test_accuracy,
        "cpu_seconds": seconds,
        "passes": images / result.dataset.train,
    }


def _dataset(arm: str) -> str:
    return "flowers5" if arm.startswith("flowers") else "cifar10"


def as_table(records: Records) -> str:
    """The records as Markdown."""
    bases = [
        f"On {dataset}: {', '.join(f'{name} {value}' for name, value in base.items())}, and what differs from that."
        for dataset, base in BASES.items()
    ]
    lines = [
        "# Settings of short trainings",
        "",
        f"Printed by `python benchmarks/short_trainings.py` ({records['machine']}, torch {records['torch']}, "
        f"{records['date']}). {GENOTYPE}, one thread a training, preset quick.",
        *bases,
        "Test accuracy in percent, mean ± sample standard deviation over seeds.",
        "",
        "| settings | seeds | test accuracy | passes | seconds of the CPU | what differs |",
        "|---|---|---|---|---|---|",
    ]
    groups: dict[str, list[Records]] = {}
    for run in records["runs"].values():
        groups.setdefault(run["arm"], []).append(run)
    for arm in (name for name in ARMS if name in groups):
        own = groups[arm]
        accuracies = [100 * run["accuracy"] for run in own]
        deviation = f" ± {statistics.stdev(accuracies):.2f}" if len(own) > 1 else ""
        differs = ", ".join(f"{name} {value}" for name, value in ARMS[arm].items()) or "nothing"
        lines.append(
            f"| {arm} | {len(own)} | {statistics.fmean(accuracies):.2f}{deviation} | {own[0]['passes']:.1f} "
            f"| {statistics.fmean(run['cpu_seconds'] for run in own):.0f} | {differs} |"
        )
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
