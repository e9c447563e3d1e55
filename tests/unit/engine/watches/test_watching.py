"""Watches measure while a search goes on, and the search never notices."""

from pathlib import Path
from typing import Any

import pytest

from dartboard.engine.watches import WATCHES, make_watch, refuse_watches
from dartboard.engine.watches.watching import Watching
from dartboard.errors import SettingsError, UnknownNameError
from dartboard.parts.recipe import make_recipe
from dartboard.runs import RunDirectory, Watched
from dartboard.settings import resolve_settings
from dartboard.space import get_space
from dartboard.testing.small import StopAfter, Stopped, outcome, timeless
from dartboard.wording import names_in

from .searched import LAYERS, after_an_epoch, search, stage

EVERY = tuple(sorted(entry.name for entry in WATCHES if entry.name != "derived-accuracy"))
"""All that need no table of NAS-Bench-201."""


def unwatched(folder: Path) -> dict[str, Any]:
    """What a search leaves, without what its watches have recorded."""
    found = outcome(folder)
    return {**found, "events": [event for event in found["events"] if event["event"] != "watched"]}


@pytest.mark.parametrize("method", ["pc-darts", "single-darts"])
def test_a_search_with_every_watch_is_the_search_without_bit_for_bit(method: str, tmp_path: Path) -> None:
    asked = {"method.name": method, "search.epochs": 2}
    assert search(tmp_path / "plain", asked) == []
    watched = search(tmp_path / "watched", asked, {"search.watch": EVERY})
    assert {event.name for event in watched} == set(EVERY)
    assert [event.epoch for event in watched if event.name == "skip-advantage"] == [1, 2]
    assert unwatched(tmp_path / "watched") == unwatched(tmp_path / "plain")


def test_a_search_that_is_stopped_and_resumed_has_watched_the_same(tmp_path: Path) -> None:
    names = tuple(name for name in EVERY if name != "curvature")  # as much time as all others together
    asked = {"method.name": "darts", "search.watch": names, "search.epochs": 2}
    whole = search(tmp_path / "whole", asked)
    with pytest.raises(Stopped):
        search(tmp_path / "parts", asked, observer=StopAfter(epochs=1, steps=2))
    assert timeless(search(tmp_path / "parts", asked)) == timeless(whole)
    assert outcome(tmp_path / "parts")["checkpoints"] == outcome(tmp_path / "whole")["checkpoints"]


def test_what_was_watched_in_an_epoch_without_checkpoint_is_forgotten(tmp_path: Path) -> None:
    asked = {"method.name": "darts", "search.watch": ("skip-advantage",), "search.epochs": 2}
    with pytest.raises(Stopped):
        search(tmp_path, asked, observer=StopAfter(epochs=1, steps=1))
    with RunDirectory(tmp_path) as run:
        run.events.append(Watched(name="skip-advantage", epoch=2, seconds=1.0, figures={"advantage": 9.0}))
    found = [event for event in search(tmp_path, asked) if event.epoch == 2]
    assert len(found) == 1
    assert found[0].figures["advantage"] != 9.0


def test_a_watch_skips_epochs_to_stay_within_its_share(tmp_path: Path) -> None:
    asked = {"method.name": "darts", "search.watch": ("hypergradient", "skip-advantage")}
    with stage(tmp_path / "stage", asked) as stage_search:
        event, _ = after_an_epoch(stage_search)
        epochs = [event.model_copy(update={"epoch": number, "seconds": 10.0}) for number in range(1, 8)]
        with RunDirectory(tmp_path / "run") as run:
            watching = Watching(("hypergradient",), 0.2, run, 1)
            for epoch in epochs:
                run.events.append(epoch)
                watching.after(stage_search, epoch)
                # As if every measurement had taken three seconds: the share allows two in an epoch.
                told = run.events.read()
                run.events.keep(lambda _: False)
                for each in told:
                    taken = {"seconds": 3.0} if isinstance(each, Watched) else {}
                    run.events.append(each.model_copy(update=taken))
            measured = [each.epoch for each in run.events.read() if isinstance(each, Watched)]
    assert measured == [1, 3, 5, 6]


def test_names_and_options_that_do_not_fit_are_refused_in_a_sentence() -> None:
    with pytest.raises(UnknownNameError, match="there is no watch 'gap'"):
        make_watch("gap")
    with pytest.raises(SettingsError, match="the watch 'hypergradient' has no option 'pairs'"):
        make_watch("hypergradient:pairs=2")
    with pytest.raises(SettingsError, match="write hypergradient:batches=VALUE"):
        make_watch("hypergradient:batches")
    assert make_watch("hypergradient:batches=2") != make_watch("hypergradient")
    with pytest.raises(SettingsError, match="named twice"):
        resolve_settings({"search.watch": "skip-advantage,skip-advantage"})
    with pytest.raises(SettingsError, match="tables of the space nas-bench-201, not of darts"):
        resolve_settings({"space": "darts", "search.watch": "derived-accuracy"})
    with pytest.raises(SettingsError, match="computes no gradient of alpha"):
        refuse_watches(("hypergradient",), get_space("darts"), make_recipe("random", {}))
    with pytest.raises(SettingsError, match="from a companion network"):
        refuse_watches(("hypergradient",), get_space("darts"), make_recipe("cdarts", {}))


def test_a_list_of_watches_can_be_a_text() -> None:
    text = "hypergradient:batches=2,discretisation-gap"
    assert names_in(text) == ("hypergradient:batches=2", "discretisation-gap")
    assert resolve_settings({"search.watch": text}).search.watch == names_in(text)
    assert LAYERS["search.watch_share"] > 1
