"""What proxies are worth, by the figures on record: which architectures, and how far orders agree."""

from collections.abc import Iterator, Sequence
from math import isfinite
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from dartboard.estimate import ArchitectureTable
from dartboard.estimate.proxies import ProxyFigures, average_rank, summed_up
from dartboard.runs import make_generator
from dartboard.space import Genotype, parse_genotype

__all__ = ["CHEAP", "COSTLY", "SIZES", "TOGETHER", "agreement", "as_table", "correlations", "draw", "numbers"]

Records = dict[str, Any]

SIZES = ("params", "macs", "convs", "op-weights", "l2-norm")
CHEAP = ("naswot", "synflow", "az-nas", "swap", "snip", "grad-norm", "plain", "fisher", "jacob-cov")
COSTLY = ("regions", "zen", "grasp", "ntk-cond")
TOGETHER = ("naswot", "synflow", "az-nas")
"""Proxies whose mean rank is compared as well."""

COLUMN, BEST = "cifar10_test", 90.0


def draw(table: ArchitectureTable, count: int, seed: int) -> list[Genotype]:
    """Different architectures of the benchmark; those drawn for a larger number begin with those for a smaller one."""
    numbers = table.numbers
    order = torch.randperm(len(numbers), generator=make_generator(seed, "benchmark", "proxies"))
    known = sorted(numbers)
    return [parse_genotype(numbers[known[place]]) for place in order[:count].tolist()]


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


def agreement(values: npt.NDArray[np.float64], accuracies: npt.NDArray[np.float64]) -> Records:
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
