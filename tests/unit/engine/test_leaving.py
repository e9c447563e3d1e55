"""Operations that leave a search in the middle of a stage: their gate is 0, and their weights and alpha rest."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from typing_extensions import override

from dartboard.engine.loop import run_search
from dartboard.parts import AdamUpdate, EpochPlan, FirstOrder, Recipe, Rule, SearchView
from dartboard.parts.architecture import Architecture, all_live
from dartboard.parts.leaving import Left
from dartboard.runs import Length, Observer, RunDirectory
from dartboard.session.search import search_problem
from dartboard.space import get_space
from dartboard.supernet import FusedSupernet, ReferenceSupernet
from dartboard.testing.small import StopAfter, Stopped, open_small
from numerics.engines import ask, small_spec, twins

from .test_acting_within_steps import ENGINES, LAYERS, make, untouched

SPACE = get_space("nas-bench-201")
GONE = ("nor_conv_3x3", "skip_connect")
ROW = 2


def left(rescales: bool = False, names: tuple[str, ...] = GONE) -> Left:
    gone = Left(rescales=rescales)
    for name in names:
        gone = gone.and_also("cell", ROW, name)
    return gone


def architecture(gone: Left) -> Architecture:
    return Architecture.of(Recipe(), SPACE, all_live(SPACE), torch.device("cpu")).at(1.0, 1.0, {}, gone)


ALPHAS = {"cell": torch.randn(6, 5, generator=torch.Generator().manual_seed(0))}


@pytest.mark.parametrize("rescales", [False, True])
def test_the_gate_of_what_has_left_is_zero_and_the_others_stay_or_share_its_part(rescales: bool) -> None:
    before = architecture(Left()).mean_gates(ALPHAS)["cell"]
    after = architecture(left(rescales)).mean_gates(ALPHAS)["cell"]
    gone = [SPACE.ops.index(name) for name in GONE]
    stays = [column for column in range(5) if column not in gone]
    assert not after[ROW, gone].any()
    wanted = before[ROW, stays] / before[ROW, stays].sum() if rescales else before[ROW, stays]
    torch.testing.assert_close(after[ROW, stays], wanted)
    others = [row for row in range(6) if row != ROW]
    assert torch.equal(after[others], before[others])


def test_what_has_left_is_not_run_and_its_alpha_rests() -> None:
    own = architecture(left())
    assert own.active is not None
    assert own.active["cell"][ROW] == (0, 2, 4)
    assert [len(columns) for columns in own.active["cell"]] == [5, 5, 3, 5, 5, 5]
    assert own.resting(ALPHAS)["cell"].nonzero().tolist() == [[ROW, 1], [ROW, 3]]
    decided = own.at(1.0, 1.0, {"cell": {0: "none"}})
    assert decided.left == left()
    assert int(decided.resting(ALPHAS)["cell"].sum()) == 5 + 2


def test_both_engines_run_what_is_left_and_an_edge_without_operations_brings_nothing() -> None:
    spec = small_spec(SPACE)
    question = ask(spec, softmax=True)
    for names in (GONE, SPACE.ops):
        own = architecture(left(names=names))
        gates = {"cell": own.decided(question.gates)["cell"]}
        logits = [supernet(question.images, gates, own.active) for supernet in twins(spec)]
        zeroed = [supernet(question.images, gates) for supernet in twins(spec)]
        torch.testing.assert_close(logits[1], logits[0])
        torch.testing.assert_close(zeroed[0], logits[0])


def test_what_has_left_goes_through_a_checkpoint() -> None:
    assert Left.of_json(left(rescales=True).to_json()) == left(rescales=True)


@dataclass(frozen=True)
class Leave(Rule):
    """Two operations of an edge leave before the second epoch."""

    @override
    def before_epoch(self, search: SearchView, plan: EpochPlan) -> EpochPlan:
        return replace(plan, left=left()) if search.epoch == 1 else plan


def searched(
    folder: Path,
    engine: type[ReferenceSupernet] = FusedSupernet,
    epochs: int = 3,
    observer: Observer | None = None,
    rules: tuple[Rule, ...] = (Leave(),),
) -> Mapping[str, Any]:
    recipe = Recipe(gradient=FirstOrder(), update=AdamUpdate(lr=0.1), rules=rules)
    with RunDirectory(folder) as run:
        session = open_small(run, LAYERS)
        problem = replace(search_problem(session), make_supernet=partial(make, engine, session))
        told = observer or session.observer
        run_search(problem, recipe, session.settings.search, run, length=Length(epochs, 2), seed=1, observer=told)
        saved = run.load_checkpoint("search", "search")
    assert saved is not None
    return saved


@pytest.mark.parametrize("engine", ENGINES)
def test_weights_and_alphas_of_what_has_left_stay_while_all_others_learn(
    engine: type[ReferenceSupernet], tmp_path: Path
) -> None:
    """A search of one epoch has another learning rate afterwards, but the same first epoch."""
    seen: dict[str, Any] = {}

    @dataclass(frozen=True)
    class Looking(Rule):
        @override
        def before_epoch(self, search: SearchView, plan: EpochPlan) -> EpochPlan:
            if search.epoch == 1:
                state = search.state_dict()
                seen["weights"] = {name: weight.clone() for name, weight in state["supernet"].items()}
                seen["alpha"] = state["alphas"]["cell"].clone()
            return plan

    after = searched(tmp_path, engine, rules=(Looking(), Leave()))
    names = {
        name
        for (_, row, op), own in untouched(tmp_path / "new", engine).named_by_op()
        for name in own
        if row == ROW and op in GONE
    }
    assert names
    for name, weight in seen["weights"].items():
        assert torch.equal(weight, after["supernet"][name]) == (name in names), name
    stayed = seen["alpha"] == after["alphas"]["cell"]
    assert stayed.nonzero().tolist() == [[ROW, SPACE.ops.index(name)] for name in sorted(GONE, key=SPACE.ops.index)]


@pytest.mark.parametrize("at", [(1, 1), (2, 0)])
def test_a_search_that_is_stopped_and_resumed_leaves_out_the_same(at: tuple[int, int], tmp_path: Path) -> None:
    whole = searched(tmp_path / "whole")
    with pytest.raises(Stopped):
        searched(tmp_path / "cut", observer=StopAfter(*at))
    resumed = searched(tmp_path / "cut")
    assert resumed["left"] == whole["left"] == left().to_json()
    for name, weight in whole["supernet"].items():
        assert torch.equal(weight, resumed["supernet"][name]), name
    assert torch.equal(whole["alphas"]["cell"], resumed["alphas"]["cell"])
