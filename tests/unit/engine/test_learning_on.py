"""The supernet of a search that has ended, as it learns on: schedules stay where they ended."""

from pathlib import Path

import pytest
import torch

import dartboard.methods  # noqa: F401 - importing registers the methods
from dartboard.engine import FinishedSearch
from dartboard.engine.finished.reselection import make_reselection
from dartboard.engine.stage import StageSearch
from dartboard.parts.perturbations import BoxPerturbation
from dartboard.runs import RunDirectory
from dartboard.session import search_genotype, search_length
from dartboard.session.search import search_problem, search_recipe
from dartboard.testing import open_small

pytestmark = pytest.mark.usefixtures("small_space")

SHORT = {"search.epochs": 2, "search.steps_per_epoch": 1}


def searched(run: RunDirectory, method: str) -> FinishedSearch:
    session = open_small(run, {"method.name": method, **SHORT})
    search_genotype(session)
    settings, problem = session.settings, search_problem(session)
    recipe, length = search_recipe(settings), search_length(session)
    return FinishedSearch(problem, recipe, settings.search, run, length=length, seed=settings.seed)


def going_on(finished: FinishedSearch, selection: str) -> StageSearch:
    wanted = make_reselection(selection, {})
    stage = finished.begin(wanted.recipe(finished.recipe), 2, "going-on")
    finished.hand_over(stage)
    return stage


@pytest.mark.parametrize("method", ["sdarts-rs", "sdarts-adv"])
def test_the_perturbation_is_that_of_the_last_epoch_and_does_not_begin_anew(method: str, tmp_path: Path) -> None:
    with RunDirectory(tmp_path) as run:
        stage = going_on(searched(run, method), "perturbation")
    perturbation, state = stage.recipe.perturbation, stage.state
    assert isinstance(perturbation, BoxPerturbation)
    for epoch in range(2):
        state.epoch = epoch
        assert perturbation.epsilon(state.progress) == pytest.approx(0.3)


def test_the_weight_of_a_penalty_is_that_of_the_last_epoch(tmp_path: Path) -> None:
    """It would be 0 at the beginning of a search."""
    with RunDirectory(tmp_path) as run:
        stage = going_on(searched(run, "beta-darts"), "perturbation")
    (penalty,) = stage.recipe.penalties
    cells = stage.state.architecture.cells
    found, whole = (penalty(stage.state.alphas, cells, progress) for progress in (stage.state.progress, 1.0))  # type: ignore[operator]
    assert found.item() == whole.item() > 0


def test_a_search_has_a_schedule_that_runs(tmp_path: Path) -> None:
    with RunDirectory(tmp_path) as run:
        finished = searched(run, "sdarts-rs")
    stage = finished.stage
    stage.state.epoch = 1
    assert stage.state.progress == 0.5


def test_what_was_searched_to_the_end_can_be_drawn_and_no_decided_edge(tmp_path: Path) -> None:
    with RunDirectory(tmp_path / "darts") as run:
        plain = searched(run, "darts")
    with RunDirectory(tmp_path / "sgas") as run:
        session = open_small(run, {"method.name": "sgas", "search.epochs": 8, "search.steps_per_epoch": 1})
        search_genotype(session)
        settings = session.settings
        decided = FinishedSearch(
            search_problem(session),
            search_recipe(settings),
            settings.search,
            run,
            length=search_length(session),
            seed=settings.seed,
        )
    assert all(mask.all() for mask in plain.drawable.values())
    for kind, mask in decided.drawable.items():
        assert mask.sum(dim=1).max() <= 1
        assert torch.equal(decided.mean_gates[kind] > 0, mask)
