"""What zero-cost proxies are worth: their rank correlation with both tables of NAS-Bench-201, beside that of size.

    python benchmarks/proxies.py [--architectures 1000] [--costly 100] [--quick]

Draws architectures from the benchmark with a seed, scores their networks before any training on images of CIFAR-10, and
compares the order with the test accuracies of the table after 12 epochs and, apart from it, of that after 200.
DARTBOARD_DATA names the folder of CIFAR-10 and both tables. The networks are narrower and shallower than those of the
benchmark, so that one thread is enough. What is recorded is not repeated: interrupt it, and run it again to go on, or
ask for more architectures. `benchmarks/results/proxies.json` and `.md` are written every few architectures.
"""

import argparse
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from math import isfinite
from pathlib import Path

import numpy as np
import torch

from dartboard.data import DataSettings
from dartboard.estimate import SCHEDULES, ArchitectureTable, find_table
from dartboard.estimate.proxies import (
    Conditions,
    ProxyFigures,
    average_rank,
    score_genotypes,
    summed_up,
)
from dartboard.runs import make_generator
from dartboard.space import Genotype, parse_genotype
from dartboard.workflow.score_conditions import dataset_conditions
from records import Records, conditions, data_root, load, save

SETTING = {"init_channels": 8, "layers": 1, "batch_size": 32, "initialisations": 1, "seed": 0}
"""The networks and the images that all proxies are measured with."""

SIZES = ("params", "macs", "convs", "op-weights", "l2-norm")
CHEAP = ("naswot", "synflow", "az-nas", "swap", "snip", "grad-norm", "plain", "fisher", "jacob-cov")
COSTLY = ("regions", "zen", "grasp", "ntk-cond")
TOGETHER = ("naswot", "synflow", "az-nas")
"""Proxies whose mean rank is compared as well."""

COLUMN, BEST = "cifar10_test", 90.0
SAVED_EVERY = 20


