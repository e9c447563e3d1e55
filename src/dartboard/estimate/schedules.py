"""What both tables of NAS-Bench-201 say of an architecture, each for itself, and how far their orders agree."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from dartboard.errors import GenotypeError
from dartboard.estimate.tabular import ArchitectureTable, find_tables
from dartboard.runs import Record
from dartboard.space import Genotype

__all__ = ["TABLE_SPACE", "Agreement", "TableEntry", "TableFigures", "agreements", "column_in_words", "look_up"]

TABLE_SPACE = "nas-bench-201"
"""The space whose architectures the tables hold; with options it has others."""

_BEST_SHARE = 0.1
_DATASETS = {"cifar10": "CIFAR-10", "cifar100": "CIFAR-100", "imagenet16-120": "ImageNet16-120"}
_PARTS = {"test": "test", "val": "validation"}


class TableFigures(Record):
    """What a table says of an architecture on one part of one data set."""

    accuracy: float
    """Accuracy after the schedule of the table, as a fraction."""

    percentile: float
    """Percentage of the architectures in the table that are worse."""

    rank: int
    """Place among all architectures of the table, from 1 for the best."""


class TableEntry(Record):
    """What a table of NAS-Bench-201 says of an architecture, after one schedule of training."""

    epochs: int
    """Epochs of the schedule; figures of different schedules must not be compared."""

    index: int
    """Number of the architecture in the benchmark."""

    architectures: int
    """Number of architectures in the table."""

    figures: dict[str, TableFigures]
    """The figures by data set and part, such as "cifar10_test"."""


class Agreement(Record):
    """How far two schedules order the architectures alike, by Spearman's rank correlation on one column."""

    column: str
    """Data set and part, such as "cifar10_test"."""

    schedules: tuple[int, int]
    """Epochs of the two schedules."""

    overall: float
    """Rank correlation of all architectures."""

    among_best: float
    """Rank correlation of the tenth of the architectures that is best by the second schedule."""

    shared_best: float
    """Share of that tenth that also belongs to the best tenth by the first schedule."""


def look_up(genotype: Genotype) -> tuple[TableEntry, ...]:
    """What the tables of NAS-Bench-201 say of an architecture: one entry for each schedule, the short one first.

    The tables lie in the folder of the environment variable DARTBOARD_DATA and are read once in a process. The result
    is empty for an architecture that they do not hold, such as one of another space or with attention, and where there
    is no table.

    Raises:
        DataError: a table is damaged.
    """
    if genotype.space != TABLE_SPACE:
        return ()
    found = (_entry(epochs, table, genotype) for epochs, table in find_tables().items())
    return tuple(entry for entry in found if entry is not None)


def _entry(epochs: int, table: ArchitectureTable, genotype: Genotype) -> TableEntry | None:
    try:
        number = table.number(genotype)
    except GenotypeError:
        return None
    return TableEntry(
        epochs=epochs,
        index=number,
        architectures=len(table),
        figures={
            column: TableFigures(
                accuracy=table.accuracy(genotype, column) / 100,
                percentile=table.percentile(genotype, column),
                rank=table.rank(genotype, column),
            )
            for column in table.columns
        },
    )


def agreements(tables: Mapping[int, ArchitectureTable]) -> tuple[Agreement, ...]:
    """How far two tables order the architectures alike, on every column that both have; empty unless there are two.

    Args:
        tables: epochs of the schedule -> table; the best tenth is that of the second one.
    """
    if len(tables) != 2:
        return ()
    first, second = tables.values()
    return tuple(_agreement(tables, column) for column in first.columns if column in second.columns)


def _agreement(tables: Mapping[int, ArchitectureTable], column: str) -> Agreement:
    (first, by_first), (second, by_second) = tables.items()
    short, long = _in_one_order(by_first, by_second, column)
    size = max(2, round(_BEST_SHARE * len(long)))
    best, best_by_short = (set(np.argsort(-values, kind="stable")[:size].tolist()) for values in (long, short))
    rows = sorted(best)
    return Agreement(
        column=column,
        schedules=(first, second),
        overall=_spearman(short, long),
        among_best=_spearman(short[rows], long[rows]),
        shared_best=len(best & best_by_short) / size,
    )


def _in_one_order(
    first: ArchitectureTable, second: ArchitectureTable, column: str
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """The accuracies of the architectures that both tables hold, by number."""
    own = dict(zip(first.numbers, first.accuracies(column), strict=True))
    other = dict(zip(second.numbers, second.accuracies(column), strict=True))
    shared = sorted(own.keys() & other.keys())
    return np.array([own[each] for each in shared]), np.array([other[each] for each in shared])


def _spearman(one: npt.NDArray[np.float64], other: npt.NDArray[np.float64]) -> float:
    from scipy.stats import spearmanr  # slow to import, and most verbs compare no orders

    return float(spearmanr(one, other).statistic)


def column_in_words(column: str) -> str:
    """A column in words: "CIFAR-10 test" for "cifar10_test"."""
    dataset, _, part = column.rpartition("_")
    return f"{_DATASETS.get(dataset, dataset)} {_PARTS.get(part, part)}".strip()
