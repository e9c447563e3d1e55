"""The law of accuracy against width and passes: how often a network of some width should see every image.

    python benchmarks/law.py [--data cifar10 fashion emotions flowers5] [--widths 16 32 64] [--seeds 1] [--jobs 2]
                             [--quick]

Trains `conv-stages-by-hand` by the recipe of the preset quick, one thread each, and takes the error on the held-out
tenth of the training images; test images have no part in it. To the errors of a data set is fitted

    error(width, passes) = floor + a (width / 32)^-alpha + b (passes / usual)^-beta

with alpha and beta common to all data sets. A step takes time in proportion to (width / 32)^kappa, so that in a given
time the error is least where alpha a (width / 32)^-alpha = kappa beta b (passes / usual)^-beta: a network of 32
channels then sees every image usual * (kappa beta b / (alpha a))^(1 / beta) times, and a wider one more often by
(width / 32)^(alpha / beta). The table shows beside it what the planner wants (`wanted_passes`), which is not fitted to
it yet. DARTBOARD_DATA names the folder of the data sets. What is recorded is not repeated; `law.json` and `.md` in
`benchmarks/results` are written after each training.
"""

import argparse
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import dartboard
from dartboard.records import RunRecords
from law_fit import GENOTYPE, PASSES, as_table
from records import Records, data_root, record_missing

SETTINGS: Mapping[str, Mapping[str, Any]] = {
    "cifar10": {"train.augment.crop_padding": 2},
    "fashion": {"train.augment.crop_padding": 2},
    "emotions": {"train.augment.crop_padding": 3, "train.augment.flip": "alternating", "train.views": "mirrored"},
    "flowers5": {"data.image_size": 96, "train.augment.crop_padding": 6, "train.augment.min_scale": 1.0},
}
"""Data set -> what a run with a budget chooses beside the preset."""


def main() -> None:
    """Run the trainings asked for that are not recorded yet."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", nargs="+", default=list(PASSES), choices=list(PASSES), metavar="NAME")
    parser.add_argument("--widths", nargs="+", type=int, default=[16, 32, 64], help="channels of the first stage")
    parser.add_argument("--seeds", type=int, default=1, help="trainings of each kind")
    parser.add_argument("--jobs", type=int, default=2, help="trainings at a time, each with one thread")
    parser.add_argument("--quick", action="store_true", help="a step each, to see that everything works")
    parser.add_argument("--folder", type=Path, help="where the results go instead of benchmarks/results")
    asked = parser.parse_args()
    wanted = [
        (data, width, PASSES[data][number], seed)
        for seed in range(asked.seeds)
        for number in range(3)
        for width in asked.widths
        for data in asked.data
    ]
    record_missing("law", wanted, measure, asked.quick, as_table=as_table, jobs=asked.jobs, folder=asked.folder)


def measure(data: str, width: int, passes: int, seed: int, quick: bool) -> Records:
    """Train once."""
    asked = {
        "device": "cpu",
        "space": "conv-stages",
        "seed": seed,
        "train.init_channels": width,
        "train.epochs": passes,
        "train.precision": "bfloat16",
        **SETTINGS[data],
        **({"data.max_train_images": 2000, "train.epochs": 1, "train.steps_per_epoch": 1} if quick else {}),
    }
    with tempfile.TemporaryDirectory() as scratch:
        started = time.process_time()
        result = dartboard.train(data_root() / data, asked, genotype=GENOTYPE, out=Path(scratch) / "run")
        seconds = time.process_time() - started
        epochs = [epoch for own in RunRecords(Path(scratch) / "run").train_epochs.values() for epoch in own]
    accuracy = epochs[-1].validation_accuracy
    assert accuracy is not None
    assert result.test_accuracy is not None
    return {
        "data": data,
        "width": width,
        "passes": passes,
        "seed": seed,
        "error": 1 - accuracy,
        "test_error": 1 - result.test_accuracy,
        "images": {"train": result.dataset.train, "validation": result.dataset.validation},
        "cpu_seconds": seconds,
        "steps": sum(epoch.steps for epoch in epochs),
    }


if __name__ == "__main__":
    main()
