"""The findings of the analysis `trajectory`: what the snapshots along a search give, read by several selections."""

from collections.abc import Mapping
from typing import Any

from markupsafe import Markup

from dartboard.engine.finished.analyses.trajectory import Trajectory
from dartboard.reports.analysis_section import AnalysisSection
from dartboard.reports.charts.curves import BLUE, ORANGE, VIOLET, Line, draw_lines
from dartboard.reports.section import section
from dartboard.wording import percent

__all__ = ["TrajectorySection"]

_COLUMN = "cifar10_test"
_COLOURS = (BLUE, ORANGE, VIOLET, "#14938a")


@section("trajectory")
class TrajectorySection(AnalysisSection[Trajectory]):
    """What the snapshots of a supernet along its search give, read by several selections."""

    analysis = "trajectory"
    findings = Trajectory
    title = "Snapshots along the search"

    def drawn(self, told: Trajectory) -> Mapping[str, Any]:
        """Accuracy of what every selection reads, over the epochs: one chart for each schedule of the tables."""
        schedules = list(dict.fromkeys(epochs for point in told.points for epochs in point.tables))
        return {
            "schedules": schedules,
            "charts": {epochs: Markup(_draw(told, epochs)) for epochs in schedules},
            "column": _COLUMN,
        }

    def lines(self, told: Trajectory) -> dict[str, str]:
        """A row for every snapshot."""
        rows: dict[str, str] = {}
        for point in told.points:
            found = [f"{percent(columns[_COLUMN])} ({epochs} epochs)" for epochs, columns in point.tables.items()]
            said = f"{point.selection}: {', '.join([*found, f'{point.skips} skip connections'])}"
            name = f"after epoch {point.epoch}"
            rows[name] = f"{rows[name]}; {said}" if name in rows else said
        return rows


def _draw(told: Trajectory, epochs: str) -> str:
    names = list(dict.fromkeys(point.selection for point in told.points))
    lines = []
    for number, name in enumerate(names):
        own = [point for point in told.points if point.selection == name]
        values = [point.tables.get(epochs, {}).get(_COLUMN) for point in own]
        lines.append(Line(name, _COLOURS[number % len(_COLOURS)], [point.epoch for point in own], values))
    title = f"Accuracy along the search by the table of {epochs} epochs"
    return draw_lines(f"trajectory-{epochs}", title, lines, label=f"accuracy (%), {epochs} epochs", percent=True)
