"""What was made of a search once it had ended: another selection, or an analysis."""

from typing import Any, ClassVar

from dartboard.records.dataset import GenotypeForms
from dartboard.runs import Document

__all__ = ["AnalysisRecord", "ReselectionRecord"]


class ReselectionRecord(Document):
    """Another selection from the supernet of a run that had ended: what was chosen before, and what is chosen now."""

    file: ClassVar[str] = "selection.json"
    written_by: ClassVar[str] = "select"

    name: str
    """Which selection."""

    run: str
    """The run directory of the search."""

    genotype_before: GenotypeForms
    """What the search itself had chosen."""

    skips_before: int
    """Skip connections in it, over all cells."""

    skips: int
    """Skip connections in what is chosen now."""


class AnalysisRecord(Document):
    """What was found out about a search that had ended."""

    file: ClassVar[str] = "analysis.json"
    written_by: ClassVar[str] = "analyse"

    name: str
    """Which analysis."""

    run: str
    """The run directory of the search."""

    findings: dict[str, Any]
    """What it found; every analysis has keys of its own, and accuracies are fractions."""
