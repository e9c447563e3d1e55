"""What a training gains if it begins with the weights of the search, in as many steps as from drawn weights.

    python benchmarks/inherited.py [--data cifar10 emotions] [--spaces NAME ...] [--seeds 5] [--passes 4 16] [--quick]

Every search is made once; then each arm trains the network found, as wide and as deep as the supernet, for as many
passes. So all arms of a row take the same total time, but for measuring the statistics of batch norms. One thread each.
DARTBOARD_DATA names the folder of the data sets. What is recorded is not repeated; `inherited.json` and `.md` in
`benchmarks/results` are written after each search and its trainings.
"""

import argparse
import json
import math
import shutil
import statistics
import tempfile
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import torch

import dartboard
from dartboard.space import get_space
from records import Records, conditions, data_root, load, save

ARMS: Mapping[str, dict[str, Any]] = {
    "fresh": {},
    "supernet": {"start": "supernet"},
    "supernet, shrunk": {"start": "supernet", "shrink": 0.6},
    "fresh, half the rate": {"rate": 0.5},
    "supernet, half the rate": {"start": "supernet", "rate": 0.5},
    "supernet, shrunk, half the rate": {"start": "supernet", "shrink": 0.6, "rate": 0.5},
}
"""Name -> settings of the training that differ from the recipe of the preset quick; `rate` multiplies its rates."""

SPACES = ("nas-bench-201", "conv-stages")


