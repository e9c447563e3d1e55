"""Pairs, published figures and figures for papers in all forms of a comparison."""

import base64
import csv
import hashlib
import json
import re
from pathlib import Path
from typing import Any

import pytest

from dartboard.estimate import TableEntry, TableFigures
from dartboard.records import ComparedRun, Comparison, RankStatistics, RunScale, find_published
from dartboard.records.comparison import summary_of
from dartboard.reports import tabulate, tabulate_pairs, tabulate_published, write_comparison
from dartboard.reports.charts.column import COLUMN, paper_style
from dartboard.reports.charts.cost_chart import CostPoint, draw_cost
from dartboard.reports.charts.rank_chart import draw_ranks
from dartboard.reports.charts.table_chart import draw_table_curves, read_table_curves
from dartboard.workflow import statistics_of_grid, with_statistics

WORTH = {"darts": (0.93, 0.94, 0.945, 0.935), "gdas": (0.90, 0.91, 0.89, 0.90), "random": (0.905, 0.90, 0.90, 0.895)}


def made(dataset: str = "cifar10", space: str = "darts", **changes: Any) -> Comparison:
    """A comparison of three methods with four seeds."""
    runs = [
        ComparedRun(method=name, seed=seed, folder=f"{name}/{seed}", test_accuracy=worth, search_seconds=60.0 + seed)
        for name, own in WORTH.items()
        for seed, worth in enumerate(own)
    ]
    plain = {
        "dataset": dataset,
        "space": space,
        "seeds": (0, 1, 2, 3),
        "trained": True,
        "baseline": "random",
        "methods": [summary_of(name, "random", runs) for name in WORTH],
        "runs": runs,
        "wanted": 12,
        "command": "dartboard compare",
        "run_directory": "runs/c",
        "finished": "2026-01-01T00:00:00+00:00",
    }
    return Comparison.model_validate(plain | changes)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("comparison")
    with_statistics(made(), place).write(place)
    write_comparison(place)
    return place


def test_every_form_tells_which_methods_are_apart_and_sets_published_figures_beside(written: Path) -> None:
    sentence = "gdas and random cannot be told apart: their mean difference of 0.00 points over 4 seeds may be chance"
    for ending in ("html", "md", "tex"):
        text = (written / f"comparison.{ending}").read_text(encoding="utf-8")
        assert sentence in text, ending
        assert "An exact test with 4 seeds cannot go under p = 0.125" in text
        assert "Published figures, none of them measured here" in text
        assert "Wang 2021, table 3.1" in text
        assert "Ours are runs of a size that is not recorded" in text  # the folders hold no runs
        assert "no mean holds both" in text
    assert (written / "comparison.tex").read_text().count("\\toprule") == 3
    with (written / "comparison-pairs.csv").open(newline="") as stream:
        pairs = list(csv.DictReader(stream))
    assert [(row["first"], row["second"], row["verdict"]) for row in pairs] == [
        ("darts", "gdas", "apart if normal"), ("darts", "random", "apart if normal"), ("gdas", "random", "not apart"),
    ]  # fmt: skip
    with (written / "comparison-published.csv").open(newline="") as stream:
        figures = list(csv.DictReader(stream))
    assert {row["method"] for row in figures} == {"darts", "gdas"}
    assert all(row["schedule"] and row["source"] for row in figures)


def test_published_figures_are_in_no_mean_of_ours(written: Path) -> None:
    comparison = Comparison.read(written)
    assert comparison.published
    bare = comparison.model_copy(update={"published": (), "statistics": None})
    assert [method.test_accuracy for method in comparison.methods] == [method.test_accuracy for method in bare.methods]
    ours, *_ = (written / "comparison.md").read_text().split("Published figures")
    assert "Wang 2021" not in ours
    assert "| darts | 4 | **93.75 ± 0.65** |" in ours


def test_what_the_comparison_shows_is_corrected_and_says_what_it_assumes() -> None:
    told = with_statistics(made(), Path("nowhere"))
    notes = " ".join(tabulate(told).notes)
    assert "darts is better than random beyond chance." in notes
    assert "gdas cannot be told from random with these seeds." in notes
    assert "so holds if differences are normally distributed: An exact test with 4 seeds cannot go under" in notes


