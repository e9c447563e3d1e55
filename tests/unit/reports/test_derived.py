"""What the tables say of the cells of the epochs of searches: for each search, and as bands over seeds."""

from pathlib import Path

import pytest

from dartboard.records import Comparison, RunRecords
from dartboard.reports.comparison import write_comparison
from dartboard.reports.derived import band, derived_epochs, draw_bands
from dartboard.reports.sections.derived import DerivedSection
from dartboard.runs import RunDirectory, SearchEpoch, Watched
from dartboard.space import parse_genotype
from made_up_tables import TEXTS, write_tables

from .test_comparison import made, run


def epochs(*texts: str) -> list[SearchEpoch]:
    """The epochs of a search after which these cells would have been derived."""
    return [
        SearchEpoch(
            epoch=number,
            epochs=len(texts),
            steps=1,
            seconds=1.0,
            weight_loss=1.0,
            weight_accuracy=0.5,
            alpha_loss=1.0,
            validation_loss=1.0,
            validation_accuracy=0.5,
            learning_rate=0.1,
            gates={},
            genotype=parse_genotype(text).to_json(),
            operations=(),
            operation_counts={},
        )
        for number, text in enumerate(texts, start=1)
    ]


@pytest.fixture
def tables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DARTBOARD_DATA", str(tmp_path))
    write_tables(tmp_path)


def left(folder: Path, *texts: str) -> RunRecords:
    """A run with such a search."""
    with RunDirectory(folder) as directory:
        directory.claim({"seed": 0, "method": {"name": "darts", "options": {}}, "space": "nas-bench-201"})
        for epoch in epochs(*texts):
            directory.events.append(epoch)
    return RunRecords(folder)


def test_a_band_is_mean_and_standard_deviation_over_the_searches_that_got_so_far() -> None:
    assert band([{1: 0.5, 2: 0.25}, {1: 0.75}]) == {1: (0.625, pytest.approx(0.125 * 2**0.5)), 2: (0.25, 0.0)}


@pytest.mark.usefixtures("tables")
def test_a_report_looks_the_cell_of_every_epoch_up_unless_a_watch_has(tmp_path: Path) -> None:
    records = left(tmp_path / "run", TEXTS[20], TEXTS[2], TEXTS[1])
    told = DerivedSection().read(records)
    assert told is not None
    (watch,) = told.watches
    assert [each.figures["12 epochs cifar10_test"] for each in watch.epochs] == [0.2, 0.02, 0.01]
    assert watch.conclusions["below the mean for good from epoch, 12 epochs cifar10_test"] == 2
    assert "mean of all cells" in DerivedSection().html(told)
    with RunDirectory(tmp_path / "run") as directory:
        directory.events.append(Watched(name="derived-accuracy", epoch=1, seconds=0.5, figures={}, parts=()))
    assert DerivedSection().read(RunRecords(tmp_path / "run")) is None


def test_without_a_table_nothing_is_looked_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DARTBOARD_DATA", str(tmp_path))
    assert derived_epochs(epochs(TEXTS[0])) == []
    assert DerivedSection().read(left(tmp_path / "run", TEXTS[0])) is None


@pytest.mark.usefixtures("tables")
def test_a_comparison_shows_bands_over_its_seeds_one_chart_for_each_schedule(tmp_path: Path) -> None:
    left(tmp_path / "darts" / "seed-0", TEXTS[3], TEXTS[4])
    left(tmp_path / "darts" / "seed-1", TEXTS[13], TEXTS[24])
    content = made(runs=[run("darts", seed) | {"folder": f"darts/seed-{seed}"} for seed in (0, 1, 2)])
    comparison = Comparison.model_validate(content)
    comparison.write(tmp_path)
    assert sorted(draw_bands(tmp_path, comparison)) == [12, 200]  # the third has left nothing
    page = write_comparison(tmp_path).read_text()
    assert page.count("a band of one standard deviation") == 2
