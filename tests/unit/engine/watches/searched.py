"""Tiny searches that are watched, and stages to measure."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from dartboard.engine.stage import StageSearch
from dartboard.engine.watches import Probes
from dartboard.parts.recipe import initial_live
from dartboard.runs import Length, Observer, RunDirectory, SearchEpoch, Watched
from dartboard.session.search import search_problem, search_recipe
from dartboard.session.searching import search_genotype
from dartboard.testing.small import open_small

STEPS = 3
LAYERS: Mapping[str, Any] = {
    "space": "nas-bench-201",
    "search.epochs": 3,
    "search.steps_per_epoch": STEPS,
    "search.validation_images": 12,
    "search.watch_share": 1e6,
}
"""Time for every watch in every epoch, so that what is recorded depends on no clock."""


@contextmanager
def stage(folder: Path, *layers: Mapping[str, Any], seed: int = 1) -> Iterator[StageSearch]:
    """A stage after one epoch."""
    with RunDirectory(folder) as run:
        session = open_small(run, LAYERS, *layers)
        recipe = search_recipe(session.settings)
        problem = search_problem(session)
        live = initial_live(recipe, problem.space)
        search = StageSearch(problem, recipe, session.settings.search, 0, (0, 3), Length(3, STEPS), seed, live)
        yield search


def after_an_epoch(search: StageSearch) -> tuple[SearchEpoch, Probes]:
    """The record of an epoch, and batches to look at."""
    search.state.plan_epoch(search.recipe.rules)
    return search.run_epoch(Observer()), Probes(search, 1)


def search(folder: Path, *layers: Mapping[str, Any], observer: Observer | None = None) -> list[Watched]:
    """Search, or go on with a search, and give what was watched."""
    with RunDirectory(folder) as run:
        search_genotype(open_small(run, LAYERS, *layers, observer=observer))
        return [event for event in run.events.read() if isinstance(event, Watched)]
