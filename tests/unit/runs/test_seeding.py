import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st
from torch import nn

from dartboard.runs import Replayed, derive_seed, make_generator, seeded_initialization

words = st.text(alphabet="abcxyz-", min_size=1, max_size=6)
purposes = st.lists(st.one_of(words, st.integers(0, 1000)), max_size=3).map(tuple)


@given(st.integers(0, 2**40), purposes, st.integers(0, 2**40), purposes)
def test_every_argument_changes_the_seed_and_nothing_else_does(
    seed: int, purpose: tuple[str | int, ...], other: int, elsewhere: tuple[str | int, ...]
) -> None:
    assert derive_seed(seed, *purpose) == derive_seed(seed, *purpose)
    assert 0 <= derive_seed(seed, *purpose) < 2**63
    assume((seed, *purpose) != (other, *elsewhere))
    assert derive_seed(seed, *purpose) != derive_seed(other, *elsewhere)


def test_seeds_stay_the_same_from_version_to_version() -> None:
    assert derive_seed(0, "search", "order", 3) == 2_559_522_938_055_484_706


def test_streams_of_neighbouring_epochs_are_independent() -> None:
    draws = torch.stack(
        [torch.randn(2000, generator=make_generator(seed, "order", epoch)) for seed in (0, 1) for epoch in range(4)]
    )
    correlation = torch.corrcoef(draws).fill_diagonal_(0.0).abs().max()
    # Independent streams of 2000 numbers correlate by 1/sqrt(2000) = 0.022; five of these.
    assert correlation < 0.112


def test_a_generator_can_be_made_again() -> None:
    first, again = (torch.rand(5, generator=make_generator(7, "train", 2)) for _ in range(2))
    assert torch.equal(first, again)


def test_making_a_generator_leaves_the_global_one_alone() -> None:
    before = torch.random.get_rng_state()
    make_generator(0, "search")
    assert torch.equal(torch.random.get_rng_state(), before)


def test_initialisation_depends_on_seed_and_purpose_only() -> None:
    weights = []
    for seed, purpose in [(0, "supernet"), (0, "supernet"), (1, "supernet"), (0, "network")]:
        torch.rand(3)
        with seeded_initialization(seed, purpose):
            weights.append(nn.Linear(3, 3).weight)
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])
    assert not torch.equal(weights[0], weights[3])


def test_initialisation_restores_the_global_generator() -> None:
    before = torch.random.get_rng_state()
    with seeded_initialization(0, "supernet"):
        nn.Linear(3, 3)
    assert torch.equal(torch.random.get_rng_state(), before)
    with pytest.raises(ZeroDivisionError), seeded_initialization(0, "supernet"):
        raise ZeroDivisionError
    assert torch.equal(torch.random.get_rng_state(), before)


def test_replayed_numbers_are_those_that_come_next_at_the_first_use() -> None:
    generator, same = make_generator(7, "gates"), make_generator(7, "gates")
    replayed = Replayed(generator)
    for each in (generator, same):
        torch.rand(3, generator=each)
    expected, after = torch.rand(5, generator=same), torch.rand(5, generator=same)
    assert torch.equal(torch.rand(5, generator=replayed()), expected)
    assert torch.equal(torch.rand(5, generator=generator), after)
    assert torch.equal(torch.rand(5, generator=replayed()), expected)
