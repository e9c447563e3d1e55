"""What every registered method promises: it finds a planted architecture, repeats itself, and resumes exactly."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

import pytest
import torch
from torch import Tensor

import dartboard.methods  # noqa: F401 - importing registers the methods
from contracts.planted import PLANTED, PLANTED_FAN, PLANTED_PAIRS, search_planted
from contracts.small import Outcome, open_small, outcome
from dartboard.errors import RecipeError
from dartboard.parts import ByRemoval, NoTraining, Recipe
from dartboard.parts.fits import check_fit
from dartboard.parts.recipe import METHODS, make_recipe
from dartboard.parts.relaxation.protocol import RelaxedCell
from dartboard.parts.update import Update
from dartboard.runs import Epoch, Observer, RunDirectory
from dartboard.session import search_genotype
from dartboard.space import SearchSpace, check_genotype, get_space

ALL = [entry.name for entry in METHODS]
GRADIENT_BASED = [name for name in ALL if make_recipe(name, {}).gradient is not None]
"""Those that move alpha."""

TRAINED = [name for name in ALL if not any(isinstance(rule, NoTraining) for rule in make_recipe(name, {}).rules)]
"""Those that train a supernet; `random` learns nothing, so it cannot find what is planted."""

Plain = Callable[..., Outcome]

FAST = {"alpha_lr": 0.03}
"""A hundred times the papers' rate: 40 steps instead of thousands."""

PLANTED_WITH: dict[str, tuple[dict[str, Any], int]] = {
    # A whole auxiliary skip connection on every edge leaves nothing to find but what undoes it.
    "darts-minus": ({"auxiliary_gate": 0.3}, 2),
    # After so few steps the weights are far from the best ones, whose answer to alpha less damping would exaggerate.
    "darts-cg": ({"damping": 0.1}, 2),
    # A share of the epochs rests alpha, in each of two stages.
    "drnas": ({}, 4),
    "drnas-progressive": ({"channel_shares": (4, 2)}, 8),
    # A first stage of at least as many epochs as alpha needs; the last ones decide.
    "darts-pt": ({"tuning": 0.5}, 4),
    # At even shares few images change sides when an operation is taken out.
    "darts-pt-fixed": ({"tuning": 0.5, "measure": "loss"}, 4),
    "sdarts-pt": ({"tuning": 0.5}, 4),
    # Draws of one operation an edge tell little at a time.
    "gdas": ({}, 12),
    # A temperature that falls takes two epochs in which alpha learns, and it rests for half of a stage.
    "dots": ({}, 8),
    # Two epochs teach a controller little: as with `rsps`, trying many finds it. What the controller learns by is
    # shown in unit/search/test_enas.py.
    "enas": ({"candidates": 500}, 2),
    # The gates must tell what is planted, not the trying of many.
    "setn": ({"candidates": 1}, 10),
    # Its dropout must have faded before skip connections are judged fairly.
    "p-darts": ({}, 15),
    # Alpha rests in a third of the epochs.
    "pc-darts": ({}, 4),
    # Two paths at a time tell less of alpha in a step.
    "proxyless": ({"alpha_every": 1, "warm_up": 0.0}, 4),
}
"""Method -> further options with which it finds what is planted, and epochs; otherwise none, and two a stage."""

PLANTED_IN = {
    # Most paths through two nodes do harm, so that weights which see nothing but drawn paths learn to trust `none`.
    "enas": PLANTED_PAIRS,
    # An operation that is not run has the gradient of a number, so that `none`, which gives nothing when it is run,
    # gains on operations that do harm; here it is no choice.
    "gdas": PLANTED_PAIRS,
    # While single paths are drawn, an edge behind which another one still searches hardly shows what it is worth.
    "proxyless": PLANTED_FAN,
    # As enas.
    "rsps": PLANTED_PAIRS,
}
"""Method -> the problem in which it finds what is planted within seconds; otherwise `PLANTED`, if it takes that."""

SMALL: dict[str, tuple[dict[str, Any], int]] = {
    # The penalty would be gone by the second epoch.
    "cdarts": ({"penalty_fades": 1.0}, 2),
    # In two epochs the linear and the cosine schedule are the same.
    "darts-minus": ({}, 3),
    # The few edges of the small space would stop it after any epoch.
    "darts-plus": ({"skips": 99}, 2),
    # See `PLANTED_WITH`.
    "dots": ({}, 8),
    # There are but a few images.
    "rsps": ({"candidates": 5}, 2),
    # Two steps an epoch, and two updates of the controller after them.
    "enas": ({"candidates": 3, "aggregate": 2, "steps_per_update": 1}, 2),
    # Must divide the width of the small supernet.
    "drnas-progressive": ({"channel_shares": (4, 2)}, 4),
    # An epoch of two steps would have one of alpha.
    "proxyless": ({"alpha_every": 1}, 2),
}
"""Method -> options of its small searches, and epochs; otherwise none, and two a stage."""

