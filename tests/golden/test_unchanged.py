"""Every method, training, selection, analysis and comparison leaves what it left before, bit for bit."""

import json
from pathlib import Path

import pytest

import unchanged

GOLDEN = json.loads(unchanged.GOLDEN.read_text(encoding="utf-8"))
CASES = dict(unchanged.cases())


def test_every_case_has_been_written() -> None:
    assert set(CASES) == set(GOLDEN["cases"]), "run `python tests/unchanged.py --write --only NAME` for what is new"


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_a_case_leaves_what_it_left_before(name: str, tmp_path: Path) -> None:
    here = unchanged.machine()
    if here != GOLDEN["machine"]:
        pytest.skip(f"sums round differently elsewhere: the results are from {GOLDEN['machine']}, and this is {here}")
    CASES[name](tmp_path)
    found = json.loads(json.dumps(unchanged.outcome(tmp_path)))
    assert list(unchanged.differences(GOLDEN["cases"][name], found)) == []
