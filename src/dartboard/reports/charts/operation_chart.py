"""What the derived genotype is made of, epoch by epoch."""

from collections.abc import Mapping, Sequence

import numpy as np

from dartboard.reports.charts.curves import Series, mark_epochs
from dartboard.reports.charts.svg import SURFACE, figure_to_svg, style
from dartboard.reports.colours import family, operation_colour

__all__ = ["draw_operation_counts"]

_SIZE = (10.4, 2.7)


def draw_operation_counts(epochs: Sequence[int], counts: Mapping[str, Series]) -> str:
    """Draw how often the genotype holds each operation, skip connections at the bottom and strongest, as SVG.

    Args:
        epochs: their numbers.
        counts: for each operation how often it is there, by epoch; None where no genotype was derived.
    """
    from matplotlib.figure import Figure

    stacked = sorted(counts.items(), key=lambda entry: family(entry[0]) != "skip connection")
    if not stacked:
        return ""
    with style():
        figure = Figure(figsize=_SIZE, layout="constrained")
        axes = figure.add_subplot()
        edges = np.array([epochs[0] - 0.5, *(epoch + 0.5 for epoch in epochs)])
        floor = np.zeros(len(epochs))
        for name, series in stacked:
            heights = np.array([value or 0.0 for value in series])
            strong = family(name) == "skip connection"
            axes.stairs(
                floor + heights,
                edges,
                baseline=floor,
                fill=True,
                color=operation_colour(name),
                alpha=0.95 if strong else 0.55,
                edgecolor=SURFACE,
                linewidth=0.6,
                label=name,
            )
            floor = floor + heights
        axes.set_ylabel("edges of the genotype")
        axes.set_xlim(edges[0], edges[-1])
        axes.margins(y=0)
        mark_epochs(axes)
        figure.legend(loc="outside right center", reverse=True)
        return figure_to_svg(figure, "operation-counts", "Operations in the derived genotype during the search")
