"""One architecture a step, and the best of many tried with the weights of the supernet."""

import itertools
import math
from collections import Counter

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Generator

from dartboard.errors import SettingsError
from dartboard.parts import Recipe, SampleAndValidate, UniformPaths
from dartboard.parts.architecture import Architecture, all_live
from dartboard.parts.drawing import draw_by_shares, likeliest
from dartboard.parts.scoring import Scorer
from dartboard.parts.selection.protocol import Trained
from dartboard.space import get_space
from dartboard.supernet import FusedSupernet, SupernetSpec
from dartboard.testing import PLANTED, PlantedBatches, PlantedSupernet
from unit.engine.unscored import UNSCORED

CPU = torch.device("cpu")


def seeded(seed: int = 0) -> Generator:
    return torch.Generator().manual_seed(seed)


def within_three_sigma(count: int, draws: int, share: float) -> bool:
    return abs(count - draws * share) <= 3 * math.sqrt(draws * share * (1 - share))


def test_every_operation_is_drawn_as_often_as_any_other() -> None:
    space = get_space("nas-bench-201")
    architecture = Architecture.of(Recipe(relaxation=UniformPaths()), space, all_live(space), CPU)
    alphas, generator, draws = architecture.initial_alphas(seeded()), seeded(1), 10_000
    counts: Counter[tuple[int, int]] = Counter()
    for _ in range(draws):
        active = architecture.draw(alphas, generator, of_alpha=False).active
        assert active is not None
        counts.update((row, column) for row, (column,) in enumerate(active["cell"]))
    assert set(counts) == set(itertools.product(range(6), range(5)))
    # Of thirty frequencies one in twelve sets has one beyond three sigma; this seed has none.
    assert all(within_three_sigma(count, draws, 1 / 5) for count in counts.values())


def test_in_darts_cells_a_node_has_two_predecessors_and_never_none() -> None:
    space = get_space("darts")
    architecture = Architecture.of(Recipe(relaxation=UniformPaths()), space, all_live(space), CPU)
    alphas, generator = architecture.initial_alphas(seeded()), seeded(2)
    for _ in range(200):
        drawn = architecture.draw(alphas, generator, of_alpha=False)
        assert drawn.active is not None
        for kind in space.cell_kinds:
            rows = [row for row, columns in enumerate(drawn.active[kind]) if columns]
            assert [sum(row in space.cell.incoming(node) for row in rows) for node in space.cell.nodes] == [2] * 4
            assert all(space.ops[columns[0]] != "none" for columns in drawn.active[kind] if columns)
            assert drawn.gates[kind].sum() == 8


def test_alpha_sees_the_mixture_of_all() -> None:
    space = get_space("darts")
    architecture = Architecture.of(Recipe(relaxation=UniformPaths()), space, all_live(space), CPU)
    drawn = architecture.draw(architecture.initial_alphas(seeded()), seeded(), of_alpha=True)
    assert drawn.active is None
    torch.testing.assert_close(drawn.gates["normal"].sum(dim=-1), torch.ones(14))


def test_a_step_reaches_the_weights_of_the_path_alone() -> None:
    space = get_space("nas-bench-201")
    plan = space.plan(in_channels=3, num_classes=3, init_channels=4, layers=1)
    supernet = FusedSupernet(SupernetSpec(space, plan))
    architecture = Architecture.of(Recipe(relaxation=UniformPaths()), space, all_live(space), CPU)
    drawn = architecture.draw(architecture.initial_alphas(seeded()), seeded(3), of_alpha=False)
    assert drawn.active is not None
    weights = dict(supernet.named_parameters())
    loss = supernet(torch.randn(2, 3, 8, 8, generator=seeded()), drawn.gates, drawn.active).sum()
    gradients = torch.autograd.grad(loss, list(weights.values()), allow_unused=True)
    chosen = {f"edges.{row}.{space.ops[column]}." for row, (column,) in enumerate(drawn.active["cell"])}
    for name, gradient in zip(weights, gradients, strict=True):
        if ".edges." in name:
            assert (gradient is not None) == any(part in name for part in chosen), name


