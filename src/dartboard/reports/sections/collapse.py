"""A search that collapses: what was seen, since when, and what was or can be done about it."""

from dataclasses import dataclass

from dartboard.engine.collapse import REMEDIES, collapse, signs
from dartboard.errors import DartboardError
from dartboard.records import CollapseSummary, RunRecords
from dartboard.reports.section import Section, section
from dartboard.space import get_space
from dartboard.wording import duration

__all__ = ["CollapseFacts", "CollapseSection"]


@dataclass(frozen=True)
class CollapseFacts:
    """A collapse.

    Attributes:
        signal: what told it.
        since: epoch in which it began.
        good: the last epoch before that; None if there is none.
        words: what was seen, with figures.
        advice: what is tried against it.
        done: what was done about it and what both searches cost; None where the search only went on.
    """

    signal: str
    since: int
    good: int | None
    words: str
    advice: str
    done: CollapseSummary | None


@section("collapse")
class CollapseSection(Section[CollapseFacts]):
    """A search that collapses, by written rules on its records; none for other searches."""

    order = 590
    title = "Collapse"

    def read(self, run: RunRecords) -> CollapseFacts | None:
        """What was done about it, or what the records of the epochs show."""
        epochs = run.search_epochs
        if (record := run.collapsed) is not None:
            done = CollapseSummary.of(record, epochs)
            return CollapseFacts(record.signal, record.since, record.good, record.words, REMEDIES, done)
        if not epochs or run.reselection or run.settings.get("search", {}).get("guard") == "off":
            return None
        try:
            found = collapse(signs(epochs, get_space(str(epochs[-1].genotype.get("space")))), epochs[-1].epochs)
        except DartboardError:  # the space or an operation of another package that is no longer installed
            return None
        return CollapseFacts(found.signal, found.since, found.good, found.words, REMEDIES, None) if found else None

    def lines(self, told: CollapseFacts) -> dict[str, str]:
        """What was seen, and what was done."""
        rows = {"the search collapses": told.words}
        done = told.done
        if done is not None and done.action == "stop":
            rows["what was done"] = (
                "the search was stopped"
                if done.good is None
                else f"the search was stopped, and its architecture is that of epoch {done.good}"
            )
        elif done is not None:
            rows["what was done"] = (
                f"a second search, RobustDARTS, gave the architecture; the first took {duration(done.first_seconds)}, "
                f"the second {duration(done.second_seconds)}"
            )
            if done.again:
                rows["the second one collapses"] = f"{done.again}; it was stopped"
        return rows
