"""What another selection from the same supernet changed; in the terminal alone."""

from dartboard.records import ReselectionRecord
from dartboard.records.reader import RunRecords
from dartboard.reports.section import Section, section

__all__ = ["ReselectionSection"]


@section("reselection")
class ReselectionSection(Section[ReselectionRecord]):
    """What another selection from the same supernet changed."""

    order = 250

    def read(self, run: RunRecords) -> ReselectionRecord | None:
        """What was selected before and now."""
        return run.reselection

    def lines(self, told: ReselectionRecord) -> dict[str, str]:
        """What the search had chosen and what is chosen now, one below the other."""
        return {
            "genotype before": told.genotype_before.text,
            "skip connections": f"{told.skips} by {told.name}, {told.skips_before} before",
            "selected from": told.run,
        }
