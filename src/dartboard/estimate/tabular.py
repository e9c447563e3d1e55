"""Tabular benchmarks: accuracies of architectures that others have trained.

NAS-Bench-201 (arXiv:2001.00326, section 3.2) has trained its 15,625 architectures by two schedules, of 12 epochs and of
200. There is one table for each. Papers quote the schedule of 200 epochs, which has higher accuracies and another order
among the best cells. So compare within one table, never accuracies of two schedules, and name the schedule wherever a
figure is shown.
"""

import os
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow
import pyarrow.parquet

from dartboard.errors import DataError, GenotypeError
from dartboard.space import Genotype

__all__ = ["SCHEDULES", "ArchitectureTable", "find_table", "find_tables"]

SCHEDULES = (12, 200)
"""Epochs of the schedules of NAS-Bench-201, the short one first."""

_FOLDER = Path("nas-bench-201")


class ArchitectureTable:
    """Accuracies of every architecture of a space; the text of an architecture is the key.

    Args:
        path: a parquet file with the column `architecture` and columns of accuracies in percent.

    Raises:
        DataError: the file cannot be read, or has no column `architecture`.
    """

    def __init__(self, path: Path) -> None:
        try:
            table = pyarrow.parquet.read_table(path)
        except (OSError, pyarrow.ArrowException) as error:
            raise DataError(f"the table {path} cannot be read: {error}.") from error
        if "architecture" not in table.column_names:
            raise DataError(
                f"the table {path} has no column 'architecture', only {', '.join(table.column_names)}; name a table "
                "with one row for every architecture."
            )
        self.path = path
        self._texts: list[str] = table["architecture"].to_pylist()
        self._rows = {text: row for row, text in enumerate(self._texts)}
        numbers = table["index"].to_pylist() if "index" in table.column_names else range(len(self._texts))
        self._numbers: list[int] = list(numbers)
        self._accuracies: dict[str, npt.NDArray[np.float64]] = {
            name: table[name].to_numpy().astype(np.float64)
            for name in table.column_names
            if pyarrow.types.is_floating(table.schema.field(name).type)
        }

    def __len__(self) -> int:
        """Number of architectures in the table."""
        return len(self._rows)

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the accuracies, such as "cifar10_test"."""
        return tuple(self._accuracies)

    @property
    def numbers(self) -> Mapping[int, str]:
        """Number of an architecture in the benchmark -> its text."""
        return dict(zip(self._numbers, self._texts, strict=True))

    def number(self, genotype: Genotype) -> int:
        """The number of an architecture in the benchmark, as in the column `index`.

        Raises:
            GenotypeError: the table does not hold the architecture.
        """
        return self._numbers[self._row(genotype)]

    def accuracies(self, column: str) -> npt.NDArray[np.float64]:
        """The accuracies of all architectures in percent, in the order of the rows, (architectures,).

        Raises:
            DataError: there is no such column.
        """
        return self._column(column).copy()

    def accuracy(self, genotype: Genotype, column: str) -> float:
        """The accuracy of an architecture, in percent.

        Raises:
            GenotypeError: the table does not hold the architecture.
            DataError: there is no such column.
        """
        return float(self._column(column)[self._row(genotype)])

    def percentile(self, genotype: Genotype, column: str) -> float:
        """Percentage of all architectures that are worse; the best architecture is close to 100 but never reaches it.

        Raises:
            GenotypeError: the table does not hold the architecture.
            DataError: there is no such column.
        """
        accuracies = self._column(column)
        return float(100 * (accuracies < accuracies[self._row(genotype)]).mean())

    def rank(self, genotype: Genotype, column: str) -> int:
        """Place of an architecture among all, from 1 for the best; equals share the better place.

        Raises:
            GenotypeError: the table does not hold the architecture.
            DataError: there is no such column.
        """
        accuracies = self._column(column)
        return 1 + int((accuracies > accuracies[self._row(genotype)]).sum())

    def _row(self, genotype: Genotype) -> int:
        text = genotype.to_text()
        if text not in self._rows:
            raise GenotypeError(
                f"the table {self.path.name} does not hold the architecture {text}; it belongs to another space or "
                "has other operations."
            )
        return self._rows[text]

    def _column(self, name: str) -> npt.NDArray[np.float64]:
        if name not in self._accuracies:
            raise DataError(f"the table {self.path.name} has no accuracies '{name}', only {', '.join(self.columns)}.")
        return self._accuracies[name]


def find_table(epochs: int = SCHEDULES[0]) -> ArchitectureTable:
    """Load a table of NAS-Bench-201 from the folder in the environment variable DARTBOARD_DATA.

    Args:
        epochs: the schedule, one of `SCHEDULES`.

    Raises:
        DataError: the variable is not set, or the folder holds no such table.
    """
    file = _FOLDER / f"nb201_{epochs}epochs.parquet"
    root = os.environ.get("DARTBOARD_DATA")
    if not root or not (Path(root) / file).is_file():
        raise DataError(f"the table of NAS-Bench-201 was not found; set DARTBOARD_DATA to a folder that holds {file}.")
    return _loaded((Path(root) / file).resolve())


def find_tables() -> Mapping[int, ArchitectureTable]:
    """The tables of NAS-Bench-201 that are there: epochs of the schedule -> table, the short schedule first.

    It is empty where DARTBOARD_DATA names no folder with a table.

    Raises:
        DataError: a table is damaged.
    """
    root = os.environ.get("DARTBOARD_DATA")
    there = [each for each in SCHEDULES if root and (Path(root) / _FOLDER / f"nb201_{each}epochs.parquet").is_file()]
    return {epochs: find_table(epochs) for epochs in there}


@lru_cache(maxsize=4)
def _loaded(path: Path) -> ArchitectureTable:
    """The table, read once in a process: a search may look up a cell after every epoch."""
    return ArchitectureTable(path)
