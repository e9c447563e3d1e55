"""What a budget buys: planned against actual seconds, and the network trained beside one by hand.

    python benchmarks/budgets.py [digits flowers5 emotions fashion cifar10] [--budgets 2m 10m 30m] [--seeds 0 1 2]
                                 [--one-core | --alone]

Reads the datasets from DARTBOARD_DATA (default ../shared/data) and runs each through the command line as a user would,
with nothing but `--budget` and `--seed`. On CPUs, the network by hand (`by_hand.py`) then trains for as long, on the
same cores and images; with `--one-core` both run at the same time, on one core each. What is recorded is not repeated
(`--again` does); `benchmarks/results/budgets.json` and `.md` are written after each run. All of it takes twice as long
as its budgets add up to, or as long with `--one-core`, or with `--alone`, which leaves out the network by hand.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from dartboard.data import DataSettings, load_dataset
from dartboard.records import RunRecords, Split
from dartboard.wording import duration, parse_duration
from figures import spread, value_range
from records import Records, data_root, load, machine, save

DATASETS = ("digits", "flowers5", "emotions", "fashion", "cifar10")
GRACE = 1.05
"""What a command may take beside its budget: five in a hundred; the last test and the report come on top."""


def main() -> None:
    """Run what is asked for and not recorded yet."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("datasets", nargs="*", metavar="DATASET", help=f"of {', '.join(DATASETS)}; all without any")
    parser.add_argument("--budgets", nargs="+", default=["2m", "10m", "30m"])
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--one-core", action="store_true", help="dartboard and the network by hand at once, pinned")
    how.add_argument("--alone", action="store_true", help="without the network by hand")
    parser.add_argument("--again", action="store_true", help="repeat what is recorded")
    parser.add_argument("--folder", type=Path, help="where the results go instead of benchmarks/results")
    parser.add_argument("--keep", type=Path, help="keep the run directories here")
    asked = parser.parse_args()
    if unknown := [name for name in asked.datasets if name not in DATASETS]:
        sys.exit(f"unknown dataset {unknown[0]}; known: {', '.join(DATASETS)}")
    names = asked.datasets or [name for name in DATASETS if name != "digits" or not asked.one_core]
    if asked.one_core and ("digits" in names or not has_two_cores()):
        sys.exit("--one-core needs two cores, and a dataset in files, so not digits")
    place = {"folder": asked.folder} if asked.folder else {}
    records = load("budgets", **place)
    for seed in asked.seeds:
        for budget in asked.budgets:
            for name in names:
                key = f"{name}/{budget}/{seed}" + ("/one core" if asked.one_core else "")
                if asked.again or key not in records:
                    records[key] = measure(name, budget, seed, asked.keep, one_core=asked.one_core, alone=asked.alone)
                    save("budgets", records, as_table, **place)
    print(as_table(records))


def measure(
    name: str, budget: str, seed: int, keep: Path | None, *, one_core: bool = False, alone: bool = False
) -> Records:
    """One run in a fresh run directory, and the network by hand unless dartboard is to be `alone`."""
    data = [] if name == "digits" else [str(data_root() / name)]
    with tempfile.TemporaryDirectory() as scratch:
        out = (keep or Path(scratch)) / f"{name}-{budget}-{seed}"
        began = datetime.now(UTC)
        by_hand = None
        if one_core:
            told, by_hand = run_both(data[0], budget, seed, out)
        else:
            told = run_dartboard(data, budget, seed, out)
        result, settings = told["result"], json.loads((out / "settings.json").read_text())
        contest, model = RunRecords(out).contest, json.loads((out / "model.json").read_text())
        trained = [event for epochs in RunRecords(out).train_epochs.values() for event in epochs]
        if by_hand is None and not alone and result["device"].startswith("cpu"):
            by_hand = run_by_hand(
                Path(data[0]) if data else _digits(out, Path(scratch)),
                parse_duration(budget),
                seed,
                views=1 if name == "digits" else 2,
            )
    train = settings["train"]
    learned = result["dataset"]["train"] + (0 if train["hold_out"] else result["dataset"]["validation"])
    steps = sum(event.steps for event in trained)
    finalists = result["finalists"] or {"finalists": []}
    return {
        "dataset": name,
        "budget": budget,
        "seed": seed,
        "cores": 1 if one_core else len(_cores()),
        "command": " ".join(
            ["dartboard run", *(f"$DARTBOARD_DATA/{name}" for _ in data), f"--budget {budget} --seed {seed}"]
        ),
        "date": began.date().isoformat(),
        "machine": machine(),
        "device": result["device"],
        "torch": result["versions"]["torch"],
        "command_seconds": round(told["command_seconds"], 1),
        "seconds": result["seconds"],
        "planned": {phase: round(value, 1) for phase, value in result["planned"].items()},
        "accuracy": {"found": result["test_accuracy"]}
        | {each: baseline["test_accuracy"] for each, baseline in result["baselines"].items()}
        | ({"by hand": by_hand["accuracy"]} if by_hand else {}),
        "by_hand": by_hand,
        "intervals": {each: baseline["interval"] for each, baseline in result["baselines"].items()},
        "contest": contest.model_dump(mode="json", by_alias=True) if contest else None,
        "method": result["method"],
        "space": result["space"],
        "genotype": result["genotype"]["text"],
        "shape": result["dataset"]["shape"],
        "parameters": result["parameters"],
        "search": {key: settings["search"][key] for key in ("init_channels", "layers", "epochs", "steps_per_epoch")},
        "train": {key: model[key] for key in ("init_channels", "layers")}
        | {"precision": train["precision"], "epochs": len(trained), "passes": steps * train["batch_size"] / learned},
        "steps": {"found": steps} | {each: baseline["steps"] for each, baseline in result["baselines"].items()},
        "finalists": [each["validation_accuracy"] for each in finalists["finalists"]],
        "chosen": next((each["number"] for each in finalists["finalists"] if each["chosen"]), None),
    }


