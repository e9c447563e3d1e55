import copy
from dataclasses import replace

import pytest
import torch
from torch import nn

from dartboard.engine.state import SearchState
from dartboard.parts import AdamUpdate, Recipe
from dartboard.parts.architecture import Architecture, all_live
from dartboard.parts.rules import Outcome
from dartboard.runs import RunDirectory
from dartboard.space import get_space
from unit.engine.unscored import UNSCORED


def make_state(seed: int, *, moves_alpha: bool = True, fused: bool = True) -> SearchState:
    torch.manual_seed(seed)
    supernet = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 2))
    space = get_space("darts")
    live = all_live(space)
    architecture = Architecture.of(Recipe(), space, live, torch.device("cpu"))
    alphas = {kind: torch.randn(2, 3, requires_grad=True) for kind in ("normal", "reduce")}
    sgd = torch.optim.SGD(supernet.parameters(), lr=0.1, momentum=0.9, fused=fused)
    adam = AdamUpdate().optimizer(alphas, architecture.cells) if moves_alpha else None
    return SearchState(supernet, architecture, alphas, sgd, adam, epochs=5, span=(0, 5), live=live, score=UNSCORED)


def step(state: SearchState) -> None:
    loss = state.supernet(torch.linspace(-1, 1, 12).view(4, 3)).square().sum()
    loss = loss + sum(alpha.square().sum() for alpha in state.alphas.values())
    loss.backward()
    state.weight_optimizer.step()
    if state.alpha_optimizer:
        state.alpha_optimizer.step()
    state.epoch += 1


@pytest.mark.parametrize("moves_alpha", [True, False])
def test_a_state_goes_through_a_checkpoint_and_moves_on_bit_for_bit(tmp_path, moves_alpha: bool) -> None:
    state, other = make_state(0, moves_alpha=moves_alpha), make_state(1, moves_alpha=moves_alpha)
    step(state)
    with RunDirectory(tmp_path) as run:
        run.save_checkpoint("search", "search", state.state_dict())
        other.load_state_dict(run.load_checkpoint("search", "search") or {})
    for each in (state, other):
        each.weight_optimizer.zero_grad()
        for alpha in each.alphas.values():
            alpha.grad = None
        step(each)
    assert other.epoch == state.epoch == 2
    for kind, alpha in state.alphas.items():
        assert torch.equal(other.alphas[kind], alpha)
    for name, tensor in state.supernet.state_dict().items():
        assert torch.equal(other.supernet.state_dict()[name], tensor)


def test_a_state_saved_with_another_implementation_of_sgd_moves_on_as_it_would_have() -> None:
    state, other = make_state(0, fused=False), make_state(1)
    step(state)
    other.load_state_dict(copy.deepcopy(state.state_dict()))
    for each in (state, other):
        each.weight_optimizer.zero_grad()
        step(each)
    for name, weight in state.weights.items():
        assert torch.equal(other.weights[name], weight)


def test_loading_keeps_the_alphas_that_the_optimizer_holds(tmp_path) -> None:
    state = make_state(0)
    leaf = state.alphas["normal"]
    state.load_state_dict(make_state(1).state_dict())
    assert state.alphas["normal"] is leaf
    assert leaf.requires_grad


def test_alpha_is_never_among_the_weights() -> None:
    state = make_state(0)
    assert list(state.weights) == [name for name, _ in state.supernet.named_parameters()]
    weights = {id(weight) for weight in state.weights.values()}
    assert weights.isdisjoint(id(alpha) for alpha in state.alphas.values())


def test_the_reason_for_a_stop_and_what_rules_remember_survive_a_checkpoint() -> None:
    state, other = make_state(0), make_state(1)
    earlier = {kind: torch.ones(2, 3) for kind in state.alphas}
    state.records["eigenvalues"] = [0.5, 0.7]
    plan = replace(state.plan, temperature=0.25, auxiliary_gate=0.5).stopped("enough")
    state.take(Outcome(plan=plan, final_alphas=earlier))
    other.load_state_dict(copy.deepcopy(state.state_dict()))
    assert other.plan.stop_reason == "enough"
    assert other.has_ended
    assert other.final_alphas is not None
    assert all(torch.equal(other.final_alphas[kind], alpha) for kind, alpha in earlier.items())
    assert other.records == {"eigenvalues": [0.5, 0.7]}
    assert other.architecture.auxiliary_gate == 0.5
    assert [cell.temperature for cell in other.architecture.cells.values()] == [0.25, 0.25]


def test_a_stage_knows_how_far_it_is() -> None:
    state = make_state(0)
    state.span, state.epoch = (2, 6), 3
    assert (state.stage_epoch, state.stage_epochs, state.progress, state.has_ended) == (1, 4, 0.25, False)
    state.epoch = 6
    assert state.has_ended
