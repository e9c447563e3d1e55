"""`dartboard query` as users type it."""

import json
from pathlib import Path

from made_up_tables import TEXTS, write_tables

from .conftest import Run


def test_an_architecture_is_looked_up_in_every_table_that_is_there(dartboard: Run, folder: Path) -> None:
    write_tables(folder)
    environment = {"DARTBOARD_DATA": str(folder)}
    told = dartboard("query", "20", environment=environment)
    assert told.code == 0, told.err
    lines = told.out.splitlines()
    assert lines[0] == f"architecture   {TEXTS[13]}"
    headings = next(line for line in lines if line.startswith("data set"))
    assert headings.index("after 12 epochs") < headings.index("after 200 epochs")
    assert any(line.split()[:3] == ["CIFAR-10", "test", "13.00%"] and "63.00%" in line for line in lines)
    assert "must not be compared" in told.out
    found = dartboard("query", TEXTS[13], "--json", environment=environment)
    assert found.code == 0, found.err
    content = json.loads(found.out)
    assert {each["epochs"]: list(each["figures"]) for each in content["tables"]["schedules"]} == {
        12: ["cifar10_test", "cifar10_val"], 200: ["cifar10_test"],
    }  # fmt: skip


def test_what_cannot_be_looked_up_is_said_in_one_sentence(dartboard: Run, folder: Path) -> None:
    for name, root, sentence in (
        ("20", "", "set DARTBOARD_DATA to a folder"),
        ("nowhere", str(folder), "neither a run directory"),
        ("99", str(folder), "there is no architecture 99"),
    ):
        if root:
            write_tables(folder)
        refused = dartboard("query", name, environment={"DARTBOARD_DATA": root})
        assert (refused.code, refused.out) == (2, "")
        assert sentence in refused.error


def test_published_figures_are_listed_and_an_unknown_name_is_one_sentence(dartboard: Run) -> None:
    outcome = dartboard("published", "--method", "pc-darts", "--space", "nas-bench-201", "--data", "cifar10")
    assert outcome.code == 0, outcome.err
    assert "test accuracy 93.41 ± 0.30" in outcome.out
    assert "none of them measured here" in outcome.out
    wrong = dartboard("published", "--method", "pcdarts-", "--data", "nowhere")
    assert wrong.code == 2
    assert "data set 'nowhere'" in wrong.err
    assert wrong.err.count("\n") == 1
