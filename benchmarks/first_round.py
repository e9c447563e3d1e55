"""What a search is worth after the first round of the contest, by the time that the rest of a run would need.

    python benchmarks/first_round.py [DATASET ...] [--arms NAME ...] [--budget 60m] [--seeds 0] [--quick]

Each measurement begins `dartboard run DATASET --budget TIME`, with one thread and a search, and ends it when all
contestants have been trained for the first of their equal parts of the time. The network found is then compared with a
random one of its space and with the network by hand, on validation images. A whole run of `worth.py` says more, and
takes ten times as long. Arms are methods of `dartboard methods`; `+member` starts the search at the network by hand.
What is recorded is not repeated; `first_round.json` and `.md` in `benchmarks/results` are written after each run.
"""

import argparse
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from dartboard.records import Contest
from dartboard.runs import RunDirectory, SearchEpoch
from figures import spread
from records import Records, data_root, record_missing

__all__: list[str] = []

DATASETS = ("cifar10", "emotions", "fashion", "flowers5")
ARMS = ("single-darts", "single-darts+member")
MEMBER = "conv-stages-by-hand"
QUICK = ("data.max_train_images=300", "data.image_size=32", "search.epochs=2", "search.steps_per_epoch=1")


def main() -> None:
    """Make the measurements asked for that are not recorded yet."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("datasets", nargs="*", default=DATASETS, metavar="DATASET")
    parser.add_argument("--arms", nargs="+", default=ARMS)
    parser.add_argument("--budget", default="60m")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.add_argument("--quick", action="store_true", help="a few images and steps, to try the program")
    parser.add_argument("--folder", type=Path, help="where the results go instead of benchmarks/results")
    asked = parser.parse_args()
    wanted = [(name, asked.budget, arm, seed) for seed in asked.seeds for arm in asked.arms for name in asked.datasets]
    record_missing("first_round", wanted, measure, asked.quick, as_table=as_table, jobs=1, folder=asked.folder)


def measure(dataset: str, budget: str, arm: str, seed: int, quick: bool) -> Records:
    """The accuracies of all contestants after the first round of a run."""
    method, _, member = arm.partition("+")
    options = ["--budget", budget, "--seed", str(seed), "--method", method, "--contest"]
    options += ["--start-at", MEMBER] if member else []
    options += [part for setting in (QUICK if quick else ()) for part in ("--set", setting)]
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "run"
        command = [sys.executable, "-m", "dartboard", "run", str(data_root() / dataset), *options, "--out", str(out)]
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        with (Path(folder) / "log").open("w") as log:
            running = subprocess.Popen(command, stdout=log, stderr=log, env=environment)
            contest = _first_round(out, running)
            running.send_signal(signal.SIGTERM)
            running.wait()
        if contest is None:
            raise RuntimeError((Path(folder) / "log").read_text()[-2000:])
        epochs = [event for event in RunDirectory(out).events.read() if isinstance(event, SearchEpoch)]
        seconds = sum(event.seconds for event in epochs)
    return {
        "dataset": dataset,
        "arm": arm,
        "budget": budget,
        "seed": seed,
        "search_seconds": seconds,
        "search_steps": sum(event.steps for event in epochs),
        "epoch_seconds": contest.seconds,
        "epochs": contest.rounds[0],
        "images": contest.images,
        "genotypes": {each.name: each.genotype.text for each in contest.contestants},
        "accuracies": {each.name: each.accuracies[0] for each in contest.contestants},
        "worth": contest.worth.model_dump() if contest.worth else None,
    }


def _first_round(out: Path, running: "subprocess.Popen[bytes]") -> Contest | None:
    """The contest once its first round is done; None if the command has ended before."""
    while running.poll() is None:
        contest = Contest.find(out)
        if contest is not None and contest.rounds_done:
            return contest
        time.sleep(1)
    return Contest.find(out) if Contest.exists(out) and Contest.read(out).rounds_done else None


def as_table(records: Records) -> str:
    """The records as Markdown."""
    groups: dict[tuple[str, str, str], list[Records]] = {}
    for run in records["runs"].values():
        groups.setdefault((run["dataset"], run["arm"], run["budget"]), []).append(run)
    lines = [
        "# What a search is worth after the first round of a contest",
        "",
        f"Printed by `python benchmarks/first_round.py` ({records['device']}, torch {records['torch']}, "
        f"{records['date']}; other programs ran beside it). Accuracy on validation images in percent, after every",
        "contestant was trained for the first of its equal parts of the time; mean ± sample standard deviation over",
        "seeds; - where the network found is the network by hand itself.",
        "",
        "| dataset | arm | budget | seeds | steps of search | found | random | network by hand | ResNet "
        "| found minus random | found minus by hand |",
        "|" + "---|" * 11,
    ]
    for (dataset, arm, budget), runs in sorted(groups.items()):
        lines.append(
            f"| {dataset} | {arm} | {budget} | {len(runs)} "
            f"| {statistics.fmean(run['search_steps'] for run in runs):.0f} "
            + "".join(f"| {_accuracy(runs, name)} " for name in ("found", "random", "by-hand", "resnet"))
            + f"| {_difference(runs, 'random')} | {_difference(runs, 'by-hand')} |"
        )
    return "\n".join(lines) + "\n"


def _accuracy(runs: list[Records], name: str) -> str:
    values = [100 * run["accuracies"][name] for run in runs if name in run["accuracies"]]
    return spread(values) if values else "-"


def _difference(runs: list[Records], name: str) -> str:
    known = [run["accuracies"] for run in runs if name in run["accuracies"]]
    return spread([100 * (each["found"] - each[name]) for each in known], "+") if known else "-"


if __name__ == "__main__":
    main()
