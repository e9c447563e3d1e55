"""What every registered method promises: it finds a planted architecture, repeats itself, and resumes exactly."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

import pytest
import torch
from torch import Tensor

import dartboard.methods  # noqa: F401 - importing registers the methods
from contracts.planted import PLANTED, PLANTED_PAIRS, search_planted
from contracts.small import SMALL_SPACE, Outcome, open_small, outcome
from dartboard.errors import RecipeError
from dartboard.pipeline import search_genotype
from dartboard.runs import Event, Observer, RunDirectory
from dartboard.search import METHODS, Recipe, RelaxedCell, Update, check_fit, make_recipe
from dartboard.space import SPACES, SearchSpace, check_genotype, get_space

ALL = [entry.name for entry in METHODS]
GRADIENT_BASED = [name for name in ALL if make_recipe(name, {}).gradient is not None]
"""`random` learns nothing, so it cannot find what is planted."""

Plain = Callable[[str], Outcome]

FAST = {"alpha_lr": 0.03}
"""A hundred times the papers' rate: 40 steps instead of thousands."""

PLANTED_EPOCHS = {"p-darts": 15}
"""Where two per stage are too few. P-DARTS: its dropout must have faded before skip connections are judged fairly."""

SMALL_EPOCHS = {"dots": 8}
"""Likewise. DOTS: a temperature that falls takes two epochs in which alpha learns, and it rests for half of a stage."""


@pytest.fixture(autouse=True)
def _small_space():
    SPACES.add("small", lambda: SMALL_SPACE)
    yield
    SPACES.remove("small")


def refusal(name: str, space: SearchSpace) -> str:
    """Why a method makes no sense in a space; empty where it does."""
    try:
        check_fit(make_recipe(name, {}), space)
    except RecipeError as error:
        return str(error)
    return ""


def num_epochs(name: str) -> int:
    """Two for every stage of the method: one in which alpha may rest, and one in which it learns."""
    return SMALL_EPOCHS.get(name, 2 * len(make_recipe(name, {}).stages))


def search_for_planted(name: str, recipe: Recipe, folder: Path, seed: int) -> bool:
    """Whether the search finds what is planted, in a space that the method takes."""
    planted = PLANTED_PAIRS if refusal(name, PLANTED.space) else PLANTED
    epochs = PLANTED_EPOCHS.get(name, num_epochs(name))
    return search_planted(planted, recipe, folder, seed, epochs=epochs) == planted.teacher


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("name", GRADIENT_BASED)
def test_a_gradient_based_method_finds_the_planted_operation_of_every_edge(
    name: str, seed: int, tmp_path: Path
) -> None:
    assert search_for_planted(name, make_recipe(name, FAST), tmp_path, seed)


@pytest.mark.parametrize("seed", range(5))
def test_what_is_planted_in_pairs_of_edges_can_be_found(seed: int, tmp_path: Path) -> None:
    assert search_planted(PLANTED_PAIRS, make_recipe("darts", FAST), tmp_path, seed) == PLANTED_PAIRS.teacher


class Scaled:
    """Another update whose gradients are multiplied by a factor first."""

    def __init__(self, update: Update, factor: float) -> None:
        self.update, self.factor = update, factor
        self.grad_clip, self.on_simplex = update.grad_clip, update.on_simplex

    def optimizer(self, alphas: Mapping[str, Tensor], cells: Mapping[str, RelaxedCell]) -> torch.optim.Optimizer:
        optimizer = self.update.optimizer(alphas, cells)
        optimizer.register_step_pre_hook(lambda *_: self.scale(alphas))
        return optimizer

    def scale(self, alphas: Mapping[str, Tensor]) -> None:
        for alpha in alphas.values():
            assert alpha.grad is not None
            alpha.grad = self.factor * alpha.grad


def with_scaled_update(recipe: Recipe, factor: float) -> Recipe:
    """The same with wrong gradients in every stage."""
    assert recipe.update is not None
    earlier = tuple(replace(stage, recipe=with_scaled_update(stage.recipe, factor)) for stage in recipe.earlier)
    return replace(recipe, update=Scaled(recipe.update, factor), earlier=earlier)


@pytest.mark.parametrize("factor", [0.0, -1.0], ids=["zero", "flipped"])
@pytest.mark.parametrize("name", GRADIENT_BASED)
def test_no_seed_finds_what_is_planted_by_a_zero_or_flipped_gradient(name: str, factor: float, tmp_path: Path) -> None:
    wrong = with_scaled_update(make_recipe(name, FAST), factor)
    assert not any(search_for_planted(name, wrong, tmp_path / str(seed), seed) for seed in range(5))


class Stopped(Exception):
    """Stands for a kill."""


