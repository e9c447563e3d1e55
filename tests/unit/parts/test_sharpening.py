import itertools
from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import dartboard.methods  # noqa: F401 - importing registers the methods
from dartboard.errors import RecipeError
from dartboard.parts import (
    DecayOnSharpening,
    Dropping,
    GrowDropping,
    MeasureCurvature,
    ScaleWeightDecay,
    Sharpening,
    SharpeningInShares,
    StopOnSharpening,
)
from dartboard.parts.recipe import make_recipe
from dartboard.parts.rules.curvature import interval
from unit.engine.test_state import make_state, step

RISING = [1.0] * 9 + [1.2, 1.8, 2.5]
"""Eigenvalues of the epochs 0, 2, ..., 22."""


def every_second(values: list[float]) -> list[list[float]]:
    return [[2 * number, value] for number, value in enumerate(values)]


def test_a_rise_is_found_at_epoch_22_and_leads_back_to_epoch_10() -> None:
    history = every_second(RISING)
    assert [Sharpening()(history[:count]) for count in range(12)] == [None] * 12
    assert Sharpening()(history) == 10


def test_the_averages_are_compared_with_the_factor_itself() -> None:
    """(1 + 1 + 1.2 + 1.8 + 2.5) / 5 = 1.5 against 1."""
    assert Sharpening(factor=1.49)(every_second(RISING)) == 10
    assert Sharpening(factor=1.5)(every_second(RISING)) is None


def test_a_constant_curvature_never_stops_a_search() -> None:
    history = every_second([1.0] * 25)
    assert all(Sharpening()(history[:count]) is None for count in range(26))


@pytest.mark.parametrize("before", [0.0, -1.0])
def test_an_average_that_is_not_positive_is_not_compared(before: float) -> None:
    history = every_second([before] * 9 + [5.0, 5.0, 5.0])
    assert Sharpening()(history) is None
    assert Sharpening()(every_second([1.0] * 9 + [5.0] * 3)) == 10


def test_no_number_never_stops_a_search() -> None:
    assert Sharpening()(every_second([*RISING[:-1], float("nan")])) is None


def test_the_first_averages_have_what_there_is() -> None:
    """window 5, gap 1: at the 4th record the averages of 4 and of 3 records."""
    test = Sharpening(window=5, gap=1, first=0, factor=1.2)
    assert test(every_second([1.0, 1.0, 1.0, 1.9])) == 0, "1.225 / 1"
    assert test(every_second([1.0, 1.0, 1.0, 1.7])) is None, "1.175 / 1"
    assert test(every_second([1.0, 1.0, 9.0])) is None, "the middle of the window before is not there yet"


@pytest.mark.parametrize(
    ("changed", "wanted"), [({"window": 3}, 12), ({"gap": 3}, 12), ({"first": 11}, None), ({"factor": 1.6}, None)]
)
def test_every_constant_of_the_test_counts(changed, wanted: int | None) -> None:
    assert Sharpening(**changed)(every_second(RISING)) == wanted


def fresh():
    """A state of 50 epochs, the usual weight decay, and a rate at which the weights stay small."""
    state = make_state(0)
    state.epochs, state.span = 50, (0, 50)
    decay_of(state).update(lr=1e-3)
    state.follow(replace(state.plan, weight_decay=3e-4))
    return state


def decay_of(state):
    return state.weight_optimizer.param_groups[0]


def advance(state) -> None:
    """An epoch of one step, after which alpha tells where the search is."""
    state.weight_optimizer.zero_grad()
    for alpha in state.alphas.values():
        alpha.grad = None
    step(state)
    with torch.no_grad():
        state.alphas["normal"].fill_(state.epoch + decay_of(state)["weight_decay"])


def follow(rules, values):
    """A state whose epochs measure given eigenvalues (a function of epoch and weight decay), until it ends."""
    state = fresh()
    visited = []
    while not state.has_ended and len(visited) < 200:
        decay = decay_of(state)["weight_decay"]
        visited.append((state.epoch, decay))
        advance(state)
        state.figures = {}
        epoch = state.epoch - 1
        if epoch % 2 == 0:
            value = values(epoch, decay)
            state.figures["eigenvalue"] = value
            state.records["eigenvalues"] = [*state.records.get("eigenvalues", []), [epoch, value]]
        for rule in rules:
            state.take(rule.after_epoch(state))
    return state, visited


