"""The arms of `worth.py`, and what is said of them by the runs on record."""

import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from dartboard.budget.allowances import ROUND_SECONDS
from figures import spread, value_range

__all__ = ["BY_HAND", "METHODS", "OPTIONS", "RIVALS", "as_table", "more", "verdict"]

BY_HAND = "by-hand"
RIVALS: Mapping[str, dict[str, Any]] = {
    BY_HAND: {},
    "random": {"method": "random"},
    "best-of-4": {"method": "random", "contest": True, "contest_random": 3},
    "best-of-8": {"method": "random", "contest": True, "contest_random": 7},
}
"""What a search is compared with -> its settings."""

METHODS = ("single-darts", "darts", "gdas", "drnas", "rsps")
OPTIONS: Mapping[str, dict[str, Any]] = {"drnas": {"channel_share": 1}}
"""Method -> options other than its own: blocks that change the number of channels cannot run on a part of them."""

FEWEST_PAIRS = 3
"""Of fewer differences no standard error is worth anything."""


def as_table(records: dict[str, Any]) -> str:
    """The records as Markdown."""
    runs, terms = list(records["runs"].values()), records["terms"]
    names = list(dict.fromkeys(run["data"] for run in runs))
    lines = [
        "# What a search is worth",
        "",
        f"Printed by `python benchmarks/worth.py` ({records['machine']}, torch {records['torch']}, "
        f"{records['date']}). Space {terms['space']}; every run has {terms['seconds']:g} seconds of one thread for",
        "everything from reading the files to the test. Methods search for "
        f"{100 * terms['share']:g}% of them, and train what they find in the rest. `best-of-4` and",
        "`best-of-8` are successive halving among so many random members of the space.",
        *(["**Quick runs of a few steps: the figures mean nothing.**"] if terms["quick"] else []),
        "Test accuracy in percent, mean ± sample standard deviation over seeds; in points, what it is more than",
        f"`{BY_HAND}` has with the same seed; channels of the first stage. Over all data sets: seconds by",
        "the clock, and seconds of the CPU; arms that have fewer of these had to share it with other programs.",
        "",
        "| arm | " + " | ".join(f"{name} | more | channels | seeds" for name in names) + " | seconds | of the CPU |",
        "|" + "---|" * (3 + 4 * len(names)),
    ]
    for arm in _arms(runs):
        own = [run for run in runs if run["arm"] == arm]
        cells = " | ".join(_cells(runs, arm, name) for name in names)
        seconds, worked = ([run[clock] for run in own] for clock in ("seconds", "cpu_seconds"))
        lines.append(f"| {arm} | {cells} | {value_range(seconds)} | {value_range(worked)} |")
    return "\n".join([*lines, "", verdict(runs), *_short_rounds(runs)]) + "\n"


def verdict(runs: Sequence[dict[str, Any]]) -> str:
    """Whether the best method beats what it is compared with, in words."""
    methods = [arm for arm in _arms(runs) if arm not in RIVALS]
    if not methods:
        return "No search is on record yet."
    shared = set.intersection(*(set(_accuracies(runs, method)) for method in methods))
    if not shared:
        return "The methods have no data set and seed in common yet, so none of them can be called the best."
    means = {method: statistics.fmean(_accuracies(runs, method)[pair] for pair in sorted(shared)) for method in methods}
    best = max(methods, key=means.__getitem__)
    judged = [f"it {_judged(pairs, arm)}" for arm in _arms(runs) if arm in RIVALS and (pairs := more(runs, best, arm))]
    told = f"The only method on record is `{best}`"
    if len(methods) > 1:
        told = f"The best of {len(methods)} methods by these figures themselves, which flatters it, is `{best}`"
    return "; ".join([told, *judged]) + "."


def _judged(differences: Sequence[float], arm: str) -> str:
    number, mean = len(differences), statistics.fmean(differences)
    if number < FEWEST_PAIRS:
        runs = "one pair" if number == 1 else f"{number} pairs"
        return f"has {mean:+.2f} points over `{arm}` in {runs} of runs, too few to tell"
    error = statistics.stdev(differences) / number**0.5
    verb = "cannot be told from"
    if abs(mean) > 2 * error:
        verb = "beats" if mean > 0 else "loses to"
    return f"{verb} `{arm}` ({mean:+.2f} ± {error:.2f} points, standard error of {number} pairs of runs)"


def _short_rounds(runs: Sequence[dict[str, Any]]) -> list[str]:
    """How many contests say little of the best of several, for want of time."""
    rounds = [run["round_seconds"] for run in runs if run["round_seconds"] is not None]
    short = sum(seconds < ROUND_SECONDS for seconds in rounds)
    if not short:
        return []
    return [
        f"In {short} of {len(rounds)} contests the rounds were shorter than {ROUND_SECONDS:g} seconds, below which "
        "`dartboard run` holds none. With more time the best of several may be better than here."
    ]


def more(runs: Sequence[dict[str, Any]], arm: str, other: str) -> list[float]:
    """Accuracy of one arm minus that of another, in points, wherever both have the same data set and seed."""
    own, others = _accuracies(runs, arm), _accuracies(runs, other)
    return [own[pair] - others[pair] for pair in own if pair in others]


def _accuracies(runs: Sequence[dict[str, Any]], arm: str) -> dict[tuple[str, int], float]:
    """Data set and seed -> test accuracy in percent."""
    return {(run["data"], run["seed"]): 100 * run["accuracy"] for run in runs if run["arm"] == arm}


def _arms(runs: Sequence[dict[str, Any]]) -> list[str]:
    """The arms on record: first what searches are compared with, then the methods."""
    names = {run["arm"] for run in runs}
    return [arm for arm in RIVALS if arm in names] + sorted(names - RIVALS.keys())


def _cells(runs: Sequence[dict[str, Any]], arm: str, data: str) -> str:
    here = [run for run in runs if run["data"] == data]
    own = [run for run in here if run["arm"] == arm]
    if not own:
        return "- | - | - | -"
    differences = more(here, arm, BY_HAND)
    beyond = spread(differences, "+") if differences and arm != BY_HAND else "-"
    accuracy = spread([100 * run["accuracy"] for run in own])
    return f"{accuracy} | {beyond} | {value_range([run['init_channels'] for run in own])} | {len(own)}"
