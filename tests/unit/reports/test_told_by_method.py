"""What the parts of a method counted stands in the report, in words."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from dartboard.records import RunRecords
from dartboard.reports.sections.told_by_method import ToldByMethodSection
from dartboard.runs import RunDirectory
from dartboard.session import search_genotype
from dartboard.testing.small import open_small
from made_up_events import search_epoch


def read(*epochs: dict[str, Any]) -> Any:
    made = [search_epoch(epoch=number, **figures) for number, figures in enumerate(epochs, start=1)]
    return ToldByMethodSection().read(SimpleNamespace(search_epochs=made))  # type: ignore[arg-type]


def test_the_last_figures_are_told_in_words_and_those_of_others_are_not() -> None:
    told = read(
        {"flooded_batches": 0.1, "eigenvalue": 3.0},
        {"flooded_batches": 0.25, "resting_sep_conv_3x3": 4.0, "resting_in_block_2": 1.0, "alignment_normal": -0.5},
        {"eigenvalue": 2.0},
    )
    assert told.epoch == 2
    assert told.figures == {
        "training batches that were flooded": "25.00%",
        "resting: sep_conv_3x3": "4",
        "resting in the block 2": "1",
        "agreement of the cells of kind normal": "-0.5",
    }
    assert ToldByMethodSection().lines(told)["epoch 2"].startswith("training batches that were flooded 25.00%")


def test_a_search_without_such_figures_has_no_section() -> None:
    assert read({}, {"eigenvalue": 1.0}, {"little_information_none": None}) is None


@pytest.mark.usefixtures("small_space")
def test_a_search_leaves_them_and_the_page_shows_them(tmp_path: Path) -> None:
    layers = {"method.name": "beta-darts-plus-plus", "search.epochs": 1, "search.steps_per_epoch": 1}
    with RunDirectory(tmp_path) as run:
        search_genotype(open_small(run, layers))
    section = ToldByMethodSection()
    told = section.read(RunRecords(tmp_path))
    assert told is not None
    assert "training batches that were flooded" in section.html(told)