def run_both(data: str, budget: str, seed: int, out: Path) -> tuple[Records, Records]:
    """What `run_dartboard` and `run_by_hand` give, at the same time, on a core each."""
    first, second = _cores()[:2]
    with ThreadPoolExecutor(1) as beside:
        other = beside.submit(run_by_hand, Path(data), parse_duration(budget), seed, core=second)
        return run_dartboard([data], budget, seed, out, core=first), other.result()


def run_dartboard(data: list[str], budget: str, seed: int, out: Path, core: int | None = None) -> Records:
    """The result of `dartboard run` in a fresh run directory, and the seconds of the whole command.

    The images are read from their files, as by the network by hand, and not from what an earlier run has kept.
    """
    options = ["--budget", budget, "--seed", str(seed), "--out", str(out), "--json"]
    with tempfile.TemporaryDirectory() as cache:
        told, seconds = _timed(["-m", "dartboard", "run", *data, *options], core, DARTBOARD_CACHE=cache)
    return {"result": told, "command_seconds": seconds}


def run_by_hand(data: Path, seconds: float, seed: int, views: int = 2, core: int | None = None) -> Records:
    """What `by_hand.py` prints, and the seconds of the whole command."""
    script = Path(__file__).with_name("by_hand.py")
    options = ["--seconds", str(seconds), "--seed", str(seed), "--views", str(views)]
    told, taken = _timed([str(script), str(data), *options], core)
    return {**told, "command_seconds": round(taken, 1)}


def _timed(arguments: list[str], core: int | None, **variables: str) -> tuple[Records, float]:
    """The JSON that a Python command prints, on one core or on all that this process may use, and its seconds."""
    environment = {**os.environ, **variables}
    prefix = [] if core is None else ["taskset", "--cpu-list", str(core)]
    started = time.perf_counter()
    finished = subprocess.run(
        [*prefix, sys.executable, *arguments], stdout=subprocess.PIPE, text=True, check=True, env=environment
    )
    return json.loads(finished.stdout), time.perf_counter() - started


def has_two_cores() -> bool:
    """Whether two programs can have a core each."""
    return len(_cores()) > 1


def _cores() -> list[int]:
    return sorted(os.sched_getaffinity(0))


def _digits(out: Path, folder: Path) -> Path:
    """A file of the embedded digits: the test images of the run in `out`, and all others to train on."""
    dataset = load_dataset(None, DataSettings())
    tests = np.array(Split.read(out).test)
    images, labels = dataset.train.images, dataset.train.true_labels
    others = np.setdiff1d(np.arange(len(labels)), tests)
    path = folder / "digits.npz"
    np.savez(path, x_train=images[others], y_train=labels[others], x_test=images[tests], y_test=labels[tests])
    return path