def main() -> None:
    """Make the searches and trainings asked for that are not recorded yet."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", nargs="+", default=["cifar10", "emotions"], metavar="NAME", help="data sets")
    parser.add_argument("--spaces", nargs="+", default=list(SPACES), metavar="NAME", help="search spaces")
    parser.add_argument("--method", default="single-darts", help="of the searches")
    parser.add_argument("--arms", nargs="+", default=list(ARMS), choices=list(ARMS), metavar="NAME", help="of the arms")
    parser.add_argument("--seeds", type=int, default=5, help="searches, each with all trainings")
    parser.add_argument("--passes", type=int, nargs="+", default=[4, 16], help="passes of a training over the images")
    parser.add_argument("--jobs", type=int, default=2, help="searches or trainings at a time, each with one thread")
    parser.add_argument("--quick", action="store_true", help="a step each, to see that everything works")
    parser.add_argument("--folder", type=Path, help="where the results go instead of benchmarks/results")
    asked = parser.parse_args()
    place = {"folder": asked.folder} if asked.folder else {}
    records = load("inherited", **place)
    records |= conditions(torch.device("cpu"))
    runs = records.setdefault("runs", {})
    cells = [
        (data, space, asked.method, seed)
        for seed in range(asked.seeds)
        for space in asked.spaces
        for data in asked.data
    ]
    wanted = {cell: [(arm, passes) for passes in asked.passes for arm in asked.arms] for cell in cells}
    missing = {
        cell: [each for each in trainings if name_of(*cell, *each) not in runs] for cell, trainings in wanted.items()
    }
    with ProcessPoolExecutor(asked.jobs, get_context("spawn"), torch.set_num_threads, (1,)) as pool:
        begun = [
            pool.submit(measure, *cell, trainings, asked.quick) for cell, trainings in missing.items() if trainings
        ]
        for done in as_completed(begun):
            runs |= done.result()
            save("inherited", records, as_table, **place)
    save("inherited", records, as_table, **place)
    print(as_table(records))


def name_of(data: str, space: str, method: str, seed: int, arm: str, passes: int) -> str:
    """The name of a training among the records."""
    return f"{data}/{space}/{method}/{arm}/{passes}/{seed}"


def measure(
    data: str, space: str, method: str, seed: int, trainings: Sequence[tuple[str, int]], quick: bool
) -> dict[str, Records]:
    """Search once, and train what is found by each of these (arm, passes); the records by name."""
    channels, layers = get_space(space).small_size
    size = {"init_channels": channels, "layers": layers}
    asked: dict[str, Any] = {
        "device": "cpu",
        "space": space,
        "method": method,
        "seed": seed,
        "baselines": False,
        "search": {**size, **({"epochs": 1, "steps_per_epoch": 1} if quick else {})},
        "train": {**size, "whiten": False, "hold_out": False, **({"steps_per_epoch": 1} if quick else {})},
        **({"data.max_train_images": 200} if quick else {}),
    }
    source = data if data == "digits" else data_root() / data
    found = {}
    with tempfile.TemporaryDirectory() as scratch:
        searched = Path(scratch) / "search"
        started = time.process_time()
        dartboard.search(source, asked, out=searched)
        search_seconds = time.process_time() - started
        for arm, passes in trainings:
            own = changes(searched, arm) | {"epochs": 1 if quick else passes}
            folder = adopted(searched, own)
            started = time.process_time()
            result = dartboard.run(
                source, asked, {f"train.{name}": value for name, value in own.items()}, out=folder, resume=True
            )
            found[name_of(data, space, method, seed, arm, passes)] = {
                "data": data,
                "space": space,
                "method": method,
                "arm": arm,
                "seed": seed,
                "passes": passes,
                "genotype": result.genotype.text,
                "accuracy": result.test_accuracy,
                "search_cpu_seconds": search_seconds,
                "train_cpu_seconds": time.process_time() - started,
            }
            shutil.rmtree(folder)
    return found


def changes(searched: Path, arm: str) -> dict[str, Any]:
    """The settings of the training that an arm changes, with the rates of the recipe multiplied by its `rate`."""
    own = dict(ARMS[arm])
    rate, recipe = own.pop("rate", 1.0), settings_of(searched)["train"]
    return own | {name: rate * recipe[name] for name in ("lr", "lr_min")}


def adopted(searched: Path, own: Mapping[str, Any]) -> Path:
    """A copy of the run directory of a search, for a run that goes on with other settings of the training."""
    folder = searched.with_name("run")
    shutil.copytree(searched, folder)
    settings = settings_of(searched)
    settings["train"] |= own
    (folder / "settings.json").write_text(json.dumps(settings))
    return folder


def settings_of(run: Path) -> dict[str, Any]:
    """The settings of a run."""
    settings: dict[str, Any] = json.loads((run / "settings.json").read_text())
    return settings


def as_table(records: Records) -> str:
    """The records as Markdown."""
    runs = list(records["runs"].values())
    lines = [
        "# What a training gains from the weights of the search",
        "",
        f"Printed by `python benchmarks/inherited.py` ({records['machine']}, torch {records['torch']}, "
        f"{records['date']}). The network found is as wide and as deep as the supernet (the small size of its space), "
        "and is trained by the recipe of the preset quick, without whitening and with all images. The arms of one row "
        "go on from the same search.",
        "Test accuracy in percent, mean ± sample standard deviation over seeds; more than `fresh` on the same seeds, "
        "mean ± standard error; CPU seconds of search + training with its test.",
        "",
        "| data | space | method | passes | start | accuracy | more | seeds | CPU seconds |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    keys = ("data", "space", "method", "passes")
    for row in sorted({tuple(run[key] for key in keys) for run in runs}):
        of_row = [run for run in runs if tuple(run[key] for key in keys) == row]
        for arm in ARMS:
            own = [run for run in of_row if run["arm"] == arm]
            if own:
                drawn = [run for run in of_row if run["arm"] == "fresh"]
                lines.append(f"| {' | '.join(map(str, row))} | {arm} | {_cells(own, drawn)} |")
    return "\n".join(lines) + "\n"


def _cells(own: list[Records], drawn: list[Records]) -> str:
    accuracies = [100 * run["accuracy"] for run in own]
    deviation = f" ± {statistics.stdev(accuracies):.2f}" if len(own) > 1 else ""
    by_seed = {run["seed"]: 100 * run["accuracy"] for run in drawn}
    differences = [100 * run["accuracy"] - by_seed[run["seed"]] for run in own if run["seed"] in by_seed]
    more = f"{statistics.fmean(differences):+.2f}" if differences else "-"
    if len(differences) > 1:
        more += f" ± {statistics.stdev(differences) / math.sqrt(len(differences)):.2f}"
    search, train = (statistics.fmean(run[f"{name}_cpu_seconds"] for run in own) for name in ("search", "train"))
    return f"{statistics.fmean(accuracies):.2f}{deviation} | {more} | {len(own)} | {search:.0f} + {train:.0f}"


if __name__ == "__main__":
    main()
