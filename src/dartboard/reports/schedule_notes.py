"""What must be said beside the accuracies that a comparison has looked up in the tables of NAS-Bench-201."""

from collections.abc import Iterator, Sequence
from itertools import combinations

from dartboard.estimate import Agreement, column_in_words
from dartboard.records import Comparison
from dartboard.records.tables import notes_on_agreement
from dartboard.wording import count

__all__ = ["schedule_notes"]

_NAMED = 3
"""Number of pairs of methods that a sentence names."""


def schedule_notes(comparison: Comparison) -> Iterator[str]:
    """Which table the figures are from, how far the schedules agree, and which methods change places."""
    if any(method.table_accuracy or method.tables for method in comparison.methods):
        yield (
            "By the table: the accuracy of the cell on CIFAR-10's test images in NAS-Bench-201 after a schedule of 12 "
            "or of 200 epochs, as each column names it, and the share of the benchmark's cells that are worse. Papers "
            "quote the schedule of 200 epochs."
        )
    if comparison.agreements:
        yield from notes_on_agreement(comparison.agreements, [each for run in comparison.runs for each in run.tables])
        for told in comparison.agreements:
            yield from _exchanged(comparison, told)


def _exchanged(comparison: Comparison, told: Agreement) -> Iterator[str]:
    """Which methods are in another order by the other schedule, on one data set."""
    means = {
        method.method: tuple(
            spread.figures[told.column].accuracy.mean for spread in method.tables if told.column in spread.figures
        )
        for method in comparison.methods
    }
    known = [(name, found) for name, found in means.items() if len(found) == len(told.schedules)]
    pairs = [
        (one, other) if a[0] > b[0] else (other, one)
        for (one, a), (other, b) in combinations(known, 2)
        if (a[0] - b[0]) * (a[1] - b[1]) < 0
    ]
    if pairs:
        short, long = told.schedules
        yield (
            f"{column_in_words(told.column)}: {_pairs(pairs)} after {short} epochs, and the other way round after "
            f"{long}."
        )


def _pairs(pairs: Sequence[tuple[str, str]]) -> str:
    told = [f"{before} is before {behind}" for before, behind in pairs[:_NAMED]]
    more = f" (and {count(len(pairs) - _NAMED, 'more pair')})" if len(pairs) > _NAMED else ""
    return ", ".join(told) + more
