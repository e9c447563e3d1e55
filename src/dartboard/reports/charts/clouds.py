"""Points of one figure against another, one for every epoch."""

from collections.abc import Sequence

from dartboard.reports.charts.svg import figure_to_svg, style

__all__ = ["draw_points"]

_SIZE = (5.2, 2.9)


def draw_points(
    name: str,
    title: str,
    across: Sequence[float | None],
    up: Sequence[float | None],
    *,
    labels: tuple[str, str],
    percent: tuple[bool, bool] = (False, False),
    colour: str,
) -> str:
    """A chart of points, later ones in a stronger colour.

    Args:
        name: name of the chart, unique on the page.
        title: title for screen readers.
        across: horizontal places; points without one are left out.
        up: vertical places, likewise.
        labels: of the horizontal and of the vertical axis.
        percent: whether to show the fractions of an axis as percentages, likewise.
        colour: of the points.

    Returns:
        SVG, or an empty string where there are fewer than two points.
    """
    from matplotlib.figure import Figure

    points = [(x, y) for x, y in zip(across, up, strict=True) if x is not None and y is not None]
    if len(points) < 2:
        return ""
    with style():
        figure = Figure(figsize=_SIZE, layout="constrained")
        axes = figure.add_subplot()
        factors = [100 if fraction else 1 for fraction in percent]
        strengths = [0.3 + 0.7 * number / (len(points) - 1) for number in range(len(points))]
        axes.scatter(
            [factors[0] * x for x, _ in points],
            [factors[1] * y for _, y in points],
            s=26,
            c=[colour] * len(points),
            alpha=strengths,  # type: ignore[arg-type]  # one for each point
        )
        axes.set_xlabel(labels[0])
        axes.set_ylabel(labels[1])
        return figure_to_svg(figure, name, title)
