"""The change by another selection from the same supernet; shown only in the terminal."""

from dartboard.records import ReselectionRecord
from dartboard.records.reader import RunRecords
from dartboard.reports.section import Section, section
from dartboard.wording import Verbatim

__all__ = ["SelectionSection"]


@section("selection")
class SelectionSection(Section[ReselectionRecord]):
    """The change by another selection from the same supernet."""

    order = 250

    def read(self, run: RunRecords) -> ReselectionRecord | None:
        """The architectures selected before and now."""
        return run.reselection

    def lines(self, told: ReselectionRecord) -> dict[str, str]:
        """The choice of the search, and the numbers of skip connections before and now."""
        return {
            "genotype before": Verbatim(told.genotype_before.text),
            "skip connections": f"{told.skips} by {told.name}, {told.skips_before} before",
            "selected from": Verbatim(told.run),
        }
