"""The textbook collapse: skip connections against separable convolutions, chosen by alpha and by perturbation.

    python benchmarks/s2.py [ARM ...] [--seeds 3] [--quick]

Searches the space S2 of RobustDARTS (robust-s2) on CIFAR-10 at reduced scale, every arm with the same images, seeds and
steps. Each supernet is read twice, by the largest gates and by what it misses most (`dartboard select`), and both cells
are trained for a short time; DARTBOARD_DATA names the folder of CIFAR-10. What is recorded is not repeated while its
settings are the same; `benchmarks/results/s2.json` and `.md` are written after each search. Arms whose method is not
registered are left out with a note.
"""

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

import dartboard
from dartboard.errors import CheckpointError
from records import Records, conditions, data_root, load, save

ARMS = ("darts", "darts-pt", "drnas", "sgas", "robust-darts")
"""Methods, with their own options."""

READINGS = {"alpha": "strongest", "perturbation": "perturbation"}
"""Column of the table -> selection."""

SCALE: Mapping[str, Any] = {
    "search": {
        "epochs": 20,
        "steps_per_epoch": 20,
        "batch_size": 32,
        "init_channels": 8,
        "layers": 3,
        "weight_lr": 0.025,
        "weight_lr_min": 0.001,
        "alpha_lr_factor": 20.0,
        "validation_images": 256,
        "grad_clip": 5.0,
    },
    "data": {"max_train_images": 4000},
    "train": {
        "epochs": 8,
        "batch_size": 64,
        "init_channels": 8,
        "layers": 3,
        "drop_path": 0.0,
        "auxiliary_weight": 0.0,
    },
    "selecting": {"epochs": 10},
}
"""The same for all arms: what a paper sets for its weights does not count here."""

QUICK: Mapping[str, Any] = {
    "search": {**SCALE["search"], "epochs": 2, "steps_per_epoch": 1, "init_channels": 4, "validation_images": 32},
    "data": {"max_train_images": 200},
    "train": {**SCALE["train"], "epochs": 1, "init_channels": 4},
    "selecting": {"epochs": 1},
}

SKIP = "skip_connect"
EDGES = 16


