"""The base class of a section that shows the findings of one analysis."""

from typing import ClassVar, TypeVar

from pydantic import BaseModel

from dartboard.records import AnalysisRecord, RunRecords
from dartboard.reports.section import Section, checked

__all__ = ["AnalysisSection"]

Found = TypeVar("Found", bound=BaseModel)


class AnalysisSection(Section[Found]):
    """The section of one analysis; it is on the page of a run that made this analysis.

    Attributes:
        analysis: registry name of the analysis.
        findings: type of its findings.
    """

    analysis: ClassVar[str]
    findings: type[Found]
    order = 500

    def read(self, run: RunRecords) -> Found | None:
        """The findings of the analysis; None for other runs.

        Raises:
            RunDirectoryError: the recorded findings do not have the form of this analysis.
        """
        if run.analysis is None or run.analysis.name != self.analysis:
            return None
        return checked(self.findings, run.analysis.findings, run.path / AnalysisRecord.file)
