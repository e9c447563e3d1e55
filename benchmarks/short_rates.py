"""What learning rate of alpha short searches should have, by method and by both tables of NAS-Bench-201.

    python benchmarks/short_rates.py [METHOD ...] [--seeds 3] [--rates by-length,times-40] [--jobs 1] [--quick]

Searches CIFAR-10 in the NAS-Bench-201 space with every method that fits it and has an alpha, at several rates of alpha,
everything else the same, and looks the cells up in the tables of the 12-epoch and of the 200-epoch schedule, which are
never mixed. DARTBOARD_DATA names the folder that holds CIFAR-10 and the tables. Each search has one thread. What is
recorded is not repeated; `short_rates.json` and `.md` in `benchmarks/results` are written after each search.

A rate is to be chosen by the accuracy on the validation images, of the supernet and in the table, not by that on the
test images.
"""

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import dartboard
import dartboard.methods
from dartboard.engine.rates import alpha_rate
from dartboard.estimate import find_table
from dartboard.parts.fits import does_fit
from dartboard.parts.recipe import METHODS, make_recipe
from dartboard.records import RunRecords
from dartboard.session.search import search_recipe
from dartboard.settings import RunSettings, resolve_settings
from dartboard.space import get_space
from records import Records, data_root, record_missing

SPACE = "nas-bench-201"

SEARCH: Mapping[str, Any] = {
    "epochs": 15,
    "steps_per_epoch": 20,
    "batch_size": 16,
    "init_channels": 4,
    "layers": 1,
    "weight_lr": 0.025,
    "weight_lr_min": 0.001,
    "weight_decay": 3e-4,
    "validation_images": 500,
}
"""The same for all: what a paper sets for its weights does not count here."""

QUICK: Mapping[str, Any] = {**SEARCH, "epochs": 3, "steps_per_epoch": 1}

RATES: Mapping[str, float | None] = {
    "by-length": None,
    "times-40": 40.0,
    "published": 1.0,
    "times-10": 10.0,
}
"""Name -> `search.alpha_lr_factor`: the rule for the number of steps, or a factor for the rate of the paper."""

FIRST = (
    *("darts", "single-darts", "fair-darts", "gaea", "pc-darts"),
    *("enas", "drnas", "gdas", "beta-darts", "darts-minus"),
)
"""Methods that are searched first."""

TABLES: Mapping[int, tuple[str, ...]] = {12: ("cifar10_val", "cifar10_test"), 200: ("cifar10_test",)}
"""Epochs of the schedule -> columns of its table."""

SKIP = "skip_connect"


def main() -> None:
    """Run the searches asked for that are not recorded yet."""
    known = methods()
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("methods", nargs="*", metavar="METHOD", help=f"of {', '.join(known)}; all without any")
    parser.add_argument("--seeds", type=int, default=3, help="searches of each method at each rate")
    parser.add_argument("--rates", default=",".join(RATES), help="names of rates, separated by commas")
    parser.add_argument("--jobs", type=int, default=1, help="searches at a time, each with one thread")
    parser.add_argument("--quick", action="store_true", help="tiny searches, to see that everything works")
    parser.add_argument("--folder", type=Path, help="where the results go instead of benchmarks/results")
    asked = parser.parse_args()
    names = asked.rates.split(",")
    if unknown := [name for name in (*asked.methods, *names) if name not in (*known, *RATES)]:
        sys.exit(f"unknown method or rate {unknown[0]}; known: {', '.join((*known, *RATES))}")
    os.environ["DARTBOARD_DATA"] = str(data_root())  # where the tables are looked for
    wanted = [
        (method, name, seed)
        for seed in range(asked.seeds)
        for method in asked.methods or known
        for name in distinct(method, names)
    ]
    record_missing("short_rates", wanted, measure, asked.quick, as_table=as_table, jobs=asked.jobs, folder=asked.folder)


def methods() -> list[str]:
    """Every method with an alpha that fits the space, the most important ones first."""
    fitting = [
        entry.name
        for entry in METHODS
        if does_fit(recipe := make_recipe(entry.name, {}), get_space(SPACE))
        and any(stage.recipe.update for stage in recipe.stages)
    ]
    return [*FIRST, *(name for name in fitting if name not in FIRST)]


def settings(method: str, rate: str, seed: int = 0, *, quick: bool = False) -> RunSettings:
    """The settings of one search."""
    search = {**(QUICK if quick else SEARCH), "alpha_lr_factor": RATES[rate]}
    return resolve_settings(
        {"space": SPACE, "preset": "darts-cifar", "method": method, "seed": seed, "device": "cpu", "search": search}
    )


def rate_of(method: str, rate: str) -> float:
    """The learning rate of alpha in the first stage that has one."""
    chosen = settings(method, rate)
    stages = search_recipe(chosen).stages
    found = (
        alpha_rate(stage.recipe, chosen.search.alpha_lr_factor, round(stage.share * SEARCH["epochs"]), 20)
        for stage in stages
    )
    return next(each.rate for each in found if each)


def distinct(method: str, names: Sequence[str]) -> list[str]:
    """The rates that differ from those named before them; rates of other kinds stay as published."""
    seen: dict[float, str] = {}
    for name in names:
        seen.setdefault(round(rate_of(method, name), 9), name)
    return list(seen.values())


