"""What the section of an analysis is: the findings of a run that made it, read into a type of its own."""

from typing import ClassVar, TypeVar

from pydantic import BaseModel

from dartboard.records import AnalysisRecord, RunRecords
from dartboard.reports.section import Section, checked

__all__ = ["AnalysisSection"]

Found = TypeVar("Found", bound=BaseModel)


class AnalysisSection(Section[Found]):
    """The section of one analysis; the page of a run shows it where the run made that analysis.

    Attributes:
        analysis: registry name of the analysis.
        findings: what its findings are read as.
    """

    analysis: ClassVar[str]
    findings: type[Found]
    order = 500

    def read(self, run: RunRecords) -> Found | None:
        """The findings.

        Raises:
            RunDirectoryError: they are not those of this analysis.
        """
        if run.analysis is None or run.analysis.name != self.analysis:
            return None
        return checked(self.findings, run.analysis.findings, run.path / AnalysisRecord.file)
