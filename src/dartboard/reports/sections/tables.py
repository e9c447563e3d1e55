"""What the tables of NAS-Bench-201 say of the architecture found."""

from collections.abc import Mapping
from typing import Any

from dartboard.estimate import column_in_words
from dartboard.records import TableLookUp
from dartboard.records.reader import RunRecords
from dartboard.reports.section import Section, section
from dartboard.wording import percent

__all__ = ["TablesSection"]

_COLUMN = "cifar10_test"


@section("tables")
class TablesSection(Section[TableLookUp]):
    """What the tables of NAS-Bench-201 say of the architecture, each schedule of training for itself."""

    order = 210
    title = "Accuracy by NAS-Bench-201"

    def read(self, run: RunRecords) -> TableLookUp | None:
        """What was looked up when the run ended."""
        return run.result.tables if run.result else None

    def drawn(self, told: TableLookUp) -> Mapping[str, Any]:
        """The table of all figures, and what must be known to read them."""
        return {"headings": told.headings(), "rows": tuple(told.cells()), "notes": tuple(told.notes())}

    def lines(self, told: TableLookUp) -> dict[str, str]:
        """One row a schedule, with the accuracy on CIFAR-10."""
        return {
            f"NAS-Bench-201, {entry.epochs} epochs": (
                f"{percent(figures.accuracy)} on {column_in_words(_COLUMN)}  (better than {figures.percentile:.2f}% of "
                f"{entry.architectures:,} cells)"
            )
            for entry in told.schedules
            if (figures := entry.figures.get(_COLUMN))
        }
