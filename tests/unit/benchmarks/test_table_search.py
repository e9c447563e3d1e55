"""What the benchmarks of whole searches ask for, and how they show figures beside published ones."""

from pathlib import Path

import pytest

import long_figures
import table_figures
from dartboard.parts.recipe import make_recipe
from table_figures import Records, mean_and_deviation

PUBLISHED = (
    "table,dataset,space,method,variant,metric,value,std,unit,schedule,note,source\n"
    'T,CIFAR-10,nas-bench-201,darts,,test_accuracy,54.30,0,%,"table look-up, 200 epochs",,A paper\n'
    'T,CIFAR-10,nas-bench-201,darts,,val_accuracy,39.77,0,%,"table look-up, 200 epochs",,A paper\n'
    'T,CIFAR-10,darts,darts,,test_accuracy,97.00,0,%,"600 epochs",,A paper\n'
    'U,CIFAR-10,nas-bench-201,darts,,test_accuracy,55.00,,%,"table look-up, 200 epochs",,Another\n'
)


def run(method: str, seed: int, accuracy: float, scale: float = 1.0) -> Records:
    figures = {column: {"accuracy": accuracy, "percentile": 50.0} for column in table_figures.COLUMNS}
    return {
        "asked": table_figures.request(method, seed, scale, None),
        "skips": seed,
        "tables": {"12": figures, "200": figures},
    }


@pytest.mark.parametrize("name", table_figures.METHODS)
def test_a_search_has_the_steps_of_its_publication_or_the_share_asked_for(name: str) -> None:
    make_recipe(name, {})
    epochs, per_epoch = table_figures.METHODS[name]
    whole = table_figures.request(name, 0, 1.0, None)["search"]
    assert (whole["epochs"], whole["steps_per_epoch"]) == (epochs, per_epoch)
    tenth = table_figures.request(name, 0, 0.1, None)["search"]
    assert tenth["epochs"] * tenth["steps_per_epoch"] == pytest.approx(epochs * per_epoch / 10, rel=0.03)
    few = table_figures.request(name, 0, 1.0, 7)["search"]
    assert (few["epochs"], few["steps_per_epoch"]) == (7, 1)


def test_published_figures_stand_beside_with_their_sources(tmp_path: Path) -> None:
    (tmp_path / "results.csv").write_text(PUBLISHED)
    published = list(table_figures.published_figures(tmp_path / "results.csv"))
    assert [row["value"] for row in published] == ["54.30", "55.00"]
    runs = {"darts/0": run("darts", 0, 90.0), "darts/1": run("darts", 1, 92.0), "gdas/0": run("gdas", 0, 80.0, 0.1)}
    records: Records = {"runs": runs, "published": published, "command": "c", "machine": "m", "torch": "t", "date": "d"}
    table_figures.summarize(records)
    table = table_figures.as_table(records)
    long, short = table.split("## After 12 epochs")
    assert "| darts | 19550 | 100.0% | 2 | 0.5 ± 0.7 | 91.00 ± 1.41 | 54.30 ± 0 [1]; 55.00 [2] |" in long
    assert "| gdas | 9750 | 10.0% | 1 | 0.0 | 80.00 | none |" in long
    assert "54.30" not in short
    assert "[1] A paper\n[2] Another" in short


def test_without_the_file_of_published_figures_the_table_is_shown_all_the_same(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert list(table_figures.published_figures(tmp_path / "missing.csv")) == []
    assert "name the file with --published" in capsys.readouterr().out


def test_what_of_the_long_searches_is_not_done_is_said() -> None:
    asked = long_figures.request("darts", 1, long_figures.SEARCH)
    figures = {column: {"accuracy": 50.0, "percentile": 40.0} for column in long_figures.COLUMNS}
    record = {
        "asked": asked,
        "skips": 6,
        "tables": {"12": figures, "200": figures},
        "by_epoch": {"cifar10_test_200": [91.0, None, 54.3]},
        "search_seconds": 7200.0,
    }
    left = {"random/0": {"skips": [], "cifar10_test_200": []}, "gdas/0": {"skips": [1], "cifar10_test_200": [93.5]}}
    records: Records = {"runs": {"darts/1": record}, "settings": long_figures.SEARCH, "unfinished": left}
    long_figures.summarize(records)
    assert len(records["missing"]) == 3 * len(long_figures.ARMS) - 1
    table = long_figures.as_table({**records, "command": "c", "machine": "m", "torch": "t", "date": "d"})
    row = "| darts | 1 | 6.0 | 50.00 | 50.00 | 50.00 | 91.00 | 40.0 | 2.0 |"
    assert row in table
    assert "Not done yet: darts/0, " in table
    assert "gdas/0 has done 1 epochs and goes on" in table
    assert "Its last cell has 1 skips and 93.50 on CIFAR-10 after 200 epochs." in table
    for name in long_figures.ARMS:
        make_recipe(long_figures.ARMS[name]["name"], long_figures.ARMS[name].get("options", {}))


def test_deviations_are_those_of_samples() -> None:
    assert mean_and_deviation([1.0, 3.0]) == (2.0, pytest.approx(2**0.5))
    assert mean_and_deviation([1.0]) == (1.0, None)
