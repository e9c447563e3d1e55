import math
from dataclasses import replace

import pytest
import torch

from dartboard.engine.state import SearchState
from dartboard.parts import AdamUpdate, BestEpoch, FadeAuxiliary, Recipe, StopAtSkips, StopAtStableRanking
from dartboard.parts.architecture import Architecture, all_live
from dartboard.parts.rules.protocol import Rule
from dartboard.space import PUBLISHED, CellGenotype, Genotype, get_space
from unit.engine.unscored import UNSCORED

DARTS = get_space("darts")
LEARNABLE = [DARTS.ops.index(name) for name in ("sep_conv_3x3", "sep_conv_5x5", "dil_conv_3x3", "dil_conv_5x5")]


def make_state(epochs: int = 50) -> SearchState:
    live = all_live(DARTS)
    architecture = Architecture.of(Recipe(), DARTS, live, torch.device("cpu"))
    alphas = architecture.initial_alphas(torch.Generator().manual_seed(0))
    supernet = torch.nn.Linear(1, 1)
    sgd = torch.optim.SGD(supernet.parameters(), lr=0.1)
    adam = AdamUpdate().optimizer({kind: alpha.requires_grad_() for kind, alpha in alphas.items()}, architecture.cells)
    return SearchState(
        supernet, architecture, alphas, sgd, adam, epochs=epochs, span=(0, epochs), live=live, score=UNSCORED
    )


def end_epoch(state: SearchState, rule: Rule) -> None:
    state.epoch += 1
    state.figures = {}
    state.take(rule.after_epoch(state))


@pytest.mark.parametrize(
    ("fading", "gates"),
    [
        ("linear", {0: 1.0, 25: 0.5, 49: 0.02}),
        ("cosine", {0: 1.0, 25: 0.5, 49: (1 + math.cos(0.98 * math.pi)) / 2}),
        ("slow-cosine", {0: 1.0, 25: math.sqrt(0.5), 49: math.cos(0.49 * math.pi)}),
        ("constant", {0: 1.0, 25: 1.0, 49: 1.0}),
    ],
)
def test_the_auxiliary_gate_follows_its_schedule(fading, gates: dict[int, float]) -> None:
    state = make_state()
    for epoch, gate in gates.items():
        state.epoch = epoch
        for start in (1.0, 0.5):
            state.plan_epoch([FadeAuxiliary(fading, start)])
            assert state.plan.auxiliary_gate == pytest.approx(start * gate)


def with_skips(normal: int, reduce: int = 0) -> Genotype:
    """DARTS V2 with so many skip connections in its cells."""
    cells = []
    for (kind, cell), count in zip(PUBLISHED["darts-v2"].cells, (normal, reduce), strict=True):
        choices = tuple(
            replace(choice, op="skip_connect" if number < count else "sep_conv_3x3")
            for number, choice in enumerate(cell.choices)
        )
        cells.append((kind, CellGenotype(choices, cell.outputs)))
    return Genotype("darts", tuple(cells))


def test_the_second_skip_connection_of_the_normal_cell_stops_the_search() -> None:
    state, rule = make_state(), StopAtSkips()
    for count in (0, 1, 1, 2):
        assert not state.plan.stop_reason
        state.genotype = with_skips(count)
        end_epoch(state, rule)
        assert state.figures == {"skip_connections": count}
    assert state.epoch == 4
    assert state.plan.stop_reason == "the normal cell holds 2 skip connections"
    assert state.final_alphas is None


def test_skip_connections_of_the_reduction_cell_and_of_a_warm_up_stop_nothing() -> None:
    state, rule = make_state(), StopAtSkips()
    state.genotype = with_skips(1, reduce=8)
    end_epoch(state, rule)
    state.genotype, state.plan = with_skips(8), replace(state.plan, alpha_rests=True)
    end_epoch(state, rule)
    assert not state.plan.stop_reason


def test_the_architecture_of_the_epoch_before_the_stop_can_be_kept() -> None:
    state, rule = make_state(), StopAtSkips(keep="previous")
    before = {}
    for count in (0, 1, 2):
        with torch.no_grad():
            state.alphas["normal"].add_(1.0)
        state.genotype = with_skips(count)
        end_epoch(state, rule)
        before[count] = state.copied_alphas()
    assert state.final_alphas is not None
    assert torch.equal(state.final_alphas["normal"], before[1]["normal"])
    first = make_state()
    first.genotype = with_skips(8)
    end_epoch(first, rule)
    assert first.plan.stop_reason
    assert first.final_alphas is None


def swap(state: SearchState, kind: str, row: int, columns: list[int]) -> None:
    with torch.no_grad():
        state.alphas[kind][row, columns] = state.alphas[kind][row, columns].flip(0)


def test_ten_epochs_of_fifty_without_a_change_of_the_ranking_stop_the_search() -> None:
    """Constant from epoch 3 on: the tenth comparison without a change is that of epoch 13."""
    state, rule = make_state(), StopAtStableRanking()
    while not state.plan.stop_reason:
        if state.epoch < 3:
            swap(state, "normal", 13, LEARNABLE[:2])
        end_epoch(state, rule)
    assert state.epoch == 13
    assert state.figures == {"ranking_unchanged": 10}
    assert (
        state.plan.stop_reason == "the ranking of the normal cell's learnable operations has not changed for 10 epochs"
    )


def test_only_learnable_operations_of_the_normal_cell_are_ranked() -> None:
    state, rule = make_state(epochs=5), StopAtStableRanking(0.4)
    for change in (("reduce", LEARNABLE[:2]), ("normal", [1, 3]), ("normal", [3, LEARNABLE[0]])):
        end_epoch(state, rule)
        swap(state, change[0], 5, change[1])
        assert bool(state.plan.stop_reason) == (state.epoch == 3)


def test_a_ranking_needs_two_learnable_operations() -> None:
    assert StopAtStableRanking().refuse(DARTS) == ""
    poor = replace(DARTS, ops=("skip_connect", "sep_conv_3x3"))
    assert "no edge has more than one" in StopAtStableRanking().refuse(poor)


def test_the_alphas_of_the_epoch_with_the_best_validation_accuracy_are_kept_and_the_search_goes_on() -> None:
    state, rule = make_state(), BestEpoch()
    kept = {}
    for number, accuracy in enumerate([0.9, 0.3, None, 0.5, 0.4, 0.5], start=1):
        state.plan, state.validation_accuracy = replace(state.plan, alpha_rests=number == 1), accuracy
        with torch.no_grad():
            state.alphas["normal"].add_(1.0)
        kept[number] = state.copied_alphas()
        end_epoch(state, rule)
        assert not state.plan.stop_reason
    assert state.figures == {"best_epoch": 4}
    assert state.final_alphas is not None
    assert torch.equal(state.final_alphas["normal"], kept[4]["normal"])


def test_what_rules_remember_is_loaded_again() -> None:
    state, other = make_state(), make_state()
    for rule in (BestEpoch(), StopAtSkips(keep="previous"), StopAtStableRanking()):
        state.validation_accuracy, state.genotype = 0.5, with_skips(0)
        state.take(rule.after_epoch(state))
    other.load_state_dict(state.state_dict())
    assert other.records.keys() == state.records.keys() >= {"alphas_before", "ranking", "best_accuracy"}
    assert other.final_alphas is not None
