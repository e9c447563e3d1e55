"""The search, epoch by epoch."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from markupsafe import Markup

from dartboard.records.reader import RunRecords
from dartboard.reports.charts.curves import BLUE, ORANGE, VIOLET, Line, Series, draw_lines, mark_epochs
from dartboard.reports.charts.gate_charts import CellGates, draw_gates
from dartboard.reports.charts.layer_charts import draw_layer_gates
from dartboard.reports.charts.svg import SURFACE, figure_to_svg, style
from dartboard.reports.colours import family, operation_colour
from dartboard.reports.drawings.genotypes import cell_title
from dartboard.reports.gate_history import read_gates
from dartboard.reports.section import Section, section
from dartboard.runs.events import Rollback, SearchEpoch
from dartboard.space import Genotype, name_or_text
from dartboard.space.topology import stage_lengths
from dartboard.wording import listing

__all__ = ["SearchFacts", "SearchSection", "draw_operation_counts"]


_SIZE = (10.4, 2.7)


def draw_operation_counts(epochs: Sequence[int], counts: Mapping[str, Series]) -> str:
    """Draw how often the genotype holds each operation, as SVG; skip connections are at the bottom, in a strong colour.

    Args:
        epochs: numbers of the epochs.
        counts: operation -> how often the genotype holds it, by epoch; None where no genotype was derived.
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


@dataclass(frozen=True)
class SearchFacts:
    """The facts about the search.

    Attributes:
        epochs: the recorded epochs; after a rollback, the repeated epochs replace those that were undone.
        seconds: seconds of all epochs, including those that were undone.
        settled: first epoch after which the derived genotype did not change any more.
        seed: seed of the search that was chosen among several, or None.
        start: architecture that the search started at, by name or as text; None where no operation was preferred.
        lead: what its operations led by in alpha at the start; None without one.
        steps: weight steps of all epochs.
        images: number of images from which the weights learned; None where that was not recorded.
        gates: gates of every edge over the epochs.
    """

    epochs: tuple[SearchEpoch, ...]
    seconds: float
    settled: int
    seed: int | None
    start: str | None
    lead: float | None
    steps: int
    images: int | None
    gates: tuple[CellGates, ...] = field(metadata={"plain": False})

    @property
    def numbers(self) -> tuple[int, ...]:
        """The numbers of the epochs."""
        return tuple(epoch.epoch for epoch in self.epochs)

    @property
    def operation_counts(self) -> dict[str, Series]:
        """Operation -> how often the derived genotype holds it, by epoch; the most frequent operation first."""
        last = self.epochs[-1].operation_counts
        names = {name for epoch in self.epochs for name in epoch.operation_counts}
        return {
            name: [float(epoch.operation_counts.get(name, 0)) for epoch in self.epochs]
            for name in sorted(names, key=lambda name: (-last.get(name, 0), name))
        }


@section("search")
class SearchSection(Section[SearchFacts]):
    """The search, epoch by epoch: losses, accuracies, gates and the operations of the cells."""

    order = 600
    title = "Search"
    needs = "No search was recorded in this run directory."

    def read(self, run: RunRecords) -> SearchFacts | None:
        """The facts of the recorded epochs, if there are any."""
        epochs = run.search_epochs
        if not epochs:
            return None
        asked = {} if run.reselection else run.settings.get("search", {})
        start = asked.get("start_at")
        undone = sum(event.seconds for event in run.events if isinstance(event, Rollback))
        return SearchFacts(
            epochs=tuple(epochs),
            seconds=undone + sum(epoch.seconds for epoch in epochs),
            settled=_settled(epochs),
            seed=run.seed_choice.chosen.seed if run.seed_choice else None,
            start=name_or_text(Genotype.from_json(start)) if start else None,
            lead=asked["start_lead"] if start else None,
            steps=sum(epoch.steps for epoch in epochs),
            images=run.beginning.search_images if run.beginning else None,
            gates=read_gates(epochs, run.genotype),
        )

    def missing(self, run: RunRecords) -> str:
        """The sentence on a missing search; none for an analysis, and where architectures were evaluated one by one."""
        if run.pool:
            return ""
        if run.result is None or run.analysis:
            return "" if run.analysis else self.needs
        if run.result.method is None:
            return "Nothing was searched: the architecture was given."
        return f"Nothing was searched epoch by epoch: {run.result.method} draws an architecture without a supernet."

    def drawn(self, told: SearchFacts) -> Mapping[str, Any]:
        """Curves over the epochs, and the gates of every edge or block."""
        in_layers = bool(stage_lengths([gates.kind for gates in told.gates]))
        return {
            "losses": Markup(_draw_losses(told)),
            "accuracies": Markup(_draw_accuracies(told)),
            "curvature": Markup(draw_curvature(told.epochs)),
            "counts": Markup(draw_operation_counts(told.numbers, told.operation_counts)),
            "layers": Markup(draw_layer_gates(told.gates) if in_layers else ""),
            "gates": [] if in_layers else [(_gates_caption(each), Markup(draw_gates(each))) for each in told.gates],
            "captions": _captions(told),
        }


