"""The two tables of NAS-Bench-201 side by side, each figure with the schedule that it belongs to."""

from dataclasses import replace
from pathlib import Path

import pytest

from dartboard.estimate import agreements, column_in_words, find_table, find_tables, look_up
from dartboard.space import PUBLISHED, parse_genotype
from made_up_tables import TEXTS, write_tables


@pytest.fixture
def tables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DARTBOARD_DATA", str(tmp_path))
    write_tables(tmp_path)
    return tmp_path


def test_each_schedule_has_an_entry_of_its_own_with_all_its_columns(tables: Path) -> None:
    short, long = look_up(parse_genotype(TEXTS[3]))
    assert (short.epochs, short.index, short.architectures) == (12, 10, 25)
    assert set(short.figures) == {"cifar10_test", "cifar10_val"}
    test = short.figures["cifar10_test"]
    assert (test.accuracy, test.percentile, test.rank) == (0.03, 12.0, 22)
    assert short.figures["cifar10_val"].rank == 4
    assert (long.epochs, set(long.figures)) == (200, {"cifar10_test"})
    assert long.figures["cifar10_test"].accuracy == 0.53


def test_what_no_table_holds_is_not_looked_up(tables: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert look_up(PUBLISHED["darts-v2"]) == ()
    assert look_up(replace(parse_genotype(TEXTS[3]), space="nas-bench-201:nodes=2")) == ()
    attended = parse_genotype("|none~0~cbam|+|none~0|none~1|+|none~0|none~1|none~2|")
    assert look_up(attended) == ()
    (tables / "nas-bench-201" / "nb201_12epochs.parquet").unlink()
    assert [entry.epochs for entry in look_up(parse_genotype(TEXTS[3]))] == [200]
    assert agreements(find_tables()) == ()
    monkeypatch.delenv("DARTBOARD_DATA")
    assert look_up(parse_genotype(TEXTS[3])) == ()


def test_the_orders_are_compared_among_all_and_among_the_best(tables: Path) -> None:
    (found,) = agreements(find_tables())
    assert found.column == "cifar10_test"  # the only one that both have
    assert found.schedules == (12, 200)
    assert found.overall == pytest.approx(1 - 6 * 2 / (25 * (25**2 - 1)))  # one pair of neighbours in another order
    assert found.among_best == pytest.approx(-1)  # that pair is the best tenth
    assert found.shared_best == 1


def test_a_column_has_a_name_in_words() -> None:
    assert column_in_words("cifar10_test") == "CIFAR-10 test"
    assert column_in_words("imagenet16-120_val") == "ImageNet16-120 validation"


@pytest.mark.data
def test_the_real_tables_agree_on_the_whole_and_not_among_the_best(
    data_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DARTBOARD_DATA", str(data_root))
    long = find_table(200)
    best = {column: long.accuracies(column) for column in long.columns}
    assert {column: round(float(each.max()), 2) for column, each in best.items()} == {
        "cifar10_test": 94.37, "cifar100_test": 73.51, "imagenet16-120_test": 47.31,
    }  # fmt: skip
    assert {column: round(float(each.mean()), 2) for column, each in best.items()} == {
        "cifar10_test": 87.06, "cifar100_test": 61.41, "imagenet16-120_test": 33.59,
    }  # fmt: skip
    short, full = look_up(PUBLISHED["nas-bench-201-9930"])
    assert (short.index, full.index) == (9930, 9930)
    assert {column: round(100 * each.accuracy, 2) for column, each in short.figures.items()} == {
        "cifar10_test": 88.66, "cifar10_val": 84.75, "cifar100_test": 61.12, "cifar100_val": 60.28,
        "imagenet16-120_test": 37.87, "imagenet16-120_val": 37.63,
    }  # fmt: skip
    assert [round(100 * each.accuracy, 2) for each in full.figures.values()] == [94.36, 73.51, 46.34]
    found = agreements(find_tables())
    assert [each.column for each in found] == ["cifar10_test", "cifar100_test", "imagenet16-120_test"]
    assert (round(found[0].overall, 2), round(found[0].among_best, 2)) == (0.87, 0.54)
