"""What samplers propose: new architectures, by the rules of their papers."""

import statistics
from dataclasses import replace
from typing import Any

import pytest

from dartboard.estimate import find_tables
from dartboard.parts.discrete import (
    DiscreteSearch,
    Evolution,
    Full,
    LocalSearch,
    Nosh,
    Pool,
    PredictedBest,
    Sampler,
    Uniform,
    neighbours,
)
from dartboard.runs import make_generator
from dartboard.space import Genotype, get_space, lets_images_through

from .pools import searched, separable

SPACE = get_space("nas-bench-201")
SAMPLERS = (Uniform(), Evolution(5, 2), LocalSearch(3), LocalSearch(3, "first"), PredictedBest(networks=1, steps=5))


@pytest.mark.parametrize("sampler", SAMPLERS, ids=repr)
def test_nothing_is_proposed_twice_and_the_same_seed_has_the_same_history(sampler: Sampler) -> None:
    search = DiscreteSearch(sampler, Full(30, (1,)))
    pool = searched(search, SPACE, separable)
    texts = [member.architecture.to_text() for member in pool.members]
    assert len(set(texts)) == len(texts) == 30
    assert all(lets_images_through(SPACE, member.architecture) for member in pool.members)
    assert searched(search, SPACE, separable) == pool
    assert searched(search, SPACE, separable, seed=1) != pool


@pytest.mark.parametrize("sampler", SAMPLERS, ids=repr)
def test_a_space_that_is_exhausted_gives_no_more(sampler: Sampler) -> None:
    space = replace(SPACE, ops=("skip_connect", "nor_conv_1x1"), cell=replace(SPACE.cell, num_nodes=1))
    pool = searched(DiscreteSearch(sampler, Full(5, (1,))), space, separable)
    assert len(pool.members) == 2


def test_evolution_keeps_the_youngest_and_its_children_differ_in_one_decision() -> None:
    sampler = Evolution(population=5, contenders=2)
    pool = searched(DiscreteSearch(sampler, Full(20, (1,))), SPACE, separable)
    for end in range(6, 20):
        before = pool.model_copy(update={"members": pool.members[:end]})
        queue = sampler.queue(before)
        assert [member.number for member in queue] == list(range(end - 5, end))
        child = pool.members[end].architecture
        assert any(child in neighbours(SPACE, member.architecture) for member in queue)


def test_evolution_and_the_predictor_beat_random_search_on_a_separable_problem() -> None:
    def best(sampler: Sampler, seed: int) -> float:
        pool = searched(DiscreteSearch(sampler, Full(40, (1,))), SPACE, separable, seed=seed)
        return max(member.accuracies[-1] for member in pool.members)

    seeds = range(20)
    random = statistics.fmean(best(Uniform(), seed) for seed in seeds)
    assert statistics.fmean(best(Evolution(10, 3), seed) for seed in seeds) > random
    schedule = Nosh((1,), 0.5, 16, 8, 40)
    pool = searched(DiscreteSearch(PredictedBest(networks=1, steps=60), schedule), SPACE, separable)
    assert max(member.accuracies[-1] for member in pool.members) > random


def test_local_search_stops_only_where_no_neighbour_is_better() -> None:
    tables = find_tables()
    if not tables:
        pytest.skip("needs the table of NAS-Bench-201 in DARTBOARD_DATA")
    table, sampler = tables[12], LocalSearch(3)

    def accuracy(genotype: Genotype) -> float:
        return table.accuracy(genotype, "cifar10_val") / 100

    pool = searched(DiscreteSearch(sampler, Full(150, (1,))), SPACE, accuracy)
    optima = sampler.place(pool, SPACE).optima
    assert optima
    for optimum in optima:
        around = [each for each in neighbours(SPACE, optimum.architecture) if lets_images_through(SPACE, each)]
        assert all(accuracy(each) <= optimum.accuracies[-1] for each in around)


def test_local_search_by_first_moves_as_soon_as_a_neighbour_is_better() -> None:
    sampler = LocalSearch(1, "first")
    pool = searched(DiscreteSearch(sampler, Full(12, (1,))), SPACE, separable)
    centre = pool.members[0]
    for member in pool.members[1:]:
        assert member.architecture in neighbours(SPACE, centre.architecture)
        if separable(member.architecture) > separable(centre.architecture):
            centre = member


def test_a_large_space_offers_neighbours_of_the_best_beside_random_ones() -> None:
    space = get_space("darts:nodes=2")
    sampler = PredictedBest(drawn=5, networks=1, steps=40)

    def skips(genotype: Genotype) -> float:
        return genotype.operation_counts.get("skip_connect", 0) / 10

    pool = searched(DiscreteSearch(sampler, Nosh((1,), 0.5, 12, 4, 24)), space, skips)
    assert max(map(skips, (member.architecture for member in pool.members[12:]))) > max(
        map(skips, (member.architecture for member in pool.members[:12]))
    )


def test_a_predictor_without_pairs_foretells_nothing() -> None:
    pool = Pool(epochs=(1,), evaluated_by="training")
    drawn = Uniform().propose(pool, SPACE, 2, make_generator(0, "test"))
    assert PredictedBest().predict(pool, SPACE, drawn, make_generator(0, "test")) == []


@pytest.mark.parametrize("changes", [{"networks": 3}, {"steps": 3}, {"least": 0.9}, {"loss": "hinge"}], ids=repr)
def test_every_setting_of_the_predictor_matters(changes: dict[str, Any]) -> None:
    space, plain = get_space("darts:nodes=2"), PredictedBest(drawn=60, networks=1, steps=20)

    def skips(genotype: Genotype) -> float:
        return genotype.operation_counts.get("skip_connect", 0) / 10

    schedule = Nosh((1,), 0.5, 8, 8, 32)
    changed = searched(DiscreteSearch(replace(plain, **changes), schedule), space, skips)
    assert changed != searched(DiscreteSearch(plain, schedule), space, skips)


def test_a_large_space_is_sampled_as_often_as_asked() -> None:
    space, pool = get_space("darts:nodes=2"), Pool(epochs=(1,), evaluated_by="training")
    generator = make_generator(0, "test")
    assert [len(PredictedBest(drawn=drawn)._candidates(pool, space, generator)[0]) for drawn in (3, 9)] == [3, 9]
