"""The findings of an analysis that has no section of its own, as recorded."""

from collections.abc import Mapping
from dataclasses import dataclass

from dartboard.records import RunRecords
from dartboard.reports.analysis_section import AnalysisSection
from dartboard.reports.section import Section, section, sections_in_order
from dartboard.wording import dotted

__all__ = ["FindingsFacts", "FindingsSection"]


@dataclass(frozen=True)
class FindingsFacts:
    """The name of the analysis, and its findings as dotted keys with their values as text."""

    name: str
    findings: Mapping[str, str]


@section("findings")
class FindingsSection(Section[FindingsFacts]):
    """The findings of an analysis that has no section of its own."""

    order = 550

    def read(self, run: RunRecords) -> FindingsFacts | None:
        """The findings, if no other section shows them."""
        if run.analysis is None:
            return None
        others = (each for each in sections_in_order().values() if isinstance(each, AnalysisSection))
        if run.analysis.name in {each.analysis for each in others}:
            return None
        return FindingsFacts(run.analysis.name, dotted(run.analysis.findings))

    def headline(self, told: FindingsFacts) -> str:
        """The headline with the name of the analysis."""
        return f"Analysis: {told.name}"

    def lines(self, told: FindingsFacts) -> dict[str, str]:
        """A row for each finding."""
        return dict(told.findings)
