"""What the run took, and how large the network is."""

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
        seconds: by phase, in the order of the run; "total" where it was recorded.
        planned: the same as planned for a budget, or nothing.
        parameters: learned numbers of the network, or None.
        multiply_adds: for one image, or None.
    """

    seconds: Mapping[str, float]
    planned: Mapping[str, float]
    parameters: int | None
    multiply_adds: int | None


@section("cost")
class CostSection(Section[CostFacts]):
    """What the run took, beside what was planned, and how large the network is."""

    order = 900
    title = "Cost"
    needs = "No durations or sizes were recorded: result.json is missing and no phase has ended."

    def read(self, run: RunRecords) -> CostFacts | None:
        """What the summary holds; of a run that goes on, the phases that have ended."""
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
        """The phases in a row."""
        if not told.seconds:
            return {}
        return {"time": ", ".join(f"{name} {duration(seconds)}" for name, seconds in told.seconds.items())}
