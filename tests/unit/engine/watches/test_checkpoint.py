"""What is measured in the supernet of a finished search is what was watched after its last epoch."""

from pathlib import Path

import pytest

from dartboard.engine.finished.analyses.watches import WatchedCheckpoint, Watches
from dartboard.engine.watches import WATCHES
from dartboard.errors import SettingsError
from dartboard.runs import RunDirectory
from dartboard.testing.small import open_small, outcome, small_space_registered

from .searched import LAYERS, finished, search

EVERY = tuple(sorted(entry.name for entry in WATCHES if entry.name != "derived-accuracy"))
"""All that need no table of NAS-Bench-201."""


@pytest.mark.parametrize("method", ["darts", pytest.param("hyperdarts-1", marks=pytest.mark.slow)])
def test_the_checkpoint_gives_the_same_as_the_search_after_its_last_epoch(method: str, tmp_path: Path) -> None:
    asked = {"method.name": method, "search.watch": EVERY, "search.epochs": 2}
    watched = search(tmp_path, asked)
    before = outcome(tmp_path)
    with RunDirectory(tmp_path) as run:
        wanted = Watches(EVERY)
        measured = {each.name: each.measure() for each in wanted.measurements(finished(open_small(run, LAYERS, asked)))}
        found = WatchedCheckpoint.model_validate(wanted.conclude(measured)).watched
    last = {event.name: event for event in watched if event.epoch == 2}
    again = {each.name: each for each in found if each.epoch == 2}
    assert again.keys() == last.keys() == set(EVERY)
    for name, event in last.items():
        assert again[name].figures == event.figures, name
        assert again[name].parts == event.parts, name
    # Those that only read records have measured the first epoch as well.
    assert {each.name for each in found if each.epoch == 1} == {"skip-advantage"}
    assert outcome(tmp_path) == before


def test_watches_with_nothing_to_measure_are_refused_before_anything_is_measured(tmp_path: Path) -> None:
    asked = {"method.name": "darts", "search.epochs": 1, "space": "small"}
    with small_space_registered():
        search(tmp_path, asked)
        with RunDirectory(tmp_path) as run, pytest.raises(SettingsError, match="tables of the space nas-bench-201"):
            Watches(("derived-accuracy",)).measurements(finished(open_small(run, LAYERS, asked)))
    with pytest.raises(SettingsError, match="no watch is named"):
        Watches(()).refuse(None)  # type: ignore[arg-type]
