import csv
import io

from hypothesis import given
from hypothesis import strategies as st

from dartboard.runs import csv_rows, csv_text
from dartboard.runs.tables import safe_cell, written_cell

DANGEROUS = tuple("=+-@\t\r\n")
TEXTS = st.text(alphabet=st.one_of(st.sampled_from("=+-@\t\r\n'\",;1a.e"), st.characters(exclude_categories=["Cs"])))


@given(TEXTS)
def test_no_text_begins_as_a_formula_does_unless_it_is_a_number(text: str) -> None:
    cell = safe_cell(text)
    if cell.startswith(DANGEROUS):
        assert float(cell) == float(text)
    assert written_cell(cell) == text


@given(st.lists(st.lists(TEXTS, min_size=2, max_size=2), max_size=3))
def test_a_table_reads_back_as_it_was_given(rows: list[list[str]]) -> None:
    text = csv_text(["=a", "b"], rows)
    assert csv_rows(text) == [["=a", "b"], *rows]
    cells = [cell for row in csv.reader(io.StringIO(text, newline="")) for cell in row]
    assert [cell for cell in cells if cell.startswith(DANGEROUS) and safe_cell(cell) != cell] == []


def test_figures_stay_figures_and_nothing_is_an_empty_cell() -> None:
    assert csv_text(["a", "b", "c"], [[-0.5, None, "-0.5"]]) == "a,b,c\n-0.5,,-0.5\n"
