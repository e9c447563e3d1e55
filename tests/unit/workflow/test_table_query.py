"""What `dartboard query` says of an architecture, however it is named."""

import json
from pathlib import Path

import pytest

import dartboard
from dartboard.errors import DataError, GenotypeError
from dartboard.space import parse_genotype
from made_up_tables import TEXTS, write_tables

TEXT = TEXTS[13]


@pytest.fixture(autouse=True)
def _tables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DARTBOARD_DATA", str(tmp_path))
    write_tables(tmp_path)


def test_an_architecture_may_be_a_number_a_text_a_file_or_a_run(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "genotype.json").write_text(json.dumps(parse_genotype(TEXT).to_json()))
    ways = ("20", 20, TEXT, tmp_path / "run" / "genotype.json", str(tmp_path / "run"))
    found = [dartboard.query(way) for way in ways]
    assert found == [found[0]] * len(ways)
    assert (found[0].architecture, found[0].index, found[0].blind) == (TEXT, 20, False)
    assert dartboard.query(TEXTS[0]).blind
    assert (found[0].parameters, found[0].multiply_adds) == (344_346, 47_104_640)


def test_every_schedule_has_columns_of_its_own(tmp_path: Path) -> None:
    found = dartboard.query(TEXT)
    headings, rows = found.tables.headings(), list(found.tables.cells())
    assert headings == (
        "data set", "after 12 epochs", "better than", "rank of 25", "after 200 epochs", "better than", "rank of 25",
    )  # fmt: skip
    assert rows == [
        ("CIFAR-10 test", "13.00%", "52.00%", "12", "63.00%", "52.00%", "12"),
        ("CIFAR-10 validation", "11.00%", "44.00%", "14", "\N{EN DASH}", "\N{EN DASH}", "\N{EN DASH}"),
    ]
    assert "better than" in found._repr_html_()
    (tmp_path / "nas-bench-201" / "nb201_12epochs.parquet").unlink()
    alone = dartboard.query(20)
    assert [entry.epochs for entry in alone.tables.schedules] == [200]
    assert "Only the table of 200 epochs was found" in alone.notes[0]


def test_where_the_order_differs_is_said_for_cells_to_which_it_matters() -> None:
    middling, best = dartboard.query(TEXT), dartboard.query(TEXTS[-1])
    assert len(middling.notes) == 1
    assert "must not be compared" in middling.notes[0]
    assert "Among the best tenth after 200 epochs it is only -1.00 (CIFAR-10 test)" in best.notes[1]
    assert "in the best tenth after 12 and 200 epochs" in best.notes[1]


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("99", "there is no architecture 99 in NAS-Bench-201"),
        ("darts-v2", "hold no architecture of the space 'darts'"),
        ("|nor_conv_1x1~0~cbam|+|none~0|none~1|+|none~0|nor_conv_3x3~1|skip_connect~2|", "have no attention"),
        ("|none~0|", "nas-bench-201"),
        ("nowhere", "neither a run directory"),
    ],
)
def test_what_the_tables_do_not_hold_is_said_in_one_sentence(name: str, sentence: str) -> None:
    with pytest.raises(GenotypeError, match=sentence.replace("|", r"\|")):
        dartboard.query(name)


def test_without_tables_the_folder_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DARTBOARD_DATA")
    with pytest.raises(DataError, match="set DARTBOARD_DATA"):
        dartboard.query(20)
