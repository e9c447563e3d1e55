"""Tabular benchmarks: accuracies of architectures that others have trained.

The table of NAS-Bench-201 in the data of dartboard holds all 15,625 architectures after the short schedule of the
benchmark, 12 epochs (arXiv:2001.00326, section 3.2). Papers quote the schedule of 200 epochs, which has higher
accuracies. So compare ranks within one table, never accuracies of two schedules.
"""

import os
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow
import pyarrow.parquet

from dartboard.errors import DataError, GenotypeError
from dartboard.space import Genotype

__all__ = ["ArchitectureTable", "find_table"]

_FILE = Path("nas-bench-201") / "nb201_12epochs.parquet"


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
        self._rows = {text: row for row, text in enumerate(table["architecture"].to_pylist())}
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


def find_table() -> ArchitectureTable:
    """Load the table of NAS-Bench-201 from the folder in the environment variable DARTBOARD_DATA.

    Raises:
        DataError: the variable is not set, or the folder holds no such table.
    """
    root = os.environ.get("DARTBOARD_DATA")
    if not root or not (Path(root) / _FILE).is_file():
        raise DataError(f"the table of NAS-Bench-201 was not found; set DARTBOARD_DATA to a folder that holds {_FILE}.")
    return ArchitectureTable(Path(root) / _FILE)
