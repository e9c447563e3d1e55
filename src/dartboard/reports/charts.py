"""Charts over epochs: losses, accuracies, and what the derived genotype is made of."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dartboard.reports.facts import SearchFacts, Series, TrainFacts
from dartboard.reports.operations import family, operation_colour
from dartboard.reports.svg import SURFACE, figure_to_svg, style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = [
    "Line",
    "draw_curvature",
    "draw_lines",
    "draw_operation_counts",
    "draw_search_accuracies",
    "draw_search_losses",
    "draw_train_accuracies",
    "draw_train_losses",
]

_BLUE, _ORANGE, _VIOLET = "#3b82c4", "#d9772b", "#8b5cc7"
_SIZE = (5.2, 2.9)
_FEW_EPOCHS = 12


@dataclass(frozen=True)
class Line:
    """One curve; unnamed ones stay out of the legend, and None in `values` leaves a gap."""

    name: str | None
    colour: str
    epochs: tuple[int, ...]
    values: Series
    opacity: float = 1.0


def draw_search_losses(search: SearchFacts) -> str:
    """Losses of the search over its epochs, as SVG; empty where none was recorded."""
    lines = (
        Line("weights, training images", _BLUE, search.epochs, search.weight_loss),
        Line("alpha step", _VIOLET, search.epochs, search.alpha_loss),
        Line("validation images", _ORANGE, search.epochs, search.validation_loss),
    )
    return draw_lines("search-loss", "Losses during the search", lines, label="loss (nats per image)")


def draw_search_accuracies(search: SearchFacts) -> str:
    """Accuracies of the supernet over the epochs of the search, as SVG; empty where none was recorded."""
    lines = (
        Line("training images", _BLUE, search.epochs, search.weight_accuracy),
        Line("validation images", _ORANGE, search.epochs, search.validation_accuracy),
    )
    return draw_lines("search-accuracy", "Accuracies during the search", lines, label="accuracy (%)", percent=True)


def draw_curvature(search: SearchFacts) -> str:
    """The largest eigenvalue of the alpha Hessian over the epochs that measured it, as SVG; empty where none did."""
    pairs = zip(search.epochs, search.eigenvalue, strict=True)
    measured = [(epoch, value) for epoch, value in pairs if value is not None]
    line = Line(
        "largest eigenvalue", _VIOLET, tuple(epoch for epoch, _ in measured), tuple(value for _, value in measured)
    )
    return draw_lines("search-curvature", "Curvature in alpha", (line,), label="largest eigenvalue")


def draw_train_losses(training: Sequence[TrainFacts]) -> str:
    """Losses of every training run over its epochs, the first run strongest, as SVG."""
    lines = [
        line
        for position, run in enumerate(training)
        for line in _run_lines(run, position, run.train_loss, run.validation_loss)
    ]
    return draw_lines("train-loss", "Losses during the training", lines, label="loss (nats per image)")


def draw_train_accuracies(training: Sequence[TrainFacts]) -> str:
    """Accuracies of every training run over its epochs, the first run strongest, as SVG."""
    lines = [
        line
        for position, run in enumerate(training)
        for line in _run_lines(run, position, run.train_accuracy, run.validation_accuracy)
    ]
    return draw_lines("train-accuracy", "Accuracies during the training", lines, label="accuracy (%)", percent=True)


def _run_lines(run: TrainFacts, position: int, train: Series, validation: Series) -> tuple[Line, Line]:
    opacity, first = (1.0 if position == 0 else 0.35), position == 0
    return (
        Line("training images" if first else None, _BLUE, run.epochs, train, opacity),
        Line("validation images" if first else None, _ORANGE, run.epochs, validation, opacity),
    )


def draw_lines(name: str, title: str, lines: Sequence[Line], *, label: str, percent: bool = False) -> str:
    """A chart of curves over epochs.

    Args:
        name: of the chart, unique on the page.
        title: for screen readers.
        lines: the curves; those without any value are left out.
        label: of the vertical axis.
        percent: show fractions as percentages.

    Returns:
        SVG, or an empty string where no curve has a value.
    """
    from matplotlib.figure import Figure

    drawn = [line for line in lines if any(value is not None for value in line.values)]
    if not drawn:
        return ""
    with style():
        figure = Figure(figsize=_SIZE, layout="constrained")
        axes = figure.add_subplot()
        for line in reversed(drawn):
            values = np.array([np.nan if value is None else value for value in line.values]) * (100 if percent else 1)
            marker = "o" if len(line.epochs) <= _FEW_EPOCHS else ""
            axes.plot(
                line.epochs,
                values,
                color=line.colour,
                alpha=line.opacity,
                label=line.name,
                marker=marker,
                markersize=3.5,
            )
        axes.set_ylabel(label)
        _epoch_axis(axes, drawn)
        _legend(figure, axes)
        return figure_to_svg(figure, name, title)


def draw_operation_counts(search: SearchFacts) -> str:
    """What the derived genotype is made of at each epoch, skip connections at the bottom and strongest, as SVG."""
    from matplotlib.figure import Figure

    counts = sorted(search.operation_counts, key=lambda entry: family(entry[0]) != "skip connection")
    if not counts:
        return ""
    with style():
        figure = Figure(figsize=(2 * _SIZE[0], 2.7), layout="constrained")
        axes = figure.add_subplot()
        edges = np.array([search.epochs[0] - 0.5, *(epoch + 0.5 for epoch in search.epochs)])
        floor = np.zeros(len(search.epochs))
        for name, series in counts:
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
        _epoch_axis(axes, ())
        figure.legend(loc="outside right center", reverse=True)
        return figure_to_svg(figure, "operation-counts", "Operations in the derived genotype during the search")


def _epoch_axis(axes: "Axes", lines: Sequence[Line]) -> None:
    from matplotlib.ticker import MaxNLocator

    axes.set_xlabel("epoch")
    axes.grid(visible=False, axis="x")
    axes.xaxis.set_major_locator(MaxNLocator(nbins=8, steps=[1, 2, 5, 10], integer=True, min_n_ticks=1))
    if lines and len({epoch for line in lines for epoch in line.epochs}) == 1:
        only = lines[0].epochs[0]
        axes.set_xlim(only - 1, only + 1)


def _legend(figure: "Figure", axes: "Axes") -> None:
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(handles[::-1], labels[::-1], loc="outside upper left", ncols=len(labels), handlelength=1.4)