# Averages of one measurement, each of about this large decay of alpha, so that none is more than 1.3 times another.
WATCHED = {
    "search.epochs": 6,
    "method.options.alpha_weight_decay": 10.0,
    "method.options.every": 1,
    "method.options.window": 1,
    "method.options.gap": 1,
    "method.options.first_epoch": 0,
    "method.options.factor": 0.0,
}
WATCHING = ("every", "window", "gap", "first_epoch", "factor")

SHOWS_WITH: dict[tuple[str, str], dict[str, Any]] = {
    # Without much damping the curvature turns negative at once here, and ends the iterations.
    ("darts-cg", "iterations"): {"method.options.damping": 30.0},
    ("darts-cg", "tolerance"): {"method.options.damping": 30.0},
    **{("proxyless", option): {"method.options.cost_reference": 1e5} for option in ("cost_form", "cost_strength")},
    **{(name, option): WATCHED for name in ("robust-darts", "robust-darts-ada") for option in WATCHING},
    ("robust-darts", "stops"): WATCHED,
    ("robust-darts", "cutout"): {"method.options.drop_path": 0.5},
    ("robust-darts-ada", "decay_factor"): WATCHED,
    ("robust-darts-ada", "largest_decay"): WATCHED,
}
"""(method, option) -> what else must be set on both sides for the option to matter in a tiny search."""


pytestmark = pytest.mark.usefixtures("small_space")


def refusal(name: str, space: SearchSpace) -> str:
    """Why a method makes no sense in a space; empty where it does."""
    try:
        check_fit(make_recipe(name, {}), space)
    except RecipeError as error:
        return str(error)
    return ""


def num_stages(name: str) -> int:
    return len(make_recipe(name, {}).stages)


def num_epochs(name: str) -> int:
    """Two for every stage, one in which alpha may rest and one in which it learns, unless `SMALL` says otherwise."""
    return SMALL[name][1] if name in SMALL else 2 * num_stages(name)


def options_of_small(name: str) -> dict[str, Any]:
    return {f"method.options.{option}": value for option, value in SMALL.get(name, ({}, 0))[0].items()}


def planted_recipe(name: str) -> Recipe:
    fast = FAST if name in GRADIENT_BASED else {}
    return make_recipe(name, fast | PLANTED_WITH.get(name, ({}, 0))[0])


def search_for_planted(name: str, recipe: Recipe, folder: Path, seed: int) -> bool:
    """Whether the search finds what is planted, in a space that the method takes."""
    planted = PLANTED_PAIRS if refusal(name, PLANTED.space) else PLANTED_IN.get(name, PLANTED)
    epochs = PLANTED_WITH[name][1] if name in PLANTED_WITH else 2 * num_stages(name)
    return search_planted(planted, recipe, folder, seed, epochs=epochs) == planted.teacher


@pytest.mark.parametrize("seed", [0, 1, *(pytest.param(seed, marks=pytest.mark.slow) for seed in (2, 3, 4))])
@pytest.mark.parametrize("name", TRAINED)
def test_a_method_finds_the_planted_operation_of_every_edge(name: str, seed: int, tmp_path: Path) -> None:
    assert search_for_planted(name, planted_recipe(name), tmp_path, seed)


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


BY_REMOVAL = {"darts-pt", "darts-pt-fixed", "sdarts-pt", "sgas-pt"}
"""Methods that choose operations by what the supernet is without them, whatever alpha says."""