def test_a_search_that_stops_takes_the_alphas_of_the_epoch_it_goes_back_to() -> None:
    state, visited = follow([StopOnSharpening()], lambda epoch, _: RISING[epoch // 2])
    assert state.epoch == len(visited) == 23
    assert state.plan.stop_reason == (
        "the largest Hessian eigenvalue of the validation loss in alpha grew by a factor of more than 1.3, and the "
        "architecture is read from epoch 11"
    )
    assert state.final_alphas is not None
    assert torch.equal(state.final_alphas["normal"], torch.full((2, 3), 11 + 3e-4))


@pytest.mark.parametrize(("epoch_of_the_jump", "stops"), [(46, True), (48, False)])
def test_the_last_measurement_is_not_judged(epoch_of_the_jump: int, stops: bool) -> None:
    def jump(epoch: int, _decay: float) -> float:
        return 9.0 if epoch == epoch_of_the_jump else 1.0

    state, _ = follow([StopOnSharpening()], jump)
    assert bool(state.plan.stop_reason) == stops, "the measurements are those of epochs 0, 2, ..., 48"
    state, _ = follow([DecayOnSharpening()], jump)
    assert bool(state.rollbacks) == stops


def in_shares(epochs: int, values: Callable[[int], float]) -> tuple[int, int] | None:
    """The epoch in which the test stops a search of so many epochs, and the one whose architecture it returns."""
    shares = SharpeningInShares()
    each, test = interval(shares.every, epochs), shares.within(epochs)
    history: list[list[float]] = []
    for number in range(shares.measurements(epochs)):
        history.append([number * each, values(number)])
        if (back := test(history)) is not None:
            return number * each, back
    return None


@pytest.mark.parametrize(
    ("epochs", "stops", "returns"),
    [(50, 22, 10), (100, 44, 20), (25, 11, 5), (20, 9, 4), (12, 6, 3), (10, 5, 2), (5, 3, 1)],
)
def test_a_loss_that_doubles_stops_searches_of_any_length_at_the_same_share(
    epochs: int, stops: int, returns: int
) -> None:
    assert in_shares(epochs, lambda number: 2.0**number) == (stops, returns)
    assert in_shares(epochs, lambda _: 1.0) is None


def test_fifty_epochs_have_the_numbers_of_the_authors() -> None:
    assert SharpeningInShares().within(50) == Sharpening(5, 4, 10, 1.3, last=48)
    assert [interval(1 / 25, epochs) for epochs in (50, 100, 25, 10)] == [2, 4, 1, 1]


@settings(max_examples=60)
@given(st.integers(5, 300))
def test_a_search_of_five_epochs_or_more_can_stop_and_of_fewer_it_says_that_it_cannot(epochs: int) -> None:
    shares = SharpeningInShares()
    assert shares.idle_with(shares.measurements(epochs)) == ""
    stopped = in_shares(epochs, lambda number: 2.0**number)
    assert stopped is not None
    assert stopped[1] >= 0.2 * epochs - interval(1 / 25, epochs)


@pytest.mark.parametrize("name", ["robust-darts", "robust-darts-ada"])
def test_a_method_that_cannot_act_says_so(name: str) -> None:
    assert make_recipe(name, {}).idle_in(5) == []
    assert make_recipe(name, {}).idle_in(4) == [
        "4 measurements of the curvature cannot tell a rise (5 are needed), so the search is that of darts-2nd; give "
        "it more epochs"
    ]
    assert in_shares(4, lambda number: 2.0**number) is None


def test_the_search_goes_back_with_ten_times_the_decay_twice_and_no_more() -> None:
    """The loss sharpens from epoch 18 on whatever the decay; 3e-4 * 10 * 10 is 3e-2 but for rounding."""

    def rising(epoch: int, _decay: float) -> float:
        return RISING[min(epoch // 2, 11)]

    state, visited = follow([DecayOnSharpening()], rising)
    assert [(rollback["from"], rollback["epoch"]) for rollback in state.rollbacks] == [(23, 11), (23, 11)]
    epochs = [epoch for epoch, _ in visited]
    assert epochs == [*range(23), *range(11, 23), *range(11, 50)]
    decays = [decay for _, decay in visited]
    assert decays == pytest.approx([3e-4] * 23 + [3e-3] * 12 + [3e-2] * 39)
    assert state.rollbacks[0]["reason"].endswith("the weight decay of the weights rises from 0.0003 to 0.003")
    assert state.records["snapshots"] == []
    assert state.records["eigenvalues"] == [[epoch, rising(epoch, 0)] for epoch in range(0, 50, 2)]


def test_going_back_restores_weights_alphas_and_optimisers() -> None:
    state, visited = follow(
        [DecayOnSharpening(limit=1e-3)], lambda epoch, decay: RISING[min(epoch // 2, 11)] if decay < 1e-3 else 1.0
    )
    assert len(visited) == 23 + 39
    twin = fresh()
    for epoch in range(50):
        if epoch == 11:
            twin.follow(replace(twin.plan, weight_decay=state.plan.weight_decay))
        advance(twin)
    for name, alpha in twin.alphas.items():
        assert torch.equal(state.alphas[name], alpha)
    for name, weight in twin.weights.items():
        assert torch.equal(state.weights[name], weight)


@settings(max_examples=30)
@given(st.lists(st.floats(0.5, 2.0), min_size=40, max_size=40), st.integers(1, 3), st.integers(1, 2))
def test_whatever_was_measured_the_state_to_go_back_to_is_there(values, window: int, gap: int) -> None:
    """Every snapshot asked for is the one of the epoch named, however often the search has gone back before."""
    draws = itertools.cycle(values)
    shares = SharpeningInShares(2, window / 25, gap / 25, first=2 / 25)
    window = max(2, window)
    assert shares.within(50) == Sharpening(window, gap, first=4, last=48)
    rule = DecayOnSharpening(factor=2.0, limit=2e-3, test=shares)
    state, visited = follow([rule], lambda *_: next(draws))
    assert state.epoch == 50
    assert len(state.rollbacks) <= 3
    position = 0
    for rollback in state.rollbacks:
        position = next(at for at in range(position + 1, len(visited)) if visited[at][0] <= visited[at - 1][0])
        assert visited[position - 1][0] + 1 == rollback["from"]
        assert visited[position][0] == rollback["epoch"]
        assert (rollback["epoch"] - 1) % 2 == 0
        assert rollback["epoch"] - 1 >= 4
        back = (rollback["from"] - rollback["epoch"]) // 2
        assert back == window // 2 + gap


@pytest.mark.parametrize("factor", [1.0, 0.5])
def test_a_decay_that_would_not_rise_is_refused(factor: float) -> None:
    with pytest.raises(RecipeError, match=r"multiplied by (1|0\.5) does not rise; choose a factor above 1"):
        DecayOnSharpening(factor=factor)


def test_a_number_of_epochs_is_no_share_of_the_steps() -> None:
    with pytest.raises(RecipeError, match=r"every=2 is a number of epochs; give a share below 1"):
        make_recipe("robust-darts", {"within_epochs": True, "every": 2})
    assert make_recipe("robust-darts", {"every": 2}).rules[1] == MeasureCurvature(2, 1e-3)


def test_a_decay_of_zero_cannot_be_raised() -> None:
    assert DecayOnSharpening()._returns_left(0.0) == 0


def test_the_methods_have_the_published_constants() -> None:
    stopping = make_recipe("robust-darts", {})
    assert stopping.rules == (
        ScaleWeightDecay(1.0),
        MeasureCurvature(1 / 25, 1e-3),
        StopOnSharpening(SharpeningInShares()),
    )
    ada = make_recipe("robust-darts-ada", {})
    assert ada.rules == (MeasureCurvature(1 / 25, 1e-3), DecayOnSharpening(10.0, 3e-2))
    assert SharpeningInShares().within(50) == Sharpening(5, 4, 10, 1.3, last=48)
    dropping = make_recipe("robust-darts", {"stops": False, "drop_path": 0.2, "weight_decay_factor": 9})
    assert dropping.rules == (ScaleWeightDecay(9.0), GrowDropping(Dropping(0.2, 1.0, 0.5)))


def test_the_weight_decay_is_multiplied_once() -> None:
    state = fresh()
    for epoch in range(3):
        state.epoch = epoch
        state.plan_epoch([ScaleWeightDecay(27.0)])
    assert decay_of(state)["weight_decay"] == pytest.approx(8.1e-3)
