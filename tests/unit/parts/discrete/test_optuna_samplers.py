"""What the samplers of Optuna propose, and how architectures become trials and come back."""

import statistics
from importlib import util

import pytest

from dartboard.errors import RecipeError
from dartboard.parts import METHODS
from dartboard.parts.discrete import (
    NSGA2,
    TPE,
    DiscreteSearch,
    Full,
    Pool,
    Uniform,
    neighbours,
    pareto_front,
    reference_macs,
)
from dartboard.parts.discrete.samplers import optuna_trials
from dartboard.parts.discrete.samplers.optuna_trials import decision_values, decisions, genotype_of
from dartboard.parts.fits import check_fit
from dartboard.parts.recipe import make_recipe
from dartboard.runs import make_generator
from dartboard.space import SPACES, check_genotype, get_space

from .pools import searched, separable

pytest.importorskip("optuna")
SPACE = get_space("nas-bench-201")
SAMPLERS = (TPE(6), NSGA2(6))


@pytest.mark.parametrize("sampler", SAMPLERS, ids=repr)
def test_nothing_is_proposed_twice_and_the_same_seed_has_the_same_history(sampler: TPE | NSGA2) -> None:
    search = DiscreteSearch(sampler, Full(20, (1,)))
    pool = searched(search, SPACE, separable)
    assert len({member.architecture for member in pool.members}) == 20
    assert searched(search, SPACE, separable) == pool
    assert searched(search, SPACE, separable, seed=1) != pool


@pytest.mark.parametrize("sampler", SAMPLERS, ids=repr)
def test_proposals_are_architectures_of_spaces_that_drop_edges(sampler: TPE | NSGA2) -> None:
    space = get_space("darts:nodes=3")
    pool = searched(DiscreteSearch(sampler, Full(14, (1,))), space, lambda genotype: len(str(genotype)) / 1000)
    for member in pool.members:
        check_genotype(member.architecture, space, exact=True)


def test_tpe_beats_random_search_on_a_separable_problem() -> None:
    def best(sampler: TPE | Uniform, seed: int) -> float:
        pool = searched(DiscreteSearch(sampler, Full(40, (1,))), SPACE, separable, seed=seed)
        return max(member.accuracies[-1] for member in pool.members)

    seeds = range(8)
    found, drawn = ([best(sampler, seed) for seed in seeds] for sampler in (TPE(10), Uniform()))
    assert statistics.fmean(found) > statistics.fmean(drawn)


def test_generations_of_nsga2_come_nearer_to_the_front_of_accuracy_and_cost() -> None:
    """Where operations of much work are worth nothing, only a search that looks at cost avoids them."""

    def by_depth(genotype: object) -> float:
        return str(genotype).count("skip_connect") / 6

    pool = searched(DiscreteSearch(NSGA2(10), Full(60, (1,))), SPACE, by_depth)

    def cost(first: int) -> float:
        return statistics.fmean(reference_macs(each.architecture) for each in pool.members[first : first + 10])

    assert cost(50) < 0.75 * cost(0), "generations drawn at random cost alike, within a tenth"
    front = pareto_front(pool)
    for one in front:
        assert not any(
            other.accuracies[-1] > one.accuracies[-1]
            and reference_macs(other.architecture) <= reference_macs(one.architecture)
            for other in pool.members
        )
    assert front[-1].accuracies[-1] == max(member.accuracies[-1] for member in pool.members)


@pytest.mark.parametrize("name", ["nas-bench-201", "darts", "darts:nodes=2", "robust-s1", "proxyless"])
def test_decisions_and_architectures_are_the_same_thing(name: str) -> None:
    if name not in SPACES and ":" not in name:
        pytest.skip(f"there is no space {name}")
    space, generator = get_space(name), make_generator(0, "test")
    for drawn in Uniform().propose(Pool(epochs=(1,), evaluated_by="training"), space, 5, generator):
        values = decision_values(drawn, space)
        assert all(values[key] in allowed for key, allowed in decisions(space).items())
        assert genotype_of(values, space, generator) == drawn


def test_a_node_that_would_be_read_twice_is_repaired() -> None:
    space = get_space("darts:nodes=2")
    values = {key: allowed[0] for key, allowed in decisions(space).items()}
    repaired = genotype_of(values, space, make_generator(0, "test"))
    check_genotype(repaired, space, exact=True)
    assert neighbours(space, repaired)


def test_members_at_several_levels_are_compared_at_the_highest_that_enough_have_reached() -> None:
    assert TPE(2)._level(_levelled(3, 1, 1)) == 1
    assert TPE(2)._level(_levelled(3, 2, 1)) == 2
    assert TPE(2)._level(_levelled(0, 0, 1)) == 1


def _levelled(*levels: int) -> Pool:
    drawn = searched(DiscreteSearch(Uniform(), Full(len(levels), (1,))), SPACE, separable)
    members = [
        member.model_copy(update={"accuracies": (0.5,) * level})
        for member, level in zip(drawn.members, levels, strict=True)
    ]
    return Pool(epochs=(1, 2, 3), evaluated_by="training", members=tuple(members))


@pytest.mark.parametrize("name", ["tpe", "nsga2"])
def test_without_optuna_one_sentence_says_what_to_install(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert name in METHODS
    monkeypatch.setattr(
        optuna_trials, "find_spec", lambda package: None if package == "optuna" else util.find_spec(package)
    )
    with pytest.raises(RecipeError, match=rf"^{name} needs Optuna, .* pip install 'dartboard\[optuna\]'\.$"):
        check_fit(make_recipe(name, {}), SPACE)
