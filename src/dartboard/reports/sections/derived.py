"""What the tables of NAS-Bench-201 tell of the cells that a search would have derived after each epoch."""

from markupsafe import Markup

from dartboard.records import RunRecords
from dartboard.reports.derived import DERIVED, derived_epochs
from dartboard.reports.section import Section, section
from dartboard.reports.watch_facts import WatchesFacts, facts_of, watches_html
from dartboard.runs import Watched

__all__ = ["DerivedSection"]


@section("derived")
class DerivedSection(Section[WatchesFacts]):
    """What tables tell of the cell of every epoch, where no watch has recorded that in the search."""

    order = 611
    title = "Cells along the search, by the tables"

    def read(self, run: RunRecords) -> WatchesFacts | None:
        """Looked up now, from what the epochs have recorded."""
        if any(isinstance(event, Watched) and event.name == DERIVED for event in run.events):
            return None
        return facts_of(derived_epochs(run.search_epochs), {})

    def html(self, told: WatchesFacts) -> Markup:
        """A chart for each schedule, and from which epoch on all cells are below the mean."""
        return watches_html(told)
