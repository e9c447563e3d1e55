from pathlib import Path

import pyarrow
import pyarrow.parquet
import pytest

from dartboard.errors import DataError, GenotypeError
from dartboard.estimate import ArchitectureTable, find_table
from dartboard.space import parse_genotype

TEXTS = [f"|{op}~0|+|none~0|none~1|+|none~0|none~1|{op}~2|" for op in ("none", "skip_connect", "nor_conv_3x3")]


@pytest.fixture
def table(tmp_path: Path) -> ArchitectureTable:
    content = pyarrow.table({"index": [0, 1, 2], "architecture": TEXTS, "cifar10_test": [10.0, 80.5, 80.5]})
    pyarrow.parquet.write_table(content, tmp_path / "table.parquet")
    return ArchitectureTable(tmp_path / "table.parquet")


def test_accuracies_are_found_by_architecture_and_ranked_among_all(table: ArchitectureTable) -> None:
    first, second, _ = (parse_genotype(text) for text in TEXTS)
    assert len(table) == 3
    assert table.columns == ("cifar10_test",)
    assert table.accuracy(second, "cifar10_test") == 80.5
    assert table.percentile(first, "cifar10_test") == 0
    assert table.percentile(second, "cifar10_test") == pytest.approx(100 / 3), "equals are not worse"


def test_what_is_not_there_is_said_with_what_is(table: ArchitectureTable, tmp_path: Path) -> None:
    with pytest.raises(GenotypeError, match="does not hold the architecture"):
        table.accuracy(parse_genotype("|none~0|+|none~0|none~1|"), "cifar10_test")
    with pytest.raises(DataError, match="no accuracies 'cifar10_val', only cifar10_test"):
        table.percentile(parse_genotype(TEXTS[0]), "cifar10_val")
    (tmp_path / "broken.parquet").write_bytes(b"no table")
    with pytest.raises(DataError, match=r"broken\.parquet cannot be read"):
        ArchitectureTable(tmp_path / "broken.parquet")
    pyarrow.parquet.write_table(pyarrow.table({"index": [0]}), tmp_path / "other.parquet")
    with pytest.raises(DataError, match="has no column 'architecture', only index"):
        ArchitectureTable(tmp_path / "other.parquet")


def test_the_table_is_looked_for_where_the_data_are(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DARTBOARD_DATA", str(tmp_path))
    with pytest.raises(DataError, match="set DARTBOARD_DATA to a folder"):
        find_table()


def test_the_real_table_holds_the_whole_space(nas_bench_201_table: ArchitectureTable) -> None:
    assert len(nas_bench_201_table) == 15_625
    skips, best = (
        parse_genotype(f"|{op}~0|+|{op}~0|{op}~1|+|skip_connect~0|{op}~1|{op}~2|")
        for op in ("skip_connect", "nor_conv_3x3")
    )
    assert nas_bench_201_table.percentile(skips, "cifar10_test") < 30
    assert nas_bench_201_table.percentile(best, "cifar10_test") > 95
