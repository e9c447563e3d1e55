"""Architectures by cost and accuracy in one picture; every point leads to its architecture on the page."""

from dartboard.records.pareto import ParetoFront
from dartboard.reports.charts.svg import INK, MUTED, figure_to_svg, style

__all__ = ["COSTS", "draw_pareto", "point_id"]

COSTS = {"params": "parameters", "macs": "multiply-adds for one image", "latency": "latency (ms)"}
"""Cost -> its name on the axis."""

_BLUE = "#2f6fb3"
_NAME = "pareto"


def point_id(number: int) -> str:
    """Id of the place on the page to which the point with this number leads."""
    return f"{_NAME}-point-{number}"


def draw_pareto(front: ParetoFront) -> str:
    """Draw all architectures, and a line along those that no other one beats, as SVG with links."""
    from matplotlib.figure import Figure

    scale = 1000 if front.cost == "latency" else 1
    costs = [scale * each.cost for each in front.points]
    accuracies = [100 * each.accuracy for each in front.points]
    with style():
        figure = Figure(figsize=(8.0, 4.2), layout="constrained")
        axes = figure.add_subplot()
        best = [place for place, each in enumerate(front.points) if each.front]
        axes.step(
            [costs[place] for place in best], [accuracies[place] for place in best], where="post", color=MUTED, zorder=1
        )
        for place, each in enumerate(front.points):
            dot = axes.scatter(
                [costs[place]],
                [accuracies[place]],
                s=64 if each.front else 36,
                color=_BLUE if each.front else "none",
                edgecolors=_BLUE if each.front else MUTED,
                zorder=2,
            )
            dot.set_urls([f"#point-{place + 1}"])
            axes.annotate(
                str(place + 1), (costs[place], accuracies[place]), (5, 5), textcoords="offset points", color=INK
            )
        axes.set_xlabel(COSTS[front.cost])
        axes.set_ylabel(f"{front.accuracy} (%)")
        axes.margins(0.08)
        return figure_to_svg(figure, _NAME, f"{front.accuracy} by {COSTS[front.cost]}")
