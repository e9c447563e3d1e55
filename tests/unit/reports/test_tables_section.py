"""The section of a report with what the tables of NAS-Bench-201 say of the architecture found."""

from pathlib import Path

import pytest

from dartboard.records import TableLookUp
from dartboard.reports.sections.tables import TablesSection
from dartboard.space import parse_genotype
from made_up_tables import TEXTS, write_tables


def test_each_schedule_has_columns_of_its_own_on_the_page_and_a_row_in_the_terminal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DARTBOARD_DATA", str(tmp_path))
    write_tables(tmp_path)
    told = TableLookUp.of(parse_genotype(TEXTS[-1]))
    assert told is not None
    section = TablesSection()
    page = section.html(told)
    assert page.index("after 12 epochs") < page.index("after 200 epochs")
    assert "Among the best tenth after 200 epochs" in page
    assert section.lines(told) == {
        "NAS-Bench-201, 12 epochs": "24.00% on CIFAR-10 test  (better than 96.00% of 25 cells)",
        "NAS-Bench-201, 200 epochs": "98.00% on CIFAR-10 test  (better than 92.00% of 25 cells)",
    }
    assert TableLookUp.model_validate(told.model_dump(mode="json")) == told
