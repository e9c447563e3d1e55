"""What watches have measured while the search went on."""

from markupsafe import Markup

from dartboard.engine.finished.analyses.watches import WatchedEpoch
from dartboard.records import RunRecords
from dartboard.reports.section import Section, section
from dartboard.reports.watch_facts import WatchesFacts, facts_of, watches_html, watches_lines
from dartboard.runs import Watched

__all__ = ["WatchesSection"]


@section("watches")
class WatchesSection(Section[WatchesFacts]):
    """What watches have measured while the search went on."""

    order = 610
    title = "Watched during the search"

    def read(self, run: RunRecords) -> WatchesFacts | None:
        """Every measurement, watch by watch, beside what the epochs have recorded."""
        events = [event for event in run.events if isinstance(event, Watched)]
        if not events:
            return None
        epochs = {epoch.epoch: epoch for epoch in run.search_epochs}
        curvature = {event.epoch: event.figures for event in events if event.name.partition(":")[0] == "curvature"}
        measured, seconds = [], dict[str, float]()
        for event in events:
            epoch = epochs.get(event.epoch)
            eigenvalue = (epoch.figures.get("eigenvalue") if epoch else None) or curvature.get(event.epoch, {}).get(
                "eigenvalue"
            )
            measured.append(
                WatchedEpoch(
                    name=event.name,
                    epoch=event.epoch,
                    figures=dict(event.figures),
                    parts=event.parts,
                    validation_accuracy=epoch.validation_accuracy if epoch else None,
                    eigenvalue=eigenvalue,
                )
            )
            seconds[event.name] = seconds.get(event.name, 0.0) + event.seconds
        return facts_of(measured, seconds)

    def html(self, told: WatchesFacts) -> Markup:
        """Charts, conclusions and figures of every watch."""
        return watches_html(told)

    def lines(self, told: WatchesFacts) -> dict[str, str]:
        """A row for every watch."""
        return watches_lines(told)
