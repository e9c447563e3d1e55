"""A rule that acts within an epoch, as CONTRIBUTING shows one: operations rest whose gradients disagree."""

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from dartboard.engine.loop import run_search
from dartboard.engine.problem import SupernetRequest
from dartboard.parts import AdamUpdate, FirstOrder, Recipe, Rule, StageHook
from dartboard.runs import Length, Observer, RunDirectory
from dartboard.session import Session
from dartboard.session.search import search_problem, supernet_spec
from dartboard.space import get_space
from dartboard.supernet import FusedSupernet, ReferenceSupernet
from dartboard.testing.small import StopAfter, Stopped, open_small

REPOSITORY = Path(__file__).resolve().parents[3]
ENGINES = (FusedSupernet, ReferenceSupernet)
EPOCHS, STEPS = 3, 3
LAYERS = {"space": "nas-bench-201", "search.steps_per_epoch": STEPS, "search.validation_images": 12}


def shown() -> Callable[..., Rule]:
    """The rule in CONTRIBUTING.md."""
    text = (REPOSITORY / "CONTRIBUTING.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```python\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    [block] = [each for each in blocks if "Watcher" in each]
    names: dict[str, Any] = {"__name__": "shown"}
    exec(block, names)
    rule: Callable[..., Rule] = names["RestDisagreeing"]
    return rule


def make(engine: type[ReferenceSupernet], session: Session, request: SupernetRequest) -> ReferenceSupernet:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return engine(supernet_spec(session, request))


def searched(
    folder: Path,
    rules: tuple[Rule, ...],
    engine: type[ReferenceSupernet] = FusedSupernet,
    observer: Observer | None = None,
) -> Mapping[str, Any]:
    """The checkpoint after a search of NAS-Bench-201 cells with these rules."""
    recipe = Recipe(gradient=FirstOrder(), update=AdamUpdate(lr=0.1), rules=rules)
    length = Length(EPOCHS, STEPS)
    with RunDirectory(folder) as run:
        session = open_small(run, LAYERS)
        problem = replace(search_problem(session), make_supernet=partial(make, engine, session))
        told = observer or session.observer
        run_search(problem, recipe, session.settings.search, run, length=length, seed=1, observer=told)
        saved = run.load_checkpoint("search", "search")
    assert saved is not None
    return saved


def untouched(folder: Path, engine: type[ReferenceSupernet]) -> ReferenceSupernet:
    """The supernet as every search here begins with it."""
    space = get_space("nas-bench-201")
    live = {"cell": tuple(space.ops_on("cell", row) for row in range(len(space.cell.edges)))}
    with RunDirectory(folder) as run:
        return make(engine, open_small(run, LAYERS), SupernetRequest(0, Recipe().mixing, live, 0))


@pytest.mark.parametrize("engine", ENGINES)
def test_operations_that_rest_are_not_moved_while_alpha_and_the_others_learn_on(
    tmp_path: Path, engine: type[ReferenceSupernet]
) -> None:
    """No cosine reaches 2, so all operations rest from the first step on: not even weight decay moves them."""
    before = untouched(tmp_path / "new", engine)
    after = searched(tmp_path / "run", (shown()(steps=1, least=2.0),), engine)
    resting = {name for _, names in before.named_by_op() for name in names}
    assert set(after["watched"][1]) == resting != set()
    moved = {name for name, weight in before.named_parameters() if not torch.equal(weight, after["supernet"][name])}
    assert moved == {name for name, _ in before.named_parameters()} - resting
    assert (after["alphas"]["cell"].abs() > 0.1).any()


@pytest.mark.parametrize("engine", ENGINES)
def test_a_bar_that_none_is_below_leaves_the_search_as_it_is(tmp_path: Path, engine: type[ReferenceSupernet]) -> None:
    watched = searched(tmp_path / "watched", (shown()(steps=2, least=-2.0),), engine)
    assert watched["watched"][1] == []
    plain = searched(tmp_path / "plain", (), engine)
    # One pass for both gradients may round otherwise than one for alpha alone.
    torch.testing.assert_close(watched["alphas"]["cell"], plain["alphas"]["cell"], rtol=1e-4, atol=1e-5)


def test_both_engines_name_the_same_weights_of_every_operation(tmp_path: Path) -> None:
    fused, reference = (untouched(tmp_path / engine.__name__, engine) for engine in ENGINES)
    named = dict(fused.named_by_op())
    assert named == dict(reference.named_by_op())
    every = [name for names in named.values() for name in names]
    assert len(every) == len(set(every))
    assert set(every) == {name for name, _ in fused.named_parameters() if ".edges." in name}
    assert {op for (_, _, op), names in named.items() if not names} == {"none", "skip_connect", "avg_pool_3x3"}


@pytest.mark.parametrize("at", [(1, 1), (2, 0)], ids=["within a window", "after an epoch"])
def test_a_search_that_is_stopped_and_resumed_ends_as_one_that_never_was(tmp_path: Path, at: tuple[int, int]) -> None:
    rules = (shown()(steps=4, least=0.05),)
    whole = searched(tmp_path / "whole", rules)
    assert 0 < len(whole["watched"][1]) < 60, "choose another bar, at which some of the 60 rest"
    with pytest.raises(Stopped):
        searched(tmp_path / "cut", rules, observer=StopAfter(*at))
    resumed = searched(tmp_path / "cut", rules)
    assert resumed["watched"] == whole["watched"]
    for name, weight in whole["supernet"].items():
        assert torch.equal(weight, resumed["supernet"][name]), name
    assert torch.equal(whole["alphas"]["cell"], resumed["alphas"]["cell"])


def test_a_hook_that_looks_at_the_weights_is_known_by_that() -> None:
    """Steps with one are not recorded on an accelerator, since what it does depends on their numbers."""

    class Looking(StageHook):
        def weight_gradients(self, gradients: Mapping[str, Tensor | None]) -> Mapping[str, Tensor | None]:
            return gradients

    assert Looking().acts_on_weights
    assert not StageHook().acts_on_weights