class StopAfter(Observer):
    """Raises once `epochs` epochs and `steps` steps of the next one are done."""

    def __init__(self, epochs: int, steps: int) -> None:
        self.epochs, self.steps, self.done = epochs, steps, 0

    def epoch(self, event: Event) -> None:  # noqa: ARG002 - the signature of observers
        self.done, self.epochs = 0, self.epochs - 1
        if self.epochs == 0 and self.steps == 0:
            raise Stopped

    def step(self) -> None:
        self.done += 1
        if self.epochs == 0 and self.done == self.steps:
            raise Stopped


def search(folder: Path, name: str, *layers: dict[str, Any], observer: Observer | None = None) -> Outcome:
    method = {"method.name": name, "search.epochs": num_epochs(name), "search.steps_per_epoch": 2}
    with RunDirectory(folder) as run:
        search_genotype(open_small(run, method, *layers, observer=observer))
    return outcome(folder)


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Plain:
    """What `search` leaves for a method, searched once."""
    return cache(lambda name: search(tmp_path_factory.mktemp("plain"), name))


@pytest.mark.parametrize("name", ALL)
def test_same_seed_same_bits_and_another_seed_another_search(name: str, plain: Plain, tmp_path: Path) -> None:
    assert search(tmp_path / "again", name) == plain(name)
    assert search(tmp_path / "other", name, {"seed": 1}) != plain(name)


@pytest.mark.parametrize("name", ALL)
def test_torchs_global_random_state_neither_matters_nor_moves(name: str, plain: Plain, tmp_path: Path) -> None:
    torch.manual_seed(12345)
    before = torch.get_rng_state()
    assert search(tmp_path / "again", name) == plain(name)
    assert torch.equal(torch.get_rng_state(), before)


STOPS = [
    (name, epochs, steps)
    for name in GRADIENT_BASED
    for epochs, steps in ((1, 0), (1, 1), (2, 0), (3, 1), (5, 0), (5, 1))
    if epochs <= num_epochs(name) - (steps > 0)
]
"""In one stage, between two and in the next ones."""


@pytest.mark.parametrize(("name", "epochs", "steps"), STOPS)
def test_stopped_and_resumed_is_never_stopped_bit_for_bit(
    name: str, epochs: int, steps: int, plain: Plain, tmp_path: Path
) -> None:
    with pytest.raises(Stopped):
        search(tmp_path, name, observer=StopAfter(epochs, steps))
    assert not (tmp_path / "genotype.json").exists()
    assert search(tmp_path, name) == plain(name)


@pytest.mark.parametrize("name", [name for name in ALL if name not in GRADIENT_BASED])
def test_a_method_without_training_gives_its_genotype_at_once_and_keeps_it(name: str, tmp_path: Path) -> None:
    first = search(tmp_path / "run", name)
    assert search(tmp_path / "run", name) == first
    assert [event["event"] for event in first["events"]] == ["stop"]
    assert first["checkpoints"] == {}


TAKEN = [(name, space) for name in ALL for space in ("darts", "nas-bench-201") if not refusal(name, get_space(space))]


@pytest.mark.parametrize("name", ALL)
def test_a_method_takes_a_space_or_refuses_it_in_a_sentence(name: str) -> None:
    refused = [refusal(name, get_space(space)) for space in ("darts", "nas-bench-201")]
    assert "" in refused
    for sentence in filter(None, refused):
        assert sentence.endswith(".")
        assert "choose another method" in sentence


@pytest.mark.parametrize(("name", "space"), TAKEN)
def test_the_genotype_is_an_architecture_of_its_space(name: str, space: str, tmp_path: Path) -> None:
    layers = {"space": space, "method.name": name, "search.epochs": num_epochs(name), "search.steps_per_epoch": 1}
    with RunDirectory(tmp_path) as run:
        genotype = search_genotype(open_small(run, layers))
    check_genotype(genotype, get_space(space))


def changed_values(kind: object, value: object) -> list[object]:
    """Values of an option other than its default."""
    if get_origin(kind) is Literal:
        return [other for other in get_args(kind) if other != value]
    if isinstance(value, bool):
        return [not value]
    if isinstance(value, tuple):
        return [tuple(entry * 0.5 for entry in value)]
    assert isinstance(value, (int, float)), f"say here how to change an option of type {kind}"
    return [value * 3 if value else 0.5]


TESTED_ELSEWHERE = {("p-darts", "max_skips")}
"""Options of what comes after the last step: tests/unit/search/test_p_darts.py."""

OPTIONS = [
    (name, option, other)
    for name in ALL
    for option, parameter in inspect.signature(METHODS[name].factory).parameters.items()
    if (name, option) not in TESTED_ELSEWHERE
    for other in changed_values(get_type_hints(METHODS[name].factory)[option], parameter.default)
]


@pytest.mark.parametrize(("name", "option", "value"), OPTIONS)
def test_every_option_of_every_method_changes_the_search(name: str, option: str, value: object, tmp_path: Path) -> None:
    plain = search(tmp_path / "plain", name)
    changed = search(tmp_path / "changed", name, {f"method.options.{option}": value})
    assert plain["checkpoints"]["search.pt"]["alphas"] != changed["checkpoints"]["search.pt"]["alphas"]
