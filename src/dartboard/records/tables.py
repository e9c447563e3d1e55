"""What the tables of NAS-Bench-201 say of an architecture, as a record, as rows, and in sentences."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Self

from dartboard.estimate import Agreement, TableEntry, TableFigures, agreements, column_in_words, find_tables, look_up
from dartboard.runs import Record
from dartboard.space import Genotype
from dartboard.wording import DASH, listing, percent

__all__ = ["TableLookUp", "notes_on_agreement"]

_BEST = 90.0
"""Percentile from which an architecture belongs to the best tenth."""


class TableLookUp(Record):
    """What the tables of NAS-Bench-201 say of an architecture."""

    schedules: tuple[TableEntry, ...]
    """One entry for each schedule of training whose table is there, the short one first."""

    agreements: tuple[Agreement, ...] = ()
    """How far the two schedules order all architectures alike, by data set; empty unless both tables are there."""

    @classmethod
    def of(cls, genotype: Genotype) -> Self | None:
        """Look an architecture up; None if no table holds it, or there is none.

        Raises:
            DataError: a table is damaged.
        """
        found = look_up(genotype)
        return cls(schedules=found, agreements=agreements(find_tables())) if found else None

    def headings(self) -> tuple[str, ...]:
        """Headings of `cells`; each schedule has columns of its own."""
        return (
            "data set",
            *(
                heading
                for entry in self.schedules
                for heading in (f"after {entry.epochs} epochs", "better than", f"rank of {entry.architectures:,}")
            ),
        )

    def cells(self) -> Iterator[tuple[str, ...]]:
        """One row of texts below `headings` for each data set and part."""
        for column in dict.fromkeys(column for entry in self.schedules for column in entry.figures):
            figures = (entry.figures.get(column) for entry in self.schedules)
            yield (column_in_words(column), *(text for told in figures for text in _texts(told)))

    def notes(self) -> Iterator[str]:
        """What must be known to read the figures, in sentences."""
        if self.agreements:
            yield from notes_on_agreement(self.agreements, self.schedules)
        else:
            shown = listing(f"{entry.epochs} epochs" for entry in self.schedules)
            yield f"Only the table of {shown} was found; another schedule has other accuracies and ranks."


def _texts(told: TableFigures | None) -> tuple[str, str, str]:
    """Accuracy, percentile and rank; dashes where the table has no such column."""
    if told is None:
        return DASH, DASH, DASH
    return percent(told.accuracy), f"{told.percentile:.2f}%", f"{told.rank:,}"


def notes_on_agreement(told: Sequence[Agreement], entries: Iterable[TableEntry]) -> Iterator[str]:
    """How far the schedules agree, and whether it matters for these architectures, in sentences.

    Args:
        told: how far the schedules agree on each data set; one or more.
        entries: the entries of the architectures that are shown, of any schedule.
    """
    short, long = told[0].schedules
    overall = listing(f"{each.overall:.2f} ({column_in_words(each.column)})" for each in told)
    yield (
        f"Accuracies after {short} and after {long} epochs must not be compared. The rank correlation between the "
        f"orders of all cells after {short} and after {long} epochs is {overall}."
    )
    if best := _among_best(told, tuple(entries)):
        among = listing(f"{each.among_best:.2f} ({column_in_words(each.column)})" for each in told)
        shared = listing(percent(each.shared_best, digits=0) for each in told)
        yield (
            f"Among the best tenth after {long} epochs it is only {among}, and only {shared} of that tenth are in the "
            f"best tenth after {short} epochs. A cell shown here is in the best tenth after {listing(best)} epochs: "
            "where cells are that good, the order after one schedule does not tell the order after the other."
        )


def _among_best(told: Sequence[Agreement], entries: Sequence[TableEntry]) -> list[str]:
    """The schedules by which one of the architectures is in the best tenth on one of the data sets."""
    return [
        str(epochs)
        for epochs in told[0].schedules
        if any(
            entry.epochs == epochs and (own := entry.figures.get(each.column)) and own.percentile >= _BEST
            for entry in entries
            for each in told
        )
    ]
