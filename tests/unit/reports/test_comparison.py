"""Tables and page of a comparison, from its comparison.json."""

import csv
import html
import json
import re
from pathlib import Path
from typing import Any

import pytest

from dartboard.errors import RunDirectoryError
from dartboard.estimate import Agreement, TableEntry, TableFigures
from dartboard.records import ComparedRun, Comparison, GenotypeForms
from dartboard.records.comparison import summary_of
from dartboard.reports import MethodTable, tabulate, tabulate_schedules, write_comparison
from dartboard.reports.table_forms import latex
from dartboard.space.genotype import parse_genotype

CELL = "|nor_conv_3x3~0|+|skip_connect~0|none~1|+|none~0|none~1|nor_conv_3x3~2|"
FIGURES = (
    "test_accuracy", "balanced_accuracy", "difference", "table_accuracy", "table_percentile", "skips", "parameters",
    "multiply_adds", "search_seconds", "train_seconds",
)  # fmt: skip


def method(name: str, runs: int = 2, failures: int = 0, **figures: tuple[float, ...]) -> dict[str, Any]:
    """A method with figures as mean and standard deviation, and the ends of the interval where there are any."""
    spreads = {
        key: {"mean": figures[key][0], "std": figures[key][1], "interval": figures[key][2:] or None}
        if key in figures
        else None
        for key in FIGURES
    }
    return {"method": name, "runs": runs, "failures": failures, **spreads}


def run(name: str, seed: int, **figures: Any) -> dict[str, Any]:
    return {"method": name, "seed": seed, "folder": f"{name}/seed-{seed}", **figures}


