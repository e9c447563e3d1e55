"""Tables and page of a comparison, from its comparison.json."""

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from dartboard.errors import RunDirectoryError
from dartboard.records import Comparison
from dartboard.reports import MethodTable, tabulate, write_comparison

CELL = "|nor_conv_3x3~0|+|skip_connect~0|none~1|+|none~0|none~1|nor_conv_3x3~2|"
FIGURES = (
    "test_accuracy", "balanced_accuracy", "difference", "table_accuracy", "table_percentile", "skips", "parameters",
    "multiply_adds", "search_seconds", "train_seconds",
)  # fmt: skip


def method(name: str, runs: int = 2, failures: int = 0, **figures: tuple[float, float | None]) -> dict[str, Any]:
    spreads = {key: {"mean": figures[key][0], "std": figures[key][1]} if key in figures else None for key in FIGURES}
    return {"method": name, "runs": runs, "failures": failures, **spreads}


def run(name: str, seed: int, **figures: Any) -> dict[str, Any]:
    return {"method": name, "seed": seed, "folder": f"{name}/seed-{seed}", **figures}


def made(**changes: Any) -> dict[str, Any]:
    genotype = {"text": CELL, "json": {}}
    return {
        "schema": 2,
        "dataset": "cats & <dogs>",
        "space": "nas-bench-201",
        "trained": True,
        "baseline": "random",
        "methods": [
            method("darts_x", 1, 1, test_accuracy=(0.9, None), difference=(-0.0123, None), skips=(2.0, None)),
            method("random", test_accuracy=(0.91, 0.0212), skips=(0.5, 0.70710678), search_seconds=(75.2, 3.0)),
        ],
        "runs": [
            run("darts_x", 0, test_accuracy=0.9, genotype=genotype, skips=2),
            run("random", 0, test_accuracy=0.925, genotype=genotype, skips=0, search_seconds=73.0),
            run("darts_x", 1, failure="the training loss is nan"),
            run("random", 1, test_accuracy=0.895, genotype=genotype, skips=1, search_seconds=77.4),
        ],
        "wanted": 6,
        "command": "dartboard compare 'cats & <dogs>'",
        "run_directory": "runs/c",
        "finished": "2026-01-01T00:00:00+00:00",
        **changes,
    }


def tabulated(**changes: Any) -> MethodTable:
    return tabulate(Comparison.from_json(made(**changes)))


def test_a_table_has_a_row_for_each_method_and_no_empty_column() -> None:
    table = tabulated()
    assert table.headings == (
        "method", "runs", "test accuracy (%)", "minus random (points)", "skip connections", "search",
    )  # fmt: skip
    assert table.rows == (
        ("darts_x", "1, 1 failed", "90.00", "-1.23", "2.0", "\u2013"),
        ("random", "2", "91.00 ± 2.12", "\u2013", "0.5 ± 0.7", "1 min 15 s"),
    )
    told = " ".join(table.notes)
    assert "4 of 6 runs are done." in told
    assert "darts_x with seed 1 failed: the training loss is nan" in told
    assert "12 epochs" not in told


def test_figures_of_the_table_are_named_with_their_schedule() -> None:
    by_table = [method("a", table_accuracy=(0.85, 0.01), table_percentile=(93.04, 1.0), difference=(0.02, 0.015))]
    table = tabulated(trained=False, methods=by_table)
    assert table.headings[2:] == ("minus random (points)", "by the table (%)", "better than (%)")
    assert table.rows[0][2:] == ("+2.00 ± 1.50", "85.00 ± 1.00", "93.0 ± 1.0")
    assert "12 epochs" in " ".join(table.notes)


def test_balanced_accuracy_is_shown_where_it_counts() -> None:
    figures = {"test_accuracy": (0.9, None), "balanced_accuracy": (0.8, None), "difference": (0.02, None)}
    for objective, shown in (("accuracy", ()), ("balanced-accuracy", ("balanced accuracy (%)",))):
        runs = [run("a", 0, test_accuracy=0.9, balanced_accuracy=0.8, objective=objective)]
        table = tabulated(methods=[method("a", 1, **figures)], runs=runs)
        assert table.headings[2:] == ("test accuracy (%)", *shown, "minus random (points)")
        said = (
            "is that of balanced accuracy on the test images between" if shown else "is that of test accuracy between"
        )
        assert said in " ".join(table.notes)


def test_page_and_tables_are_written_and_every_name_is_escaped(tmp_path: Path) -> None:
    (tmp_path / "comparison.json").write_text(json.dumps(made()))
    assert write_comparison(tmp_path) == tmp_path / "comparison.html"
    page = (tmp_path / "comparison.html").read_text()
    assert "cats &amp; &lt;dogs&gt;" in page
    assert "<dogs>" not in page
    assert 'href="random/seed-1/report.html"' in page
    assert page.count("<svg") == 1
    assert "91.00 ± 2.12" in page
    assert "the training loss is nan" in page
    markdown = (tmp_path / "comparison.md").read_text().splitlines()
    assert markdown[2] == "| darts_x | 1, 1 failed | 90.00 | -1.23 | 2.0 | \u2013 |"
    latex = (tmp_path / "comparison.tex").read_text()
    assert r"darts\_x & 1, 1 failed & 90.00 & -1.23 & 2.0 & -- \\" in latex
    assert r"91.00 $\pm$ 2.12" in latex
    assert r"test accuracy (\%)" in latex
    with (tmp_path / "comparison.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [(row["method"], row["seed"], row["test_accuracy"]) for row in rows] == [
        ("darts_x", "0", "0.9"), ("random", "0", "0.925"), ("darts_x", "1", ""), ("random", "1", "0.895"),
    ]  # fmt: skip
    assert (rows[0]["genotype"], rows[2]["failure"]) == (CELL, "the training loss is nan")


def test_a_comparison_of_which_nothing_is_done_yet_or_all_failed_has_a_page_too(tmp_path: Path) -> None:
    for runs in ([], [run("darts_x", 0, failure="no memory")]):
        (tmp_path / "comparison.json").write_text(json.dumps(made(runs=runs, methods=[method("darts_x", 0)])))
        assert "<svg" not in write_comparison(tmp_path).read_text()


def test_a_damaged_summary_is_named(tmp_path: Path) -> None:
    (tmp_path / "comparison.json").write_text(json.dumps(made(methods=3)))
    with pytest.raises(RunDirectoryError, match=r"comparison\.json does not hold what a run writes there"):
        write_comparison(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["comparison.json"]


def test_a_comparison_of_an_earlier_version_names_its_baseline() -> None:
    old = {"reference" if key == "baseline" else key: value for key, value in made().items()} | {"schema": 1}
    assert Comparison.from_json(old) == Comparison.from_json(made())