def main() -> None:
    """Run the searches asked for that are not recorded yet."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("arms", nargs="*", metavar="ARM", help=f"one of {', '.join(ARMS)}; all without any")
    parser.add_argument("--seeds", type=int, default=3, help="searches of each arm")
    parser.add_argument("--quick", action="store_true", help="tiny searches, to see that everything works")
    parser.add_argument("--folder", type=Path, help="where the results go instead of benchmarks/results")
    asked = parser.parse_args()
    if unknown := [name for name in asked.arms if name not in ARMS]:
        sys.exit(f"unknown arm {unknown[0]}; known: {', '.join(ARMS)}")
    folder, settings = {"folder": asked.folder} if asked.folder else {}, dict(QUICK if asked.quick else SCALE)
    records = load("s2", **folder)
    if records.get("settings") != settings:
        records = {}
    records |= {**conditions(torch.device("cpu")), "settings": settings, "what": _what(settings)}
    runs = records.setdefault("runs", {})
    for seed in range(asked.seeds):
        for name in _registered(asked.arms or ARMS):
            if f"{name}/{seed}" not in runs:
                runs[f"{name}/{seed}"] = measure(name, seed, settings)
                _save(records, **folder)
    _save(records, **folder)
    print(as_table(records))


def _save(records: Records, **folder: Path) -> None:
    runs = records["runs"]
    records["arms"] = {arm: summarize(runs, arm) for arm in ARMS if f"{arm}/0" in runs}
    save("s2", records, as_table, **folder)


def _registered(arms: list[str] | tuple[str, ...]) -> list[str]:
    known = {entry["name"] for entry in dartboard.list_methods()}
    for name in arms:
        if name not in known:
            print(f"note: the method {name} is not registered; its arm is left out.", file=sys.stderr)
    return [name for name in arms if name in known]


def measure(name: str, seed: int, settings: Mapping[str, Any]) -> Records:
    """Search once, read the supernet in both ways, and train both cells.

    A supernet whose edges were decided during the search cannot be asked again what it misses: where that was not the
    method's own way, its perturbation is null.
    """
    asked = {
        "space": "robust-s2",
        "preset": "darts-cifar",
        "method": {"name": name},
        "seed": seed,
        "device": "cpu",
        **{part: settings[part] for part in ("search", "data", "train")},
    }
    with tempfile.TemporaryDirectory() as scratch:
        started = time.perf_counter()
        run = Path(scratch) / "run"
        own = dartboard.search(data_root() / "cifar10", asked, out=run)
        record: Records = {"seconds": time.perf_counter() - started, "genotype": own.genotype.text}
        for column, selection in READINGS.items():
            read = own
            if selection == "perturbation" and name != "darts-pt":
                try:
                    read = dartboard.select(run, selection, settings["selecting"])
                except CheckpointError:
                    record[column] = None
                    continue
            elif selection == "strongest" and name == "darts-pt":
                read = dartboard.select(run, selection)
            trained = dartboard.train(
                data_root() / "cifar10", {**asked, "method": "darts"}, genotype=read.path, out=Path(scratch) / column
            )
            record[column] = {
                "genotype": read.genotype.text,
                "skips": read.genotype.text.count(SKIP),
                "accuracy": trained.test_accuracy,
            }
    return record


def summarize(runs: Mapping[str, Records], arm: str) -> Records:
    """Means and sample standard deviations over the seeds of an arm; null where nothing could be read."""
    own = [run for name, run in runs.items() if name.rpartition("/")[0] == arm]
    summary: Records = {"seeds": len(own), "seconds_mean": statistics.fmean(run["seconds"] for run in own)}
    for column in READINGS:
        for figure in ("skips", "accuracy"):
            values = [run[column][figure] for run in own if run[column] is not None]
            spread = statistics.stdev(values) if len(values) > 1 else None
            summary[f"{column}_{figure}"] = [statistics.fmean(values), spread] if values else None
    return summary


def as_table(records: Records) -> str:
    """The records as Markdown."""
    lines = [
        "# Skip connections in S2",
        "",
        f"Printed by `python benchmarks/s2.py` (torch {records['torch']}, {records['date']}), searched in several "
        "sittings.",
        records["what"],
        "Mean ± sample standard deviation over seeds; test accuracy after the short training.",
        "",
        f"| arm | seeds | skips of {EDGES} by alpha | by perturbation | accuracy by alpha | by perturbation |",
        "|---|---|---|---|---|---|",
    ]
    for arm, summary in records.get("arms", {}).items():
        figures = [
            _figure(summary[f"{column}_{figure}"], digits)
            for figure, digits in (("skips", 1), ("accuracy", 3))
            for column in READINGS
        ]
        lines.append(f"| {arm} | {summary['seeds']} | {' | '.join(figures)} |")
    return "\n".join([*lines, *_conclusion(records.get("runs", {}))]) + "\n"


def _conclusion(runs: Mapping[str, Records]) -> list[str]:
    """What the two readings of the same supernets differ by, and whether skip connections go with accuracy."""
    pairs = [(run["alpha"], run["perturbation"]) for run in runs.values() if run["perturbation"] is not None]
    cells = [run[column] for run in runs.values() for column in READINGS if run[column] is not None]
    if len(pairs) < 2 or len({cell["skips"] for cell in cells}) < 2 or len({cell["accuracy"] for cell in cells}) < 2:
        return []
    skips, points = (
        [scale * (alpha[figure] - perturbation[figure]) for alpha, perturbation in pairs]
        for figure, scale in (("skips", 1), ("accuracy", 100))
    )
    ahead = sum(each > 0 for each in points)
    correlation = statistics.correlation([cell["skips"] for cell in cells], [cell["accuracy"] for cell in cells])
    return [
        "",
        f"The same {len(pairs)} supernets read in both ways: by alpha {statistics.fmean(skips):+.1f} ± "
        f"{statistics.stdev(skips):.1f} skip connections and {statistics.fmean(points):+.1f} ± "
        f"{statistics.stdev(points):.1f} points of accuracy; the cell by alpha is ahead in {ahead}, and has fewer skip "
        f"connections in {sum(each < 0 for each in skips)}.",
        f"Alpha takes {statistics.fmean(run['alpha']['skips'] for run in runs.values()):.1f} of {EDGES} in the mean of "
        f"all {len(runs)} searches.",
        f"Over all {len(cells)} cells, skip connections and accuracy correlate by {correlation:+.2f}.",
    ]


def _figure(found: list[float | None] | None, digits: int) -> str:
    if found is None:
        return "-"
    mean, spread = found
    return f"{mean:.{digits}f}" + (f" ± {spread:.{digits}f}" if spread is not None else "")


def _what(settings: Mapping[str, Any]) -> str:
    search, train = settings["search"], settings["train"]
    return (
        f"Space robust-s2 on {settings['data']['max_train_images']:,} images of CIFAR-10: {search['epochs']} epochs of "
        f"{search['steps_per_epoch']} steps, batches of {search['batch_size']}, {search['init_channels']} channels, "
        f"{search['layers']} cells, alpha {search['alpha_lr_factor']:g} times as fast as in the papers; "
        f"{settings['selecting']['epochs']} further epochs for perturbation; cells trained {train['epochs']} epochs."
    )


if __name__ == "__main__":
    main()