@pytest.mark.parametrize("name", sorted(BY_REMOVAL))
def test_no_seed_finds_what_is_planted_by_what_the_supernet_misses_least(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = ByRemoval.value_without
    monkeypatch.setattr(ByRemoval, "value_without", lambda *given: -right(*given))
    assert not any(search_for_planted(name, planted_recipe(name), tmp_path / str(seed), seed) for seed in range(3))


@pytest.mark.parametrize("seeds", [range(2), pytest.param(range(2, 5), marks=pytest.mark.slow)], ids=["few", "further"])
@pytest.mark.parametrize("factor", [0.0, -1.0], ids=["zero", "flipped"])
@pytest.mark.parametrize("name", [name for name in GRADIENT_BASED if name not in BY_REMOVAL])
def test_no_seed_finds_what_is_planted_by_a_zero_or_flipped_gradient(
    name: str, factor: float, seeds: Sequence[int], tmp_path: Path
) -> None:
    wrong = with_scaled_update(planted_recipe(name), factor)
    assert not any(search_for_planted(name, wrong, tmp_path / str(seed), seed) for seed in seeds)


class Stopped(Exception):
    """Stands for a kill."""


class StopAfter(Observer):
    """Raises once `epochs` epochs and `steps` steps of the next one are done."""

    def __init__(self, epochs: int, steps: int) -> None:
        self.epochs, self.steps, self.done = epochs, steps, 0

    def epoch(self, event: Epoch) -> None:  # noqa: ARG002 - the signature of observers
        self.done, self.epochs = 0, self.epochs - 1
        if self.epochs == 0 and self.steps == 0:
            raise Stopped

    def step(self) -> None:
        self.done += 1
        if self.epochs == 0 and self.done == self.steps:
            raise Stopped


def search(folder: Path, name: str, *layers: dict[str, Any], observer: Observer | None = None) -> Outcome:
    method = {"method.name": name, "search.epochs": num_epochs(name), "search.steps_per_epoch": 2}
    method |= options_of_small(name)
    with RunDirectory(folder) as run:
        search_genotype(open_small(run, method, *layers, observer=observer))
    return outcome(folder)


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Plain:
    """What `search` leaves for a method with settings given as (key, value), searched once."""
    return cache(lambda name, *settings: search(tmp_path_factory.mktemp("plain"), name, dict(settings)))


@pytest.mark.parametrize("name", ALL)
def test_same_seed_same_bits_and_torchs_global_random_state_neither_matters_nor_moves(
    name: str, plain: Plain, tmp_path: Path
) -> None:
    torch.manual_seed(12345)
    before = torch.get_rng_state()
    assert search(tmp_path, name) == plain(name)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("name", ALL)
def test_another_seed_another_search(name: str, plain: Plain, tmp_path: Path) -> None:
    assert search(tmp_path, name, {"seed": 1}) != plain(name)


STOPS = [
    (name, epochs, steps)
    for name in TRAINED
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


# The loss is too sharp whenever two measurements tell, so that the search goes back as often as it may.
RETURNING = WATCHED | {"search.epochs": 5}


@pytest.mark.parametrize("stop_after", [(1, 0), (1, 1), (2, 1), (3, 1), (5, 0)])
def test_a_search_that_goes_back_is_resumed_bit_for_bit(stop_after: tuple[int, int], tmp_path: Path) -> None:
    name = "robust-darts-ada"
    whole = search(tmp_path / "whole", name, RETURNING)
    assert [event["event"] for event in whole["events"]].count("rollback") == 2
    with pytest.raises(Stopped):
        search(tmp_path / "halved", name, RETURNING, observer=StopAfter(*stop_after))
    assert search(tmp_path / "halved", name, RETURNING) == whole


@pytest.mark.parametrize("gradient", ["full", "reinforce"])
def test_every_gradient_of_binary_gates_finds_what_is_planted_and_is_resumed_bit_for_bit(
    gradient: str, tmp_path: Path
) -> None:
    options = {"gradient": gradient, "alpha_every": 1, "warm_up": 0.0}
    recipe = make_recipe("proxyless", FAST | options)
    assert search_planted(PLANTED_FAN, recipe, tmp_path / "planted", 0, epochs=8) == PLANTED_FAN.teacher
    layers = {f"method.options.{option}": value for option, value in options.items()} | {"search.epochs": 3}
    whole = search(tmp_path / "whole", "proxyless", layers)
    with pytest.raises(Stopped):
        search(tmp_path / "halved", "proxyless", layers, observer=StopAfter(1, 1))
    assert search(tmp_path / "halved", "proxyless", layers) == whole


@pytest.mark.parametrize("name", ["darts", "darts-cg", "robust-darts"])
def test_the_curvature_can_be_measured_under_any_method_and_changes_nothing_else(name: str, tmp_path: Path) -> None:
    asked = search(tmp_path / "asked", name, {"search.curvature_every": 1})
    plain = search(tmp_path / "plain", name)
    assert asked["checkpoints"]["search.pt"]["alphas"] == plain["checkpoints"]["search.pt"]["alphas"]
    measured = [event.get("eigenvalue") for event in asked["events"]]
    # robust-darts measures after every second epoch, from the first on.
    assert [value is not None for value in measured] == [True, name != "robust-darts"]


@pytest.mark.parametrize("name", [name for name in ALL if name not in TRAINED])
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
    layers: dict[str, Any] = {"space": space, "method.name": name, "search.epochs": num_epochs(name)}
    layers |= {"search.steps_per_epoch": 1, "search.init_channels": 12, **options_of_small(name)}
    with RunDirectory(tmp_path) as run:
        genotype = search_genotype(open_small(run, layers))
    check_genotype(genotype, get_space(space))


GREEDY = ("criterion", "history", "last_decision", "more_images")

SHOWN_ELSEWHERE = {
    ("darts-plus", "criterion"): "unit/search/test_simple_methods.py",
    ("darts-plus", "keep"): "unit/search/test_rules.py",
    ("darts-plus", "skips"): "unit/search/test_rules.py",
    ("darts-plus", "unchanged"): "unit/search/test_rules.py",
    ("fair-darts", "form"): "unit/search/test_sparse_selection.py",
    ("fair-darts", "threshold"): "unit/search/test_sparse_selection.py",
    ("i-darts", "pairs"): "unit/search/test_sparse_selection.py",
    **{("rsps", option): "unit/search/test_paths.py" for option in ("batches", "candidates", "finalists")},
    ("rsps", "steps_per_round"): "unit/search/test_paths.py",
    **{
        (name, option): "unit/search/test_paths.py" for name in ("enas", "setn") for option in ("batches", "candidates")
    },
    ("gdas", "allow_same_source"): "unit/search/test_drawn_gates.py",
    **{("darts-pt-fixed", option): "unit/search/test_edge_decisions.py" for option in ("measure", "none", "tuning")},
    **{(name, option): "unit/search/test_edge_decisions.py" for name in ("sgas", "sgas-pt") for option in GREEDY},
    ("sgas-pt", "measure"): "unit/search/test_edge_decisions.py",
    ("snas", "keep_all_edges"): "unit/search/test_drawn_gates.py",
    ("p-darts", "max_skips"): "unit/search/test_p_darts.py",
}
"""Options that decide when a search stops or what comes out of it, not how alpha moves -> the tests of their effect."""

VALUES: dict[tuple[str, str], list[object]] = {
    ("darts-cg", "iterations"): [1],  # ten are enough here
    ("darts-cg", "tolerance"): [0.5],
    ("enas", "baseline_decay"): [0.5],
    ("darts-unrolled", "backward_steps"): [1],  # three times as many are more than there are steps
    **{(name, "first_epoch"): [0] for name in ("robust-darts", "robust-darts-ada")},
    **{(name, "factor"): [0.0] for name in ("robust-darts", "robust-darts-ada")},
    ("cdarts", "warm_up"): [0.6],
    ("proxyless", "cost_reference"): [1e5],
    ("snas", "resource_weight"): [0.1],
    # Must divide the width of the small supernet.
    **{(name, "channel_share"): [1, 2] for name in ("pc-darts", "drnas")},
    **{(name, "tuning"): [0.3] for name in ("darts-pt", "sdarts-pt")},
    ("drnas-progressive", "channel_shares"): [(2, 1)],
    ("drnas-progressive", "kept_ops"): [2],
    ("drnas-progressive", "warm_up"): [0.0],
}
"""Other values of an option, where three times the default is none."""


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


OPTIONS = [
    (name, option, other)
    for name in ALL
    for option, parameter in inspect.signature(METHODS[name].factory).parameters.items()
    if (name, option) not in SHOWN_ELSEWHERE
    for other in VALUES.get((name, option))
    or changed_values(get_type_hints(METHODS[name].factory)[option], parameter.default)
]


@pytest.mark.parametrize(("name", "option"), SHOWN_ELSEWHERE)
def test_an_option_that_does_not_move_alpha_exists_and_is_named_where_its_effect_is_shown(
    name: str, option: str
) -> None:
    assert option in inspect.signature(METHODS[name].factory).parameters
    assert (Path(__file__).parents[1] / SHOWN_ELSEWHERE[name, option]).is_file()


@pytest.mark.parametrize(("name", "option", "value"), OPTIONS)
def test_every_option_of_every_method_changes_the_search(
    name: str, option: str, value: object, plain: Plain, tmp_path: Path
) -> None:
    key = f"method.options.{option}"
    base = {other: setting for other, setting in SHOWS_WITH.get((name, option), {}).items() if other != key}
    before, changed = plain(name, *base.items()), search(tmp_path, name, base, {key: value})
    assert before["checkpoints"]["search.pt"]["alphas"] != changed["checkpoints"]["search.pt"]["alphas"]
