"""What each ingredient of the recipe for short trainings is worth: the network by hand without it.

    python benchmarks/ingredients.py [--data cifar10 emotions] [--arms NAME ...] [--seeds 3] [--passes 4] [--quick]

Every arm trains `conv-stages-by-hand` for as many passes, one thread each, with the recipe of the preset quick less or
plus one ingredient. DARTBOARD_DATA names the folder of the data sets. What is recorded is not repeated;
`ingredients.json` and `.md` in `benchmarks/results` are written after each training.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import dartboard
from records import Records, data_root, record_missing

GENOTYPE = "conv-stages-by-hand"
BASE: Mapping[str, Any] = {
    "init_channels": 32,
    "hold_out": False,
    "augment.flip": "alternating",
    "augment.crop_padding": 2,
    "views": "mirrored",
    "precision": "bfloat16",
}
ARMS: Mapping[str, dict[str, Any]] = {
    "all": {},
    "conv stem": {"whiten": False},
    "random start": {"identity_start": False},
    "usual rate of shifts": {"norm_shift_rate": 1.0},
    "learned scales": {"norm_scale": "learned"},
    "slow statistics": {"norm_momentum": 0.1},
    "last weights": {"average": "none"},
    "ema": {"average": "ema"},
    "random sides": {"augment.flip": True},
    "one view": {"views": "one"},
    "black border": {"augment.border": "black"},
    "no crop": {"augment.crop_padding": 0},
    "crop of 4": {"augment.crop_padding": 4},
    "cutout of 12": {"augment.cutout": 12},
    "one-cycle": {"schedule": "one-cycle", "lr_min": 0.0},
    "hard labels": {"label_smoothing": 0.0},
    "decoupled decay": {"decoupled_decay": True},
    "sgd": {"optimizer": "sgd"},
    "muon at twice its rate": {"muon_lr": 0.24},
    "muon at half its rate": {"muon_lr": 0.06},
    "whole images": {"progressive_resizing": False},
    "validation held out": {"hold_out": True},
    "float32": {"precision": "float32"},
}
"""Name -> what differs from the whole recipe."""


def main() -> None:
    """Run the trainings asked for that are not recorded yet."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", nargs="+", default=["cifar10", "emotions"], metavar="NAME", help="data sets")
    parser.add_argument("--arms", nargs="+", default=list(ARMS), choices=list(ARMS), metavar="NAME", help="of the arms")
    parser.add_argument("--seeds", type=int, default=3, help="trainings of each arm")
    parser.add_argument("--passes", type=int, default=4, help="passes over the images")
    parser.add_argument("--jobs", type=int, default=2, help="trainings at a time, each with one thread")
    parser.add_argument("--quick", action="store_true", help="two steps each, to see that everything works")
    parser.add_argument("--folder", type=Path, help="where the results go instead of benchmarks/results")
    asked = parser.parse_args()
    wanted = [(data, arm, seed) for seed in range(asked.seeds) for arm in asked.arms for data in asked.data]
    record_missing(
        "ingredients",
        wanted,
        measure,
        asked.passes,
        asked.quick,
        as_table=as_table,
        jobs=asked.jobs,
        folder=asked.folder,
    )


def measure(data: str, arm: str, seed: int, passes: int, quick: bool) -> Records:
    """Train once."""
    own = {**BASE, "epochs": passes, **ARMS[arm]} | ({"epochs": 1, "steps_per_epoch": 1} if quick else {})
    asked = {
        "device": "cpu",
        "space": "conv-stages",
        "seed": seed,
        **({"data.max_train_images": 2000} if quick else {}),
        **{f"train.{name}": value for name, value in own.items()},
    }
    with tempfile.TemporaryDirectory() as scratch:
        started = time.process_time()
        result = dartboard.train(data_root() / data, asked, genotype=GENOTYPE, out=Path(scratch) / "run")
        seconds = time.process_time() - started
    return {
        "data": data,
        "arm": arm,
        "seed": seed,
        "accuracy": result.test_accuracy,
        "passes": own["epochs"],
        "cpu_seconds": seconds,
    }


def as_table(records: Records) -> str:
    """The records as Markdown."""
    runs = list(records["runs"].values())
    names = list(dict.fromkeys(run["data"] for run in runs))
    lines = [
        "# What the ingredients of a short training are worth",
        "",
        f"Printed by `python benchmarks/ingredients.py` ({records['machine']}, torch {records['torch']}, "
        f"{records['date']}). {GENOTYPE} of {BASE['init_channels']} channels, {max(run['passes'] for run in runs)} "
        "passes, one thread a training; each row differs from the whole recipe of the preset quick in one ingredient.",
        "Test accuracy in percent, mean ± sample standard deviation over seeds, and what it is more than `all`.",
        "",
        "| ingredient | " + " | ".join(f"{name} | more | seeds | CPU seconds" for name in names) + " |",
        "|" + "---|" * (1 + 4 * len(names)),
    ]
    groups = {
        (arm, name): [run for run in runs if (run["arm"], run["data"]) == (arm, name)] for arm in ARMS for name in names
    }
    for arm in ARMS:
        if not any(groups[arm, name] for name in names):
            continue
        cells = " | ".join(_cells(groups[arm, name], groups["all", name]) for name in names)
        lines.append(f"| {arm} | {cells} |")
    return "\n".join(lines) + "\n"


def _cells(own: list[Records], whole: list[Records]) -> str:
    if not own:
        return "- | - | - | -"
    accuracies = [100 * run["accuracy"] for run in own]
    deviation = f" ± {statistics.stdev(accuracies):.2f}" if len(own) > 1 else ""
    # Only seeds that both have are compared.
    of_whole = {run["seed"]: 100 * run["accuracy"] for run in whole}
    differences = [100 * run["accuracy"] - of_whole[run["seed"]] for run in own if run["seed"] in of_whole]
    more = f"{statistics.fmean(differences):+.2f}" if differences else "-"
    seconds = statistics.fmean(run["cpu_seconds"] for run in own)
    return f"{statistics.fmean(accuracies):.2f}{deviation} | {more} | {len(own)} | {seconds:.0f}"


if __name__ == "__main__":
    main()