@pytest.mark.parametrize(("steps", "rounds"), [(19_531, 1), (39_062, 3), (10, 1)])
def test_a_longer_search_tries_more_rounds(steps: int, rounds: int) -> None:
    assert SampleAndValidate().rounds(steps) == rounds


@given(st.integers(0, 10_000), st.integers(1, 40))
def test_the_likeliest_ways_are_those_of_brute_force(seed: int, count: int) -> None:
    gates = torch.rand(3, 3, generator=seeded(seed))
    columns = [(0, 1, 2), (0, 2), (1,)]
    found = likeliest(gates, columns, count)
    likelihood = {
        way: math.prod(float(gates[row, column]) for row, column in enumerate(way))
        for way in itertools.product(*columns)
    }
    assert len(found) == len(set(found)) == min(count, 6)
    expected = sorted(likelihood.values(), reverse=True)[: len(found)]
    assert [likelihood[way] for way in found] == pytest.approx(expected)


def test_draws_by_shares_follow_the_gates() -> None:
    space, generator, draws = get_space("nas-bench-201"), seeded(), 4_000
    gates = torch.full((6, 5), 0.1)
    gates[:, 2] = 0.6
    columns = space.selectable_columns("cell")
    counts = Counter(draw_by_shares(space.cell, columns, gates, generator)[4] for _ in range(draws))
    assert within_three_sigma(counts[2], draws, 0.6)


def trained(score: Scorer) -> Trained:
    space = PLANTED.space
    architecture = Architecture.of(Recipe(), space, all_live(space), CPU)
    alphas = architecture.initial_alphas(seeded())
    gates = architecture.mean_gates(alphas)
    return Trained(space, architecture, alphas, gates, score, 10, seeded(), lambda _: None)


@pytest.mark.parametrize("origin", ["uniform", "shares", "likeliest"])
def test_the_best_of_enough_candidates_is_the_teacher(origin: str) -> None:
    score = Scorer(PlantedSupernet(PLANTED), PlantedBatches(PLANTED, 2), CPU)
    # 125 architectures: all of them are among the likeliest, and nearly every one among 1000 draws.
    selection = SampleAndValidate(125 if origin == "likeliest" else 1000, 1, 5, None, origin)  # type: ignore[arg-type]
    judged = selection.judge(trained(score))
    assert tuple(choice.op for choice in judged.genotype["cell"].choices) == PLANTED.teacher
    assert judged.figures["validation_accuracy"] == 1.0
    assert 0 < judged.figures["tried"] < selection.candidates  # those that let no image through are left out


def test_without_validation_images_nothing_can_be_tried() -> None:
    with pytest.raises(SettingsError, match="validation images, and there are none"):
        SampleAndValidate(2).judge(trained(UNSCORED))


def test_more_rounds_try_more() -> None:
    score = Scorer(PlantedSupernet(PLANTED), PlantedBatches(PLANTED, 2), CPU)
    judged = SampleAndValidate(3, 1, 2, 5).judge(trained(score))
    assert (judged.figures["rounds"], judged.figures["tried"]) == (2, 6)


@pytest.mark.parametrize("seconds", [0.0, 1e9])
def test_where_time_is_short_fewer_are_tried_but_one_in_every_round(seconds: float) -> None:
    score = Scorer(PlantedSupernet(PLANTED), PlantedBatches(PLANTED, 2), CPU)
    said: list[str] = []
    given = trained(score)._replace(seconds=seconds, note=said.append)
    judged = SampleAndValidate(3, 1, 2, 5).judge(given)
    assert (judged.figures["rounds"], judged.figures["tried"]) == (2, 6 if seconds else 2)
    assert 0 <= judged.figures["validation_accuracy"] <= 1
    assert ", or as many as " in said[0]
