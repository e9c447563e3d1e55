"""The page of a Pareto front: a chart whose points lead to the architectures below it."""

from pathlib import Path

from markupsafe import Markup

from dartboard.errors import DartboardError
from dartboard.records.pareto import ParetoFront, ParetoPoint
from dartboard.reports.charts.pareto_chart import COSTS, draw_pareto, point_id
from dartboard.reports.drawings.genotypes import draw_genotype
from dartboard.reports.templates import render
from dartboard.runs import write_text
from dartboard.wording import thousands

__all__ = ["told_cost", "write_pareto"]


def write_pareto(path: Path) -> Path:
    """Write the page of a Pareto front from its `pareto.json`.

    Args:
        path: the folder of that file, whoever has written it.

    Returns:
        Path of `pareto.html`, which needs no other file and no network.

    Raises:
        RunDirectoryError: `pareto.json` is missing or damaged, or the page cannot be written.
    """
    front = ParetoFront.read(path, remedy="repeat the command with --resume")
    text = render(
        "pareto.html.j2",
        front=front,
        axis=COSTS[front.cost],
        chart=Markup(draw_pareto(front)) if front.points else "",  # the drawing escapes every name in it
        costs=[told_cost(front.cost, each.cost) for each in front.points],
        ids=[point_id(number) for number in range(1, len(front.points) + 1)],
        drawings=[_drawings(each) for each in front.points],
    )
    write_text(path / "pareto.html", text)
    return path / "pareto.html"


def told_cost(name: str, value: float) -> str:
    """A cost as text."""
    return f"{1000 * value:.3g} ms" if name == "latency" else thousands(round(value))


def _drawings(point: ParetoPoint) -> list[tuple[str, Markup]]:
    """Drawings of an architecture; none for one of an operation or space that is not installed here."""
    try:
        return draw_genotype(point.genotype.genotype)
    except DartboardError:
        return []
