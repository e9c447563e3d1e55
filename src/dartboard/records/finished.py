"""Records of work on a finished search: another selection, or an analysis."""

from typing import Any, ClassVar

from dartboard.records.dataset import GenotypeForms
from dartboard.runs import Document

__all__ = ["AnalysisRecord", "ReselectionRecord"]


class ReselectionRecord(Document):
    """Another selection from the supernet of a finished search, compared with the choice of the search itself."""

    file: ClassVar[str] = "selection.json"
    written_by: ClassVar[str] = "select"

    name: str
    """Name of the selection."""

    run: str
    """The run directory of the search."""

    genotype_before: GenotypeForms
    """The architecture that the search itself had chosen."""

    skips_before: int
    """Number of skip connections in that architecture, over all cells."""

    skips: int
    """Number of skip connections in the architecture that is chosen now, over all cells."""


class AnalysisRecord(Document):
    """The findings of an analysis of a finished search."""

    file: ClassVar[str] = "analysis.json"
    written_by: ClassVar[str] = "analyse"

    name: str
    """Name of the analysis."""

    run: str
    """The run directory of the search."""

    findings: dict[str, Any]
    """The findings; every analysis has keys of its own, and accuracies are fractions."""