def measure(method: str, rate: str, seed: int, quick: bool) -> Records:
    """Search once."""
    with tempfile.TemporaryDirectory() as scratch:
        started = time.process_time()
        asked = settings(method, rate, seed, quick=quick).model_dump(mode="json")
        dartboard.search(data_root() / "cifar10", asked, out=Path(scratch) / "run")
        seconds = time.process_time() - started
        left = RunRecords(Path(scratch) / "run")
        found, epochs, begun = left.genotype, left.search_epochs, left.beginning
    assert found is not None
    assert begun is not None
    return {
        "method": method,
        "rate": rate,
        "seed": seed,
        "alpha_lr": [each.rate for each in begun.alpha_rates],
        "alpha_steps": [each.steps for each in begun.alpha_rates],
        "genotype": found.to_text(),
        "skips": found.operation_counts.get(SKIP, 0),
        "supernet_validation": epochs[-1].validation_accuracy,
        "largest_gate": max(max(row) for rows in epochs[-1].gates.values() for row in rows),
        "smallest_gate": min(min(row) for rows in epochs[-1].gates.values() for row in rows),
        "tables": {
            f"{schedule}/{column}": [table.accuracy(found, column), table.percentile(found, column)]
            for schedule, columns in TABLES.items()
            for table in [find_table(schedule)]
            for column in columns
        },
        "cpu_seconds": seconds,
    }


def as_table(records: Records) -> str:
    """The records as Markdown."""
    lines = [
        "# Rates of alpha in short searches",
        "",
        f"Printed by `python benchmarks/short_rates.py` ({records['machine']}, torch {records['torch']}, "
        f"{records['date']}). NAS-Bench-201 space on CIFAR-10: {SEARCH['epochs']} epochs of {SEARCH['steps_per_epoch']}"
        f" steps, batches of {SEARCH['batch_size']}, {SEARCH['init_channels']} channels, {SEARCH['layers']} cell a "
        "stage, one thread a search.",
        "Rate: `by-length` is the rule for the number of steps; the others are the paper's rate, and multiples of it; "
        "a rate equal to one above it is left out.",
        "Percentile: how many in a hundred of all cells are worse, by the accuracy named, in the table of one",
        "schedule; a cell drawn at random is at 50 on average. Mean ± sample standard deviation over seeds.",
        "",
        "| method | rate | alpha's rate | seeds | supernet, validation | percentile, 12 epochs, validation "
        "| 12 epochs, test | 200 epochs, test | accuracy, 200 epochs | skips of 6 | gates | seconds of the CPU |",
        "|---|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    groups: dict[tuple[str, str], list[Records]] = {}
    for run in records["runs"].values():
        groups.setdefault((run["method"], run["rate"]), []).append(run)
    for (method, rate), own in sorted(groups.items(), key=lambda group: (group[0][0], list(RATES).index(group[0][1]))):
        lines.append(f"| {method} | {rate} | {' | '.join(_figures(own))} |")
    return "\n".join([*lines, "", *_summary(groups)]) + "\n"


def _figures(own: Sequence[Records]) -> list[str]:
    """The columns of one method at one rate."""
    rates = ", ".join(dict.fromkeys(f"{rate:.3g}" for rate in own[0]["alpha_lr"]))
    percentiles = [[run["tables"][name][1] for run in own] for name in ("12/cifar10_val", "12/cifar10_test")]
    percentiles.append([run["tables"]["200/cifar10_test"][1] for run in own])
    low, high = (pick(run[f"{name}_gate"] for run in own) for pick, name in ((min, "smallest"), (max, "largest")))
    return [
        rates,
        str(len(own)),
        _spread([100 * run["supernet_validation"] for run in own], 1),
        *(_spread(values, 1) for values in percentiles),
        _spread([run["tables"]["200/cifar10_test"][0] for run in own], 2),
        _spread([run["skips"] for run in own], 1),
        f"{low:.2f} to {high:.2f}",
        f"{statistics.fmean(run['cpu_seconds'] for run in own):.0f}",
    ]


def _summary(groups: Mapping[tuple[str, str], Sequence[Records]]) -> list[str]:
    """The means over all methods that were searched both by the rule and at another rate."""
    lines = []
    for other in list(RATES)[1:]:
        both = [method for method, rate in groups if rate == other and (method, "by-length") in groups]
        if not both:
            continue
        means = {
            rate: [
                statistics.fmean(run["tables"]["12/cifar10_val"][1] for run in groups[method, rate]) for method in both
            ]
            for rate in ("by-length", other)
        }
        mine, theirs = means["by-length"], means[other]
        ahead = sum(one > two for one, two in zip(mine, theirs, strict=True))
        lines.append(
            f"Of {len(both)} methods at both rates, by-length has the higher percentile (12 epochs, validation) in "
            f"{ahead}, and in the mean {statistics.fmean(mine):.1f} to {statistics.fmean(theirs):.1f} of {other}."
        )
    return lines


def _spread(values: Sequence[float], digits: int) -> str:
    deviation = f" ± {statistics.stdev(values):.{digits}f}" if len(values) > 1 else ""
    return f"{statistics.fmean(values):.{digits}f}{deviation}"


if __name__ == "__main__":
    main()