def main() -> None:
    """Score what is not recorded yet."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--architectures", type=int, default=1000, help="how many are scored by the cheap proxies")
    parser.add_argument("--costly", type=int, default=100, help="how many are scored by regions, zen, grasp, ntk-cond")
    parser.add_argument("--quick", action="store_true", help="a few architectures, to see that everything works")
    parser.add_argument("--folder", type=Path, help="where the results go instead of benchmarks/results")
    asked = parser.parse_args()
    os.environ["DARTBOARD_DATA"] = str(data_root())  # where the tables are looked for
    torch.set_num_threads(1)
    folder = {"folder": asked.folder} if asked.folder else {}
    wanted = {(*SIZES, *CHEAP): 12 if asked.quick else asked.architectures, COSTLY: 3 if asked.quick else asked.costly}
    records = load("proxies", **folder)
    if records.get("setting") != SETTING:
        records = {"setting": SETTING, "values": {}, "seconds": {}}
    tables = {epochs: find_table(epochs) for epochs in SCHEDULES}
    drawn, images = draw(tables[SCHEDULES[0]], max(wanted.values())), batch()
    records |= conditions(torch.device("cpu"))
    for names, count in wanted.items():
        for position in range(count):
            if score_one(records, names, position, drawn[position], images) and position % SAVED_EVERY == 0:
                finish(records, tables, drawn, folder)
    finish(records, tables, drawn, folder)
    print(as_table(records))


def draw(table: ArchitectureTable, count: int) -> list[Genotype]:
    """Different architectures of the benchmark; those drawn for a larger number begin with those for a smaller one."""
    numbers = table.numbers
    order = torch.randperm(len(numbers), generator=make_generator(SETTING["seed"], "benchmark", "proxies"))
    known = sorted(numbers)
    return [parse_genotype(numbers[known[place]]) for place in order[:count].tolist()]


def batch() -> Conditions:
    """Images of CIFAR-10, and the size of the networks."""
    found = dataset_conditions(str(data_root() / "cifar10"), DataSettings(), SETTING["batch_size"], SETTING["seed"])
    return replace(found, init_channels=SETTING["init_channels"], layers=SETTING["layers"])


def score_one(records: Records, names: Sequence[str], position: int, genotype: Genotype, images: Conditions) -> bool:
    """Score an architecture by the proxies whose record does not reach it; whether there were any."""
    missing = [name for name in names if len(records["values"].get(name, "").split()) <= position]
    for name in missing:
        started = time.process_time()
        (figures,) = score_genotypes(
            [genotype], [name], images, seed=SETTING["seed"], initialisations=SETTING["initialisations"]
        )
        seconds = time.process_time() - started
        told = "/".join(f"{value:.8g}" for value in figures[name].values.values())
        records["values"][name] = f"{records['values'].get(name, '')} {told}".strip()
        records.setdefault("parts", {})[name] = list(figures[name].values)
        records["seconds"][name] = records["seconds"].get(name, 0.0) + seconds
    return bool(missing)


def finish(
    records: Records, tables: Mapping[int, ArchitectureTable], drawn: Sequence[Genotype], folder: Mapping[str, Path]
) -> None:
    """Compare what is there with both tables, and write it."""
    records["correlations"] = {
        str(epochs): dict(correlations(records, table, drawn)) for epochs, table in tables.items()
    }
    save("proxies", records, as_table, **folder)


def correlations(
    records: Records, table: ArchitectureTable, drawn: Sequence[Genotype]
) -> Iterator[tuple[str, Records]]:
    """The rank correlations of every proxy, of the parts of one, and of a combination with one table."""
    columns = dict(numbers(records))
    for name, values in columns.items():
        own = drawn[: len(values)]
        accuracies = np.array([table.accuracy(each, COLUMN) for each in own])
        best = np.array([table.percentile(each, COLUMN) >= BEST for each in own])
        found = np.array([value if isfinite(value) else -np.inf for value in values])
        yield name, {"all": agreement(found, accuracies), "best": agreement(found[best], accuracies[best])}


def numbers(records: Records) -> Iterator[tuple[str, list[float]]]:
    """Proxy, part of a proxy, or combination -> a number for each architecture, the larger the better."""
    whole: dict[str, list[float]] = {}
    for name in (each for each in (*SIZES, *CHEAP, *COSTLY) if each in records["values"]):
        parts = records["parts"][name]
        rows = [[float(value) for value in each.split("/")] for each in records["values"][name].split()]
        figures = [{name: ProxyFigures(dict(zip(parts, row, strict=True)), 0.0)} for row in rows]
        whole[name] = summed_up([name], figures)[name]
        yield name, whole[name]
        if len(parts) > 1:
            for place, part in enumerate(parts):
                yield f"{name}: {part}", [row[place] for row in rows]
    if all(name in whole for name in TOGETHER):
        least = min(len(whole[name]) for name in TOGETHER)
        places = average_rank([whole[name][:least] for name in TOGETHER])
        yield f"mean rank of {', '.join(TOGETHER)}", [-place for place in places]


def agreement(values: np.ndarray, accuracies: np.ndarray) -> Records:
    """Kendall's tau-b and Spearman's rank correlation; none for fewer than five architectures or equal values."""
    from scipy.stats import kendalltau, rankdata, spearmanr

    count = len(values)
    if count < 5 or len(set(values.tolist())) == 1:
        return {"count": count, "kendall": None, "spearman": None}
    ranked = rankdata(values)
    return {
        "count": count,
        "kendall": round(float(kendalltau(ranked, accuracies).statistic), 4),
        "spearman": round(float(spearmanr(ranked, accuracies).statistic), 4),
    }


def as_table(records: Records) -> str:
    """The records as Markdown."""
    setting = records["setting"]
    lines = [
        "# Zero-cost proxies",
        "",
        f"Printed by `{records['command']}` ({records['machine']}, torch {records['torch']}, {records['date']}).",
        "Architectures drawn from NAS-Bench-201, the same ones for all proxies as far as a proxy goes; CIFAR-10 test",
        f"accuracy. The networks have {setting['init_channels']} channels and {setting['layers']} cell a stage (the",
        f"benchmark's have 16 and 5), one batch of {setting['batch_size']} images of CIFAR-10, and",
        f"{setting['initialisations']} initialisation, also where a proxy asks for several. One thread; seconds of the",
        "CPU for an architecture. Best tenth: those of them that are in the best tenth of the whole table. The first",
        "rows are size alone, the figures to beat. Never compare figures of one schedule with those of the other.",
    ]
    for epochs, found in records["correlations"].items():
        lines += [
            "",
            f"## After {epochs} epochs of training",
            "",
            "| proxy | architectures | Kendall | Spearman | in the best tenth | Kendall | Spearman | seconds |",
            "|---|---|---|---|---|---|---|---|",
        ]
        for name, each in found.items():
            seconds = records["seconds"].get(name)
            cost = "" if seconds is None else f"{seconds / each['all']['count']:.3f}"
            lines.append(f"| {name} | {_cells(each['all'])} | {_cells(each['best'])} | {cost} |")
    return "\n".join(lines) + "\n"


def _cells(found: Records) -> str:
    figures = ("none" if found[key] is None else f"{found[key]:.3f}" for key in ("kendall", "spearman"))
    return f"{found['count']} | {' | '.join(figures)}"


if __name__ == "__main__":
    main()