def made(**changes: Any) -> dict[str, Any]:
    genotype = GenotypeForms.of(parse_genotype(CELL)).model_dump(mode="json", by_alias=True)
    return {
        "schema": 2,
        "dataset": "cats & <dogs>",
        "space": "nas-bench-201",
        "preset": "smoke",
        "seeds": [0, 1],
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
        "method", "runs", "test accuracy (%)", "difference to random (points)", "skip connections", "search",
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
    assert table.headings[2:] == (
        "difference to random (points)", "by the table, 12 epochs (%)", "better than, 12 epochs (%)",
    )  # fmt: skip
    assert table.rows[0][2:] == ("+2.00 ± 1.50", "85.00 ± 1.00", "93.0 ± 1.0")
    assert "after a schedule of 12 or of 200 epochs" in " ".join(table.notes)


def looked_up(epochs: int, **accuracies: float) -> TableEntry:
    """An entry whose percentile is ten times the accuracy's tenths."""
    figures = {
        column: TableFigures(accuracy=accuracy, percentile=100 * accuracy - 5, rank=1)
        for column, accuracy in accuracies.items()
    }
    return TableEntry(epochs=epochs, index=1, architectures=15_625, figures=figures)


def by_both_tables() -> dict[str, Any]:
    """Two methods that change places between the schedules on CIFAR-10."""
    short, long = {"a": 0.84, "random": 0.80}, {"a": 0.92, "random": 0.93}
    runs = [
        ComparedRun(
            method=name,
            seed=0,
            folder=name,
            table_accuracy=short[name],
            table_percentile=90.0,
            tables=(looked_up(12, cifar10_test=short[name], cifar10_val=0.5), looked_up(200, cifar10_test=long[name])),
        )
        for name in short
    ]
    agreements = [
        Agreement(column="cifar10_test", schedules=(12, 200), overall=0.87, among_best=0.54, shared_best=0.52)
    ]
    return made(
        trained=False,
        methods=[summary_of(name, "random", runs).model_dump(mode="json") for name in short],
        runs=[run.model_dump(mode="json") for run in runs],
        agreements=[each.model_dump(mode="json") for each in agreements],
    )


def test_both_schedules_stand_beside_each_other_and_in_no_common_column(tmp_path: Path) -> None:
    comparison = Comparison.from_json(by_both_tables())
    table = tabulate(comparison)
    assert table.headings[2:] == (
        "difference to random (points)", "by the table, 12 epochs (%)", "better than, 12 epochs (%)",
        "by the table, 200 epochs (%)", "better than, 200 epochs (%)", "difference to random, 200 epochs (points)",
    )  # fmt: skip
    assert table.rows[0][2:] == ("+4.00", "84.00", "90.0", "92.00", "87.0", "-1.00")
    short, long = tabulate_schedules(comparison)
    assert (short.headings, long.headings) == (
        ("method", "CIFAR-10 test", "CIFAR-10 validation"),
        ("method", "CIFAR-10 test"),
    )
    assert "after 12 epochs" in short.caption
    assert long.rows == (("a", "92.00 (87.0)"), ("random", "93.00 (88.0)"))
    assert (short.best[0], long.best[0]) == (frozenset({1, 2}), frozenset())
    (tmp_path / "comparison.json").write_text(json.dumps(by_both_tables()))
    page = write_comparison(tmp_path).read_text()
    assert "By the table of NAS-Bench-201 after 200 epochs" in page
    assert (
        "| random | 93.00 (88.0) |".replace("93.00 (88.0)", "**93.00 (88.0)**")
        in (tmp_path / "comparison.md").read_text()
    )
    with (tmp_path / "comparison.csv").open(newline="") as stream:
        row = next(csv.DictReader(stream))
    assert (row["cifar10_test_12_epochs"], row["cifar10_test_200_epochs"]) == ("0.84", "0.92")


def test_methods_that_change_places_between_the_schedules_are_named() -> None:
    told = " ".join(tabulate(Comparison.from_json(by_both_tables())).notes)
    assert "CIFAR-10 test: a is before random after 12 epochs, and the other way round after 200." in told
    assert "0.54" not in told  # no cell is in the best tenth
    closer = by_both_tables()
    closer["runs"][0]["tables"][1]["figures"]["cifar10_test"]["percentile"] = 95.0
    told = " ".join(tabulate(Comparison.from_json(closer)).notes)
    assert "Among the best tenth after 200 epochs it is only 0.54" in told
    assert "in the best tenth after 200 epochs: where" in told


def test_balanced_accuracy_is_shown_where_it_counts() -> None:
    figures = {"test_accuracy": (0.9, None), "balanced_accuracy": (0.8, None), "difference": (0.02, None)}
    for objective, shown in (("accuracy", ()), ("balanced-accuracy", ("balanced accuracy (%)",))):
        runs = [run("a", 0, test_accuracy=0.9, balanced_accuracy=0.8, objective=objective)]
        table = tabulated(methods=[method("a", 1, **figures)], runs=runs)
        assert table.headings[2:] == ("test accuracy (%)", *shown, "difference to random (points)")
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
    assert "href" not in re.sub(r"<svg.*?</svg>", "", page, flags=re.DOTALL)
    assert page.count("<svg") == 5
    assert "random, seed 1." in page
    assert "91.00 ± 2.12" in page
    assert "the training loss is nan" in page
    markdown = (tmp_path / "comparison.md").read_text().splitlines()
    assert "| darts_x | 1, 1 failed | 90.00 | -1.23 | 2.0 | \u2013 |" in markdown
    assert "**91.00 ± 2.12**" in markdown[5]
    latex = (tmp_path / "comparison.tex").read_text()
    assert r"darts\_x & 1, 1 failed & 90.00 & $-$1.23 & 2.0 & -- \\" in latex
    assert r"\textbf{91.00 $\pm$ 2.12}" in latex
    assert latex.count("textbf") == 1
    assert r"test accuracy (\%)" in latex
    with (tmp_path / "comparison.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [(row["method"], row["seed"], row["test_accuracy"]) for row in rows] == [
        ("darts_x", "0", "0.9"), ("random", "0", "0.925"), ("darts_x", "1", ""), ("random", "1", "0.895"),
    ]  # fmt: skip
    assert (rows[0]["genotype"], rows[2]["failure"]) == (CELL, "the training loss is nan")


def test_every_form_names_data_space_preset_and_seeds_and_has_no_empty_column(tmp_path: Path) -> None:
    (tmp_path / "comparison.json").write_text(json.dumps(made()))
    write_comparison(tmp_path)
    sentence = (
        "Data set cats & <dogs>, space nas-bench-201, preset smoke, seeds 0 and 1; each architecture found was trained "
        "and tested."
    )
    assert tabulated().caption == sentence
    assert (tmp_path / "comparison.md").read_text().startswith(sentence + "\n\n|")
    assert f"\\caption{{{sentence.replace('&', chr(92) + '&')}}}" in (tmp_path / "comparison.tex").read_text()
    assert html.escape(sentence) in (tmp_path / "comparison.html").read_text()
    with (tmp_path / "comparison.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert {(row["dataset"], row["space"], row["preset"]) for row in rows} == {
        ("cats & <dogs>", "nas-bench-201", "smoke")
    }
    assert all(any(row[column] for row in rows) for column in rows[0])
    assert "By the table" not in (tmp_path / "comparison.html").read_text()


def test_what_the_check_of_the_data_found_is_told_in_every_form(tmp_path: Path) -> None:
    sentence = "3 of the 36 test images are training images too; remove <copies>."
    finding = {"kind": "duplicates", "count": 3, "examples": ["a is b"], "sentence": sentence}
    (tmp_path / "comparison.json").write_text(json.dumps(made(findings=[finding])))
    page = write_comparison(tmp_path).read_text()
    assert page.count(html.escape(sentence)) == 1
    assert "<h2>Data</h2>" in page
    assert all(sentence in (tmp_path / f"comparison.{ending}").read_text() for ending in ("md", "tex"))
    (tmp_path / "comparison.json").write_text(json.dumps(made()))
    assert "<h2>Data</h2>" not in write_comparison(tmp_path).read_text()


@pytest.mark.parametrize(
    ("seeds", "said"),
    [([3], "seed 3"), ([3, 5], "seeds 3 and 5"), ([0, 1, 2, 3], "seeds 0 to 3"), ([0, 2, 4, 6], "seeds 0, 2, 4 and 6")],
)
def test_the_seeds_are_named(seeds: list[int], said: str) -> None:
    assert f", {said};" in tabulated(seeds=seeds).caption


def test_a_comparison_of_an_earlier_version_has_a_caption_too() -> None:
    old = {key: value for key, value in made(schema=2).items() if key not in ("preset", "seeds")}
    caption = tabulate(Comparison.from_json(old)).caption
    assert caption.startswith("Data set cats & <dogs>, space nas-bench-201; each")


@pytest.mark.parametrize(
    ("differences", "interval", "shown"),
    [
        ([0.02], None, "With one seed nothing can be said"),
        ([0.02, 0.04], (-0.0971, 0.1571), "a cannot be told from random with these seeds."),
        ([0.02, 0.04, 0.02, 0.04], (0.0116, 0.0484), "a is better than random beyond chance."),
        ([-0.02, -0.04, -0.02, -0.04], (-0.0484, -0.0116), "a is worse than random beyond chance."),
    ],
)
def test_what_can_be_told_apart_depends_on_the_number_of_seeds(
    differences: list[float], interval: tuple[float, float] | None, shown: str
) -> None:
    runs = [
        ComparedRun(method=name, seed=seed, folder="", test_accuracy=0.5 + (difference if name == "a" else 0))
        for seed, difference in enumerate(differences)
        for name in ("a", "random")
    ]
    methods = [summary_of(name, "random", runs).model_dump() for name in ("a", "random")]
    found = methods[0]["difference"]["interval"]
    assert found == (None if interval is None else pytest.approx(interval, abs=1e-4))
    table = tabulated(methods=methods, runs=[run.model_dump() for run in runs], wanted=len(runs))
    told = " ".join(table.notes)
    assert shown in told
    if interval is not None:
        assert f"takes more than {50 * (interval[1] - interval[0]):.2f} points for a." in told
        assert f"{100 * interval[0]:+.2f} to {100 * interval[1]:+.2f}" in table.rows[0]
    assert ("95% interval of the difference" in table.headings) == (interval is not None)


def test_of_equal_methods_all_are_the_best_and_a_single_method_is_not() -> None:
    even = [method(name, test_accuracy=(0.9, 0.01)) for name in "ab"]
    assert tabulated(methods=even).best == (frozenset({2}), frozenset({2}))
    assert tabulated(methods=even[:1]).best == (frozenset(),)


def test_figures_in_latex_have_a_minus_and_names_keep_their_hyphen() -> None:
    methods = [method("a-1_~^", difference=(-0.0123, 0.01, -0.02, 0.01)), method("random")]
    written = latex(tabulated(methods=methods))
    assert r"a-1\_\textasciitilde{}\textasciicircum{} &" in written
    assert "$-$1.23 $\\pm$ 1.00" in written
    assert "$-$2.00 to +1.00" in written


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


def test_a_search_that_collapsed_is_told_with_what_both_searches_cost() -> None:
    told = {"signal": "skips", "since": 7, "good": 6, "words": "5 of 8", "again": "", "first_seconds": 90.0}
    fallen = {**told, "action": "fallback", "architecture_from": "second", "second_seconds": 75.0}
    ended = {**told, "action": "stop", "architecture_from": "first", "second_seconds": 0.0}
    runs = [run("darts_x", 0, collapse=fallen), run("darts_x", 1, collapse=ended)]
    notes = tabulate(Comparison.from_json(made(runs=runs))).notes
    for text in (
        "darts_x with seed 0 collapsed: its architecture is that of a second search, RobustDARTS, of 1 min 15 s, after "
        "1 min 30 s of the first.",
        "darts_x with seed 1 collapsed: its search was stopped after 1 min 30 s, and its architecture is of epoch 6.",
    ):
        assert text in notes


@pytest.mark.parametrize(("images", "shown"), [((48_000, 25_000), True), ((25_000, 25_000), False)])
def test_images_and_steps_of_searches_are_shown_where_methods_differ_in_them(
    images: tuple[int, int], shown: bool
) -> None:
    methods = [
        method(name, test_accuracy=(0.9, None)) | {"search_images": {"mean": number, "std": None}}
        for name, number in zip(("darts_x", "random"), images, strict=True)
    ]
    table = tabulated(methods=methods)
    assert ("images of the search" in table.headings) == shown
    assert "steps of the search" not in table.headings
    if shown:
        place = table.headings.index("images of the search")
        assert [row[place] for row in table.rows] == ["48,000", "25,000"]
