"""Two depths of networks of the same cells, compared by order and by mean."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import torch
from scipy.stats import kendalltau

from dartboard.parts import UniformlyRandom
from dartboard.space import Genotype, get_space

__all__ = ["DepthGap", "as_table", "depth_gap", "random_cell"]

SPACE = "darts"


class DepthGap(NamedTuple):
    """How two depths compare.

    Attributes:
        tau: Kendall's tau-b of the two orders; None where one side tells nothing apart.
        change: mean accuracy at the larger depth less that at the smaller one.
        cells: that were trained at both.
    """

    tau: float | None
    change: float
    cells: int


def depth_gap(accuracies: Mapping[int, Mapping[int, float]]) -> DepthGap:
    """Compare two depths.

    Args:
        accuracies: number of cells of the network -> number of the random cell -> accuracy. Two depths.

    Raises:
        ValueError: no cell was trained at both.
    """
    shallow, deep = (accuracies[depth] for depth in sorted(accuracies))
    both = sorted(shallow.keys() & deep.keys())
    if not both:
        raise ValueError("no cell was trained at both depths")
    one, other = ([side[cell] for cell in both] for side in (shallow, deep))
    differ = len(set(one)) > 1 and len(set(other)) > 1
    tau = float(kendalltau(one, other).statistic) if differ else None
    return DepthGap(tau, (sum(other) - sum(one)) / len(both), len(both))


def random_cell(number: int) -> Genotype:
    """The random cell of that number; it does not depend on the others."""
    return UniformlyRandom()(get_space(SPACE), {}, torch.Generator().manual_seed(number))


def as_table(records: Mapping[str, Any]) -> str:
    """The records as Markdown."""
    lines = [
        "# Shallow and deep networks of the same cells",
        "",
        f"Printed by `python benchmarks/depth_gap.py` ({records['machine']}, torch {records['torch']}, "
        f"{records['date']}). Random cells of the space {SPACE} on CIFAR-10, validation accuracy in percent.",
        "",
    ]
    runs = list(records["runs"].values())
    for epochs in sorted({run["epochs"] for run in runs}):
        own = [run for run in runs if run["epochs"] == epochs]
        depths = sorted({run["depth"] for run in own})
        by_depth = {depth: {run["cell"]: run["accuracy"] for run in own if run["depth"] == depth} for depth in depths}
        lines += [
            f"| cell, {epochs} epochs | {' | '.join(f'{depth} cells' for depth in depths)} |",
            f"|{'---|' * (len(depths) + 1)}",
        ]
        for cell in sorted({run["cell"] for run in own}):
            found = [by_depth[depth].get(cell) for depth in depths]
            lines.append(f"| {cell} | {' | '.join('' if each is None else f'{100 * each:.2f}' for each in found)} |")
        if len(depths) == 2 and by_depth[depths[0]].keys() & by_depth[depths[1]].keys():
            gap = depth_gap(by_depth)
            tau = "not defined" if gap.tau is None else f"{gap.tau:.2f}"
            lines += [
                "",
                f"Kendall's tau-b of the two orders over {gap.cells} cells: {tau}. Mean change from {depths[0]} to "
                f"{depths[1]} cells: {100 * gap.change:+.2f} points.",
                "",
            ]
    return "\n".join(lines) + "\n"
