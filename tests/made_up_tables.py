"""Tables of NAS-Bench-201 as small files, with figures that a test can compute in its head."""

from collections.abc import Mapping
from pathlib import Path

import pyarrow
import pyarrow.parquet

OPS = ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3")
TEXTS = [f"|{a}~0|+|none~0|none~1|+|none~0|{b}~1|skip_connect~2|" for a in OPS for b in OPS]
FIRST_NUMBER = 7


def write_table(root: Path, epochs: int, columns: Mapping[str, list[float]]) -> None:
    """The table of one schedule in the folder that DARTBOARD_DATA may name; the architectures are `TEXTS`."""
    folder = root / "nas-bench-201"
    folder.mkdir(exist_ok=True)
    numbers = [FIRST_NUMBER + row for row in range(len(TEXTS))]
    content = pyarrow.table({"index": numbers, "architecture": TEXTS, **columns})
    pyarrow.parquet.write_table(content, folder / f"nb201_{epochs}epochs.parquet")


def write_tables(root: Path) -> None:
    """Both tables; by the second one the best two architectures are in another order."""
    rising = [float(row) for row in range(len(TEXTS))]
    write_table(root, 12, {"cifar10_test": rising, "cifar10_val": rising[::-1]})
    write_table(root, 200, {"cifar10_test": [50 + row for row in rising[:-2]] + [99.0, 98.0]})