def as_table(records: Records) -> str:
    """The records as Markdown."""
    groups: dict[tuple[str, str, int], list[Records]] = {}
    for record in records.values():
        groups.setdefault((record["dataset"], record["budget"], record.get("cores", 2)), []).append(record)
    order = sorted(groups, key=lambda group: (DATASETS.index(group[0]), parse_duration(group[1]), group[2]))
    dates = sorted({record["date"] for record in records.values()})
    places = dict.fromkeys(f"{each['machine']}, {each['device']}, torch {each['torch']}" for each in records.values())
    lines = [
        "# What a budget buys",
        "",
        f"Printed by `python benchmarks/budgets.py` ({'; '.join(places)}; "
        f"{' to '.join(dict.fromkeys((dates[0], dates[-1])))}).",
        "Each run is `dartboard run DATA --budget TIME --seed SEED` and nothing else. The engineer's network",
        "(`benchmarks/by_hand.py`) then has as many seconds on the same cores, all for its training; rows of one core",
        "have both at the same time, on a core each. Test accuracy,",
        "mean ± sample standard deviation over seeds; - where nothing was measured. `trained` is the winner of the",
        "contest, and the last column what the search was worth in it: the network found minus a random one, in points",
        "on validation images after the first round.",
        "",
        "| dataset | budget | cores | seeds | dartboard | engineer | trained | whole command | of the budget | pixels "
        "| channels | passes | found minus random |",
        "|" + "---|" * 13,
    ]
    for dataset, budget, cores in order:
        own = groups[dataset, budget, cores]
        shares = [record["command_seconds"] / parse_duration(budget) for record in own]
        trained = dict.fromkeys(each["contest"]["winner"] if each.get("contest") else "found" for each in own)
        lines.append(
            f"| {dataset} | {budget} | {cores} | {len(own)} | {_percent(own, 'found')} | {_percent(own, 'by hand')} "
            f"| {', '.join(trained)} | {duration(statistics.fmean(each['command_seconds'] for each in own))} "
            f"| {value_range([100 * share for share in shares])}% | {own[0]['shape'][1]} "
            f"| {value_range([each['train']['init_channels'] for each in own])} "
            f"| {value_range([each['train']['passes'] for each in own])} | {_worth(own)} |"
        )
    within = sum(each["command_seconds"] <= GRACE * parse_duration(each["budget"]) for each in records.values())
    lines += ["", f"{within} of {len(records)} commands ended within {GRACE:g} times their budget, report included."]
    if equality := _equality(records):
        equal = value_range(equality)
        lines += [f"Baselines that were trained to the end had {equal}% of the steps of the network found."]
    lines += ["", "Planned and actual seconds by phase:", "", "| run | " + " | ".join(PHASES) + " |"]
    lines += ["|---|" + "---|" * len(PHASES)]
    for record in records.values():
        planned, taken = (
            {FORMERLY.get(phase, phase): seconds for phase, seconds in record[each].items()}
            for each in ("planned", "seconds")
        )
        cells = [f"{planned[each]:.0f}, {taken.get(each, 0.0):.0f}" if each in planned else "-" for each in PHASES]
        lines.append(f"| {_name(record)} | {' | '.join(cells)} |")
    lines += ["", "Architectures trained:", ""]
    lines += [
        f"- {_name(each)} ({each['method']}{_finalists(each)}): `{each['genotype']}`" for each in records.values()
    ]
    return "\n".join(lines) + "\n"


PHASES = ("data", "search", "finalists", "contest", "train", "evaluation", "baselines")
FORMERLY = {"yardsticks": "baselines", "finals": "finalists"}
"""What phases were called in earlier records."""


def _name(record: Records) -> str:
    cores = " on one core" if record.get("cores") == 1 else ""
    return f"{record['dataset']} {record['budget']} seed {record['seed']}{cores}"


def _finalists(record: Records) -> str:
    """Which finalist was taken, and how they did."""
    if record["chosen"] is None:
        return ""
    accuracies = ", ".join(f"{100 * accuracy:.1f}" for accuracy in record["finalists"])
    return f"; finalist {record['chosen']} of validation accuracies {accuracies}"


def _equality(records: Records) -> list[float]:
    """Steps of the baselines in hundredths of those of the network found."""
    counts = [record["steps"] for record in records.values() if "steps" in record]
    return [100 * steps / each["found"] for each in counts for name, steps in each.items() if name != "found"]


def _worth(records: list[Records]) -> str:
    """What the searches were worth in their contests, in points."""
    contests = [record["contest"] for record in records if record.get("contest")]
    points = [100 * contest["worth"]["difference"] for contest in contests if contest["worth"]]
    return spread(points, "+") if points else "-"


def _percent(records: list[Records], network: str) -> str:
    found = [100 * record["accuracy"][network] for record in records if network in record["accuracy"]]
    return spread(found) if found else "-"


if __name__ == "__main__":
    main()
