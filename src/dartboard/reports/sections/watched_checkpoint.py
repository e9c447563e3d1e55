"""The findings of the analysis `watches`: what watches measure in the supernet at the end of a search."""

from markupsafe import Markup

from dartboard.engine.finished.analyses.watches import WatchedCheckpoint
from dartboard.reports.analysis_section import AnalysisSection
from dartboard.reports.section import section
from dartboard.reports.watch_facts import WatchesFacts, facts_of, watches_html, watches_lines

__all__ = ["WatchedCheckpointSection"]


@section("watched-checkpoint")
class WatchedCheckpointSection(AnalysisSection[WatchedCheckpoint]):
    """What watches measure in the supernet of a finished search."""

    analysis = "watches"
    findings = WatchedCheckpoint
    title = "Measured after the search"

    def html(self, told: WatchedCheckpoint) -> Markup:
        """Charts, conclusions and figures of every watch."""
        return watches_html(_facts(told))

    def lines(self, told: WatchedCheckpoint) -> dict[str, str]:
        """A row for every watch."""
        return watches_lines(_facts(told))


def _facts(told: WatchedCheckpoint) -> WatchesFacts:
    return facts_of(told.watched, {}) or WatchesFacts(())
