"""What a search is worth: in equal time, what it finds beside random networks, the best of several, and one by hand.

    python benchmarks/worth.py [--data cifar10 fashion emotions flowers5] [--arms NAME ...] [--seconds 120]
                               [--share 0.25] [--seeds 3] [--space conv-stages] [--jobs 2] [--quick]

Every arm has the same T seconds by the clock, in a process of one thread, for everything from reading the files to the
test; nothing is taken from a cache. They are the budget of `dartboard run`, so networks are as wide and trainings as
long as it plans them, by the recipe of the preset quick:

- `by-hand`: the known good network of the space is trained for all of T.
- `random`: so is a member of the space drawn at random.
- `best-of-4`, `best-of-8`: so many members drawn at random, the same one first, begin their trainings together, and
  the contest of `dartboard run` (successive halving) decides which of them is trained to the end.
- a method of `dartboard methods`: a share of T is for its search, the rest for the training of what it finds. The
  defaults are `single-darts` and `darts`, which have the best cells of all first-order methods in
  `results/collapse.md`; `drnas`, which has the best mean in `results/s2.md`; `gdas`, whose steps cost the least in
  `results/methods.md`; and `rsps`, which draws at random too, with shared weights. Partial channels do not fit the
  space, so `drnas` has none.

By itself `dartboard run` searches from a budget of two hours on. With less than about seven, the rounds of a contest
between eight are shorter than it would hold, so that the best of eight is worth little; the table says how many were.
DARTBOARD_DATA names the folder of the data sets. Time is by the clock, so keep other programs away. What is recorded is
not repeated; `worth.json` and `.md` in `benchmarks/results` are written after each run.
"""

import argparse
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
from dartboard.budget.timing import computes_in_bfloat16
from dartboard.records import RunRecords
from dartboard.space import get_space
from records import Records, conditions, data_root, load, save
from worth_arms import BY_HAND, METHODS, OPTIONS, RIVALS, as_table

DATA = ("cifar10", "fashion", "emotions", "flowers5")
QUICK: Mapping[str, Any] = {
    "data": {"max_train_images": 200, "image_size": 32},
    "search": {"epochs": 3, "steps_per_epoch": 1, "batch_size": 16, "init_channels": 8},
    "train": {"epochs": 3, "steps_per_epoch": 1, "batch_size": 16, "init_channels": 8},
}
"""Lengths in place of a budget, since how long a step takes must not decide whether a test passes."""


def main() -> None:
    """Make the runs asked for that are not recorded yet."""
    asked = _arguments()
    place = {"folder": asked.folder} if asked.folder else {}
    records = load("worth", **place)
    terms = {"space": asked.space, "seconds": asked.seconds, "share": asked.share, "quick": asked.quick}
    if records.setdefault("terms", terms) != terms:
        sys.exit(f"the runs on record are of {records['terms']}, not of {terms}; name another folder with --folder")
    records |= conditions(torch.device("cpu"))
    runs = records.setdefault("runs", {})
    wanted = [(data, arm, seed) for seed in range(asked.seeds) for data in asked.data for arm in asked.arms]
    missing = [each for each in wanted if "/".join(map(str, each)) not in runs]
    # A process for each run: none finds memory, kernels or caches warmed up by another.
    with ProcessPoolExecutor(
        asked.jobs, get_context("spawn"), torch.set_num_threads, (1,), max_tasks_per_child=1
    ) as pool:
        begun = {pool.submit(measure, *each, terms): "/".join(map(str, each)) for each in missing}
        for done in as_completed(begun):
            try:
                runs[begun[done]] = done.result()
            except dartboard.DartboardError as error:
                # The others go on: a budget that is too small for one arm must not cost the hours of the rest.
                print(f"{begun[done]}: {error}", file=sys.stderr)
                continue
            save("worth", records, as_table, **place)
    save("worth", records, as_table, **place)
    print(as_table(records))
    if any(done.exception() for done in begun):
        sys.exit(1)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", nargs="+", default=list(DATA), metavar="NAME", help="data sets")
    parser.add_argument(
        "--arms",
        nargs="+",
        default=[*RIVALS, *METHODS],
        choices=list(dict.fromkeys([*RIVALS, *(method["name"] for method in dartboard.list_methods())])),
        metavar="NAME",
        help=f"of {', '.join(RIVALS)} and the methods",
    )
    parser.add_argument("--seconds", type=float, default=120, help="T, of every run")
    parser.add_argument("--share", type=float, default=0.25, help="of T, for the search of a method")
    parser.add_argument("--seeds", type=int, default=3, help="runs of each arm")
    parser.add_argument("--space", default="conv-stages", help="of all arms")
    parser.add_argument("--jobs", type=int, default=2, help="runs at a time, each with one thread")
    parser.add_argument("--quick", action="store_true", help="a few steps each, to see that everything works")
    parser.add_argument("--folder", type=Path, help="where the results go instead of benchmarks/results")
    asked = parser.parse_args()
    if BY_HAND in asked.arms and get_space(asked.space).known is None:
        parser.error(f"the space {asked.space} has no network by hand; leave {BY_HAND} out of --arms")
    return asked


def measure(data: str, arm: str, seed: int, terms: Records) -> Records:
    """Search as the arm does, train and test once."""
    asked = {
        "device": "cpu",
        "space": terms["space"],
        "seed": seed,
        "baselines": False,
        "contest": False,
        "data.cache": False,
        "train.hold_out": False,
        "train.precision": "bfloat16" if computes_in_bfloat16(torch.device("cpu")) else "float32",
    }
    method = {"name": arm, "options": OPTIONS.get(arm, {})}
    own = RIVALS.get(arm, {"method": method, "search.seconds": terms["share"] * terms["seconds"]})
    layers = (asked, QUICK if terms["quick"] else {"budget": terms["seconds"]}, own)
    with tempfile.TemporaryDirectory() as scratch:
        out, started, worked = Path(scratch) / "run", time.perf_counter(), time.process_time()
        if arm == BY_HAND:
            known = get_space(terms["space"]).known
            assert known is not None
            result = dartboard.train(data_root() / data, *layers, genotype=known, out=out)
        else:
            result = dartboard.run(data_root() / data, *layers, out=out)
        seconds, cpu_seconds = time.perf_counter() - started, time.process_time() - worked
        left = RunRecords(out)
        contest = left.contest
        trained, train = [epoch for epochs in left.train_epochs.values() for epoch in epochs], left.settings["train"]
        return {
            "data": data,
            "arm": arm,
            "seed": seed,
            "accuracy": result.test_accuracy,
            "seconds": seconds,
            "cpu_seconds": cpu_seconds,
            "phases": result.seconds,
            "genotype": result.genotype.text,
            "init_channels": train["init_channels"],
            "precision": train["precision"],
            "passes": sum(epoch.steps for epoch in trained)
            * train["batch_size"]
            / (result.dataset.train + result.dataset.validation),
            "search_steps": sum(epoch.steps for epoch in left.search_epochs),
            "contest": {each.name: each.accuracies for each in contest.contestants} if contest else None,
            "round_seconds": contest.seconds * contest.rounds[0] if contest and contest.seconds is not None else None,
        }


if __name__ == "__main__":
    main()