def test_tables_of_the_page_are_sorted_by_a_script_that_the_page_allows_and_no_other(written: Path) -> None:
    page = (written / "comparison.html").read_text(encoding="utf-8")
    (script,) = re.findall(r"<script>(.*?)</script>", page, flags=re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in page
    assert page.count('<table class="sortable">') == 4
    assert "aria-sort" in script


def test_figures_are_written_as_svg_and_pdf_at_the_width_of_a_column_and_the_same_again(written: Path) -> None:
    names = {"accuracy-against-cost", "critical-differences"}
    files = {path.name: path.read_bytes() for path in (written / "figures").iterdir()}
    assert set(files) == {f"{name}.{ending}" for name in names for ending in ("svg", "pdf")}
    for name in names:
        assert re.search(rb'<svg[^>]* width="252(\.0*)?pt"', files[f"{name}.svg"])  # 3.5 inches
        assert re.search(rb"/MediaBox \[ 0 0 252(\.0*)? ", files[f"{name}.pdf"])
        assert b"/Type3" not in files[f"{name}.pdf"]
    write_comparison(written)
    assert files == {path.name: path.read_bytes() for path in (written / "figures").iterdir()}


def test_a_comparison_that_goes_on_writes_no_figures_yet(tmp_path: Path) -> None:
    with_statistics(made(), tmp_path).write(tmp_path)
    write_comparison(tmp_path, figures=False)
    assert not (tmp_path / "figures").exists()


def test_a_comparison_without_statistics_reads_as_before(tmp_path: Path) -> None:
    made().write(tmp_path)
    write_comparison(tmp_path)
    assert "Pairs of methods" not in (tmp_path / "comparison.md").read_text()
    assert not (tmp_path / "comparison-pairs.csv").exists()


def test_other_data_and_other_spaces_have_no_published_figures_beside_them() -> None:
    assert with_statistics(made("flowers"), Path()).published == ()
    assert with_statistics(made("cifar10", "darts:nodes=2"), Path()).published == ()


def test_a_grid_is_tested_over_all_its_blocks() -> None:
    told = statistics_of_grid([made("cifar10"), made("digits"), made("cifar10", "nas-bench-201")], "random")
    assert told is not None
    assert {pair.blocks for pair in told.pairs} == {12}
    assert [pair.verdict for pair in told.pairs] == ["apart", "apart", "not apart"]
    table = tabulate_pairs(told)
    assert table.headings[1] == "blocks"
    assert len(table.rows) == 3


def test_bars_of_the_diagram_are_the_groups_and_every_method_is_named() -> None:
    ranks = RankStatistics(
        blocks=14,
        ranks={"d": 1.964, "b": 2.0, "c": 2.893, "a": 3.143},
        chi_square=9.28,
        p=0.02,
        permutation_p=0.02,
        critical_difference=1.12,
        groups=(("d", "b", "c"), ("c", "a")),
    )
    with paper_style():
        figure = draw_ranks(ranks)
    (axes,) = figure.axes
    bars = [line for line in axes.lines if line.get_linewidth() > 2]
    ends = [[float(x) for x in bar.get_xdata()] for bar in bars]  # type: ignore[union-attr]
    assert ends == [pytest.approx([1.934, 2.923]), pytest.approx([2.863, 3.173])]
    assert {text.get_text().strip() for text in axes.texts} >= {"a", "b", "c", "d", "critical difference 1.12"}
    assert figure.get_figwidth() == COLUMN


def test_costs_that_differ_much_are_on_a_logarithmic_axis() -> None:
    points = [CostPoint("a", 1.0, 0.9, 0.01), CostPoint("b", 50.0, 0.95, None)]
    with paper_style():
        wide, narrow = (draw_cost(each, cost="min", accuracy="test accuracy") for each in (points, points[:1]))
    assert [figure.axes[0].get_xscale() for figure in (wide, narrow)] == ["log", "linear"]
    assert wide.axes[0].get_ylabel() == "test accuracy (%)"


CELLS = (
    "|nor_conv_3x3~0|+|skip_connect~0|none~1|+|none~0|none~1|nor_conv_3x3~2|",
    "|none~0|+|none~0|none~1|+|none~0|none~1|none~2|",
)


def test_the_cell_of_every_epoch_is_looked_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from dartboard.runs import EventLog, SearchEpoch
    from dartboard.space.genotype import parse_genotype

    cells = [parse_genotype(cell).to_json() for cell in CELLS]
    epochs = [SearchEpoch.model_construct(epoch=number, genotype=cell) for number, cell in enumerate(cells, 1)]
    monkeypatch.setattr(EventLog, "read", lambda _: iter(epochs))
    worth = {json.dumps(cell, sort_keys=True): accuracy for cell, accuracy in zip(cells, (0.9, 0.1), strict=True)}

    def entry(accuracy: float) -> TableEntry:
        told = TableFigures(accuracy=accuracy, percentile=50.0, rank=1)
        return TableEntry(epochs=200, index=0, architectures=15_625, figures={"cifar10_test": told})

    monkeypatch.setattr(
        "dartboard.reports.charts.table_chart.look_up",
        lambda genotype: (entry(worth[json.dumps(genotype.to_json(), sort_keys=True)]),),
    )
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "events.jsonl").touch()
    runs = [ComparedRun(method="a", seed=0, folder="a", tables=(entry(0.1),))]
    curves = read_table_curves(made(space="nas-bench-201", runs=runs), tmp_path)
    assert curves is not None
    assert (curves.epochs, curves.curves["a"].tolist()) == (200, [[0.9, 0.1]])
    with paper_style():
        figure = draw_table_curves(curves)
    assert figure.axes[0].get_ylabel() == "CIFAR-10 by the table, 200 epochs (%)"
    assert read_table_curves(made(space="darts", runs=runs), tmp_path) is None


def test_published_figures_have_schedule_and_source_and_say_what_was_chosen_on_the_test_images() -> None:
    figures = [each for each in find_published("hyperdarts-1", "darts", "cifar10") if each.variant.startswith("mean")]
    ours = RunScale(search_epochs=5, train_epochs=None, channels=None, layers=None, device="cpu")
    table = tabulate_published(figures, [ours])
    place = table.headings.index("accuracy (%)")
    assert {row[place] for row in table.rows} == {"97.35", "97.40"}
    assert table.rows[0][table.headings.index("as printed")] == "test accuracy 97.35 ± 0.08"
    told = " ".join(table.notes)
    assert "Ours are searches of 5 epochs on cpu" in told
    assert "of the best epoch on the test images, an upper end" in told
    assert "GPU days are the sources' own counts" in told