def _settled(epochs: Sequence[SearchEpoch]) -> int:
    first = epochs[-1]
    for epoch in reversed(epochs):
        if epoch.genotype != first.genotype:
            break
        first = epoch
    return first.epoch


def _captions(told: SearchFacts) -> dict[str, str]:
    """What the figures show: only curves that are there."""
    once = len(told.epochs) == 1
    shown = {
        "the images that train its weights": [epoch.weight_loss for epoch in told.epochs],
        "those that train alpha": [epoch.alpha_loss for epoch in told.epochs],
        "the validation images": [epoch.validation_loss for epoch in told.epochs],
    }
    images = listing(name for name, values in shown.items() if _any(values))
    accuracies = [epoch.weight_accuracy for epoch in told.epochs], [epoch.validation_accuracy for epoch in told.epochs]
    overfits = "" if once or not all(map(_any, accuracies)) else (
        " If the curve for training images is far above the other one, the weights overfit."
    )  # fmt: skip
    collapses = "" if once or not any(family(name) == "skip connection" for name in told.operation_counts) else (
        " A growing red band of skip connections shows the known collapse of such searches."
    )  # fmt: skip
    when = "after the only epoch" if once else "after each epoch"
    return {
        "losses": f"Cross-entropy of the supernet{' ' + when if once else ''}, lower is better: on {images}.",
        "accuracies": f"Share of images that the supernet classifies correctly.{overfits}",
        "counts": f"Operations in the genotype that would be derived {when}.{collapses}",
        "layers": (
            "Gates of every block. Left: after the last epoch; a stronger colour is a larger gate, a blank cell is an "
            "operation that the block does not have, and a frame marks the operation in the genotype. Right: the "
            f"operation with the largest gate {when}, in its colour."
        ),
    }


def _any(values: Series) -> bool:
    return any(value is not None for value in values)


def _gates_caption(gates: CellGates) -> str:
    """What the panels of one kind of cells show."""
    once = len(gates.epochs) == 1
    told = f"Gates of the {cell_title(gates.kind)}: the weight of each operation (colour) on each edge"
    told += " after the only epoch." if once else " over the epochs."
    if any(edge.kept for edge in gates.edges):
        marks = "Bold titles" if once else "Thick lines and bold titles"
        told += (
            f" Each panel is one edge; node numbers are those of the drawing above. {marks}: the operations in the "
            "genotype."
        )
    return told


def _draw_losses(told: SearchFacts) -> str:
    lines = (
        Line("weights, training images", BLUE, told.numbers, [epoch.weight_loss for epoch in told.epochs]),
        Line("alpha step", VIOLET, told.numbers, [epoch.alpha_loss for epoch in told.epochs]),
        Line("validation images", ORANGE, told.numbers, [epoch.validation_loss for epoch in told.epochs]),
    )
    return draw_lines("search-loss", "Losses during the search", lines, label="loss (nats per image)")


def _draw_accuracies(told: SearchFacts) -> str:
    lines = (
        Line("training images", BLUE, told.numbers, [epoch.weight_accuracy for epoch in told.epochs]),
        Line("validation images", ORANGE, told.numbers, [epoch.validation_accuracy for epoch in told.epochs]),
    )
    return draw_lines("search-accuracy", "Accuracies during the search", lines, label="accuracy (%)", percent=True)


def draw_curvature(epochs: Sequence[SearchEpoch]) -> str:
    """The largest eigenvalue of the alpha Hessian over the epochs that measured it, as SVG; empty where none did."""
    values = {epoch.epoch: epoch.figures.get("eigenvalue") for epoch in epochs}
    measured = {number: value for number, value in values.items() if value is not None}
    line = Line("largest eigenvalue", VIOLET, tuple(measured), tuple(measured.values()))
    return draw_lines("search-curvature", "Curvature in alpha", (line,), label="largest eigenvalue")
