"""Every registered method keeps the contract that `dartboard.testing` ships, and what else some of them promise."""

from pathlib import Path

import pytest

from dartboard.parts.recipe import make_recipe
from dartboard.parts.trials import Trial
from dartboard.testing import (
    PLANTED_FAN,
    PLANTED_PAIRS,
    MethodCase,
    PlantedContract,
    SearchContract,
    StopAfter,
    Stopped,
    finds_planted,
    search_once,
    search_planted,
    search_small,
)

from .cases import BY_REMOVAL, CASES, RETURNING

TESTS = Path(__file__).parents[1]
FAST = {"alpha_lr": 0.03}

pytestmark = pytest.mark.usefixtures("small_space")


SISTERS = (
    "hyperband",
    "local-search",
    "nsga2",
    "proxy-hyperband",
    "regularized-evolution",
    "successive-halving",
    "tpe",
)
"""Methods without a supernet that share loop, pool and evaluator with `rank-nosh` and `random-search`."""


class TestEveryMethod(PlantedContract, SearchContract):
    methods = tuple(case for name, case in CASES.items() if name not in SISTERS)
    seeds = (0,)


@pytest.mark.slow
class TestSisterMethods(PlantedContract, SearchContract):
    methods = tuple(CASES[name] for name in SISTERS)
    seeds = (0,)


@pytest.mark.slow
class TestFurtherSeedsOfEveryMethod(PlantedContract):
    methods = tuple(CASES.values())
    seeds = wrong_seeds = (1, 2, 3, 4)


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_an_option_that_does_not_move_alpha_is_named_where_its_effect_is_shown(case: MethodCase) -> None:
    for option, path in case.shown_elsewhere.items():
        assert (TESTS / path).is_file(), f"{option} of {case.name} is not shown in {path}"


@pytest.mark.parametrize("seed", range(5))
def test_what_is_planted_in_pairs_of_edges_can_be_found(seed: int, tmp_path: Path) -> None:
    assert search_planted(PLANTED_PAIRS, make_recipe("darts", FAST), tmp_path, seed) == PLANTED_PAIRS.teacher


@pytest.mark.parametrize("name", sorted(BY_REMOVAL))
def test_no_seed_finds_what_is_planted_by_what_the_supernet_misses_least(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = Trial.quality
    monkeypatch.setattr(Trial, "quality", lambda *given: tuple(-part for part in right(*given)))
    assert not any(finds_planted(CASES[name], tmp_path / str(seed), seed) for seed in range(3))


@pytest.mark.parametrize(
    "stop_after", [(1, 0), (2, 1), (5, 0), *(pytest.param(stop, marks=pytest.mark.slow) for stop in ((1, 1), (3, 1)))]
)
def test_a_search_that_goes_back_is_resumed_bit_for_bit(stop_after: tuple[int, int], tmp_path: Path) -> None:
    case = CASES["robust-darts-ada"]
    whole = search_once(case, *RETURNING.items())
    assert [event["event"] for event in whole["events"]].count("rollback") == 2
    with pytest.raises(Stopped):
        search_small(tmp_path / "halved", case, RETURNING, observer=StopAfter(*stop_after))
    assert search_small(tmp_path / "halved", case, RETURNING) == whole


@pytest.mark.parametrize("gradient", ["full", "reinforce"])
def test_every_gradient_of_binary_gates_finds_what_is_planted_and_is_resumed_bit_for_bit(
    gradient: str, tmp_path: Path
) -> None:
    options = {"gradient": gradient, "alpha_every": 1, "warm_up": 0.0}
    recipe = make_recipe("proxyless", FAST | options)
    assert search_planted(PLANTED_FAN, recipe, tmp_path / "planted", 0, epochs=8) == PLANTED_FAN.teacher
    case = MethodCase("proxyless", options=options, epochs=3)
    whole = search_small(tmp_path / "whole", case)
    with pytest.raises(Stopped):
        search_small(tmp_path / "halved", case, observer=StopAfter(1, 1))
    assert search_small(tmp_path / "halved", case) == whole


def test_a_method_that_goes_by_the_curvature_keeps_its_own_intervals(tmp_path: Path) -> None:
    asked = search_small(tmp_path, CASES["robust-darts"], {"search.curvature_every": 1, "method.options.every": 2})
    assert ["eigenvalue" in event for event in asked["events"]] == [True, False]


@pytest.mark.parametrize("case", [CASES["random"]], ids=lambda case: case.name)
def test_a_method_without_training_gives_its_genotype_at_once_and_keeps_it(case: MethodCase, tmp_path: Path) -> None:
    first = search_small(tmp_path / "run", case)
    assert search_small(tmp_path / "run", case) == first
    assert [event["event"] for event in first["events"]] == ["stop"]
    assert first["checkpoints"] == {}
