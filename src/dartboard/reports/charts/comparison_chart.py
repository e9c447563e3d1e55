"""Every run of a comparison as a dot, a row for each method."""

from typing import TYPE_CHECKING

from dartboard.records import Comparison
from dartboard.reports.charts.svg import INK, figure_to_svg, style

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["draw_comparison", "what_counts"]

_WIDTH, _ROW_HEIGHT = 10.4, 0.42
_BLUE = "#3b82c4"


def what_counts(comparison: Comparison) -> tuple[str, str]:
    """By what the methods are compared: its key, and in words."""
    if all(run.test_accuracy is None for run in comparison.runs):
        return "table_accuracy", "accuracy by the table"
    if any(run.objective == "balanced-accuracy" for run in comparison.runs):
        return "balanced_accuracy", "balanced accuracy on the test images"
    return "test_accuracy", "test accuracy"


def draw_comparison(comparison: Comparison) -> str:
    """Draw the accuracies of all runs and the mean of each method, as SVG; empty where nothing was measured."""
    from matplotlib.figure import Figure

    key, label = what_counts(comparison)
    names = [method.method for method in comparison.methods]
    values = {name: [100 * value for run in comparison.runs
                     if run.method == name and (value := getattr(run, key)) is not None]
              for name in names}  # fmt: skip
    if not any(values.values()):
        return ""
    with style():
        figure = Figure(figsize=(_WIDTH, _ROW_HEIGHT * len(names) + 0.9), layout="constrained")
        axes = figure.add_subplot()
        for row, name in enumerate(names):
            _draw_method(axes, row, values[name])
        axes.set_yticks(range(len(names)), names)
        axes.set_ylim(len(names) - 0.4, -0.6)
        axes.margins(x=0.06)
        axes.set_xlabel(f"{label} (%); a dot for each seed, a line at the mean")
        return figure_to_svg(figure, "comparison", "Accuracy of every run by method")


def _draw_method(axes: "Axes", row: int, values: list[float]) -> None:
    if not values:
        return
    mean = sum(values) / len(values)
    axes.plot([mean, mean], [row - 0.28, row + 0.28], color=INK, linewidth=1.6, zorder=3)
    axes.scatter(values, [row] * len(values), s=42, color=_BLUE, alpha=0.75, zorder=2)
