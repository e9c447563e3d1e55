"""The plan of an epoch that rules hand on, and what is taken up of their outcomes."""

import copy

import torch

from dartboard.parts.rules import EpochPlan, GoingBack, Outcome, Rule, SearchView
from unit.engine.test_state import make_state, step


class Cooler(Rule):
    """Lowers the temperature that it is given."""

    def before_epoch(self, _search: SearchView, plan: EpochPlan) -> EpochPlan:
        return EpochPlan(alpha_rests=plan.alpha_rests, temperature=plan.temperature - 1)


class Resting(Rule):
    """Lets alpha rest where it is cold."""

    def before_epoch(self, _search: SearchView, plan: EpochPlan) -> EpochPlan:
        return EpochPlan(alpha_rests=plan.temperature < 0, temperature=plan.temperature)


def test_every_rule_is_given_what_those_before_it_made_of_the_plan() -> None:
    first, other = make_state(0), make_state(0)
    first.plan_epoch([Cooler(), Cooler(), Resting()])
    other.plan_epoch([Resting(), Cooler(), Cooler()])
    assert (first.plan.temperature, first.plan.alpha_rests) == (-1, True)
    assert (other.plan.temperature, other.plan.alpha_rests) == (-1, False)


def test_what_no_rule_changes_stays_as_in_the_epoch_before_and_the_architecture_follows() -> None:
    state = make_state(0)
    state.plan_epoch([Cooler()])
    state.plan_epoch([Rule()])
    assert state.plan.temperature == 0
    assert {cell.temperature for cell in state.architecture.cells.values()} == {0}


def test_a_decision_adds_to_those_before_and_leaves_the_plan_it_was_made_from() -> None:
    before = EpochPlan().decided("normal", 0, "skip_connect")
    after = before.decided("normal", 1, None).decided("reduce", 0, "none")
    assert before.decisions == {"normal": {0: "skip_connect"}}
    assert after.decisions == {"normal": {0: "skip_connect", 1: None}, "reduce": {0: "none"}}


def test_the_outcomes_of_several_rules_add_up_and_the_last_word_on_a_name_counts() -> None:
    state = make_state(0)
    chosen = {kind: torch.ones(2, 3) for kind in state.alphas}
    state.take(Outcome({"a": 1, "b": 1}, {"x": 1.0}, chosen))
    state.take(None)
    state.take(Outcome({"b": 2}, {"x": 2.0}, plan=state.plan.stopped("enough")))
    assert state.records == {"a": 1, "b": 2}
    assert state.figures == {"x": 2.0}
    assert state.final_alphas == chosen
    assert state.has_ended


def test_a_return_replaces_everything_else_and_scales_the_decay_of_the_state_it_goes_to() -> None:
    state = make_state(0)
    state.weight_optimizer.param_groups[0]["weight_decay"] = 0.5
    saved = copy.deepcopy(state.state_dict())
    step(state)
    state.take(Outcome({"lost": 1}, back=GoingBack(saved, "it was better", 3.0)))
    assert (state.epoch, state.records) == (0, {})
    assert state.rollbacks == [{"from": 1, "epoch": 0, "reason": "it was better"}]
    assert state.weight_optimizer.param_groups[0]["weight_decay"] == state.plan.weight_decay == 1.5
    assert saved["weight_optimizer"]["param_groups"][0]["weight_decay"] == 0.5
