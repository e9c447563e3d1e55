"""The average of weights against its closed form."""

import pytest
import torch
from torch import nn

from dartboard.training.averaging import WeightAverage


def network(value: float) -> nn.Module:
    made = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))
    put(made, value)
    return made


@torch.no_grad()
def put(made: nn.Module, value: float) -> None:
    for tensor in made.state_dict().values():
        tensor.fill_(value)


def values(made: nn.Module) -> set[float]:
    return {round(float(x), 6) for t in made.state_dict().values() if t.is_floating_point() for x in t.flatten()}


def test_the_network_goes_on_from_a_lookahead_average_every_fifth_step() -> None:
    made = network(0.0)
    average = WeightAverage(made, "lookahead")
    for step in range(1, 6):
        put(made, 1.0)
        average.step(0.5)
        assert values(made) == ({1.0} if step < 5 else {round(1 - 0.0967226, 6)})  # d at half the time


def test_the_last_step_averages_whatever_its_number() -> None:
    made = network(0.0)
    average = WeightAverage(made, "lookahead")
    put(made, 1.0)
    average.step(1.0)
    assert values(made) == {0.05}


def test_an_ema_leaves_the_network_alone_but_where_it_is_applied() -> None:
    made = network(0.0)
    average = WeightAverage(made, "ema")
    put(made, 1.0)
    average.step(1.0)
    assert values(made) == {1.0}
    with average.applied():
        assert values(made) == {0.05}
    assert values(made) == {1.0}
    average.hand_over()
    assert values(made) == {0.05}


def test_integers_such_as_counts_of_batches_are_not_averaged() -> None:
    made = network(0.0)
    average = WeightAverage(made, "lookahead")
    put(made, 4.0)
    average.step(1.0)
    assert int(made.state_dict()["1.num_batches_tracked"]) == 4


@pytest.mark.parametrize("kind", ["lookahead", "ema"])
def test_a_stored_average_goes_on_where_it_was(kind: str) -> None:
    made, other = network(0.0), network(0.0)
    whole, first = WeightAverage(made, kind), WeightAverage(other, kind)  # type: ignore[arg-type]
    for step in range(1, 9):
        for each, average in ((made, whole), (other, first)):
            put(each, float(step))
            average.step(step / 8)
        if step == 3:
            again = WeightAverage(other, kind)  # type: ignore[arg-type]
            again.load_state_dict(first.state_dict())
            first = again
    whole.hand_over()
    first.hand_over()
    assert values(made) == values(other)
