"""The time of the run, and the size of the network."""

from collections.abc import Mapping
from dataclasses import dataclass

from dartboard.records.reader import RunRecords
from dartboard.reports.section import Section, section
from dartboard.runs.events import PhaseEnd
from dartboard.wording import duration

__all__ = ["CostFacts", "CostSection"]


@dataclass(frozen=True)
class CostFacts:
    """Seconds and sizes.

    Attributes:
        seconds: phase -> seconds, in the order of the run; with "total" if it was recorded.
        planned: phase -> seconds planned for a budget; empty without a budget.
        parameters: number of learned parameters of the network, or None.
        multiply_adds: multiply-adds for one image, or None.
    """

    seconds: Mapping[str, float]
    planned: Mapping[str, float]
    parameters: int | None
    multiply_adds: int | None


@section("cost")
class CostSection(Section[CostFacts]):
    """The time of the run beside the planned time, and the size of the network."""

    order = 900
    title = "Cost"
    needs = "No durations or sizes were recorded: result.json is missing and no phase has ended."

    def read(self, run: RunRecords) -> CostFacts | None:
        """The figures of the summary; for an unfinished run, the phases that have ended."""
        if run.result:
            seconds: Mapping[str, float] = run.result.seconds
        else:
            seconds = {event.phase: event.seconds for event in run.events if isinstance(event, PhaseEnd)}
        parameters = run.result.parameters if run.result else None
        multiply_adds = run.result.multiply_adds if run.result else None
        if not seconds and parameters is None:
            return None
        return CostFacts(seconds, run.timetable.seconds if run.timetable else {}, parameters, multiply_adds)

    def lines(self, told: CostFacts) -> dict[str, str]:
        """One row with the time of all phases."""
        if not told.seconds:
            return {}
        return {"time": ", ".join(f"{name} {duration(seconds)}" for name, seconds in told.seconds.items())}
