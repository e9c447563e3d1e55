"""IS-DARTS: no alpha; the operations leave whose outputs tell least."""

import math
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import dartboard.methods  # noqa: F401 - importing registers the methods
from dartboard.engine.loop import run_search
from dartboard.errors import RecipeError
from dartboard.parts import (
    AdamUpdate,
    FirstOrder,
    Recipe,
    ShrinkByInformation,
    Softmax,
    StrongestRemaining,
    UniformShares,
    WarmUp,
)
from dartboard.parts.leaving import Left
from dartboard.parts.recipe import make_recipe
from dartboard.parts.relaxation.protocol import RelaxedCell
from dartboard.parts.rules.information import drops_of, little_information
from dartboard.runs import Length, RunDirectory, SearchEpoch, make_generator
from dartboard.session.search import search_problem
from dartboard.space import Genotype, get_space
from dartboard.supernet import FusedSupernet, ReferenceSupernet
from dartboard.testing.small import open_small
from unit.engine.test_acting_within_steps import ENGINES, LAYERS, make, untouched

RULE = ShrinkByInformation()
SPACES = {"nas-bench-201": get_space("nas-bench-201"), "darts": get_space("darts")}


def pixel(*channels: float) -> torch.Tensor:
    return torch.tensor(channels)[None, :, None, None]


@pytest.mark.parametrize(
    ("channels", "wanted"),
    [((1, -1), 0.375), ((1, 2, 3, 4), 0.81), ((2, 4, 6, 8), 0.050625), ((0, 0), math.inf), ((7, 7, 7), math.inf)],
)
def test_a_pixel_is_measured_as_by_hand(channels: tuple[float, ...], wanted: float) -> None:
    assert little_information(pixel(*channels)).item() == pytest.approx(wanted)


def test_one_channel_tells_nothing() -> None:
    assert little_information(pixel(3.0)).item() == math.inf


@settings(max_examples=20)
@given(st.integers(2, 6), st.integers(0, 1000))
def test_the_measure_is_its_definition(channels: int, seed: int) -> None:
    """The mean over pixels and channels of 3 (x - m)^2 / s^6, image by image."""
    outputs = torch.randn(3, channels, 4, 5, generator=torch.Generator().manual_seed(seed)).double()
    middle, variance = outputs.mean(dim=1, keepdim=True), outputs.var(dim=1, keepdim=True)
    wanted = (3 * (outputs - middle).square() / variance**3).mean(dim=(1, 2, 3))
    torch.testing.assert_close(little_information(outputs).double(), wanted, rtol=1e-4, atol=0)


@pytest.mark.parametrize(
    ("candidates", "wanted"),
    [
        (16, [2, 2, 2, 2, 2, 2, 2]),
        (24, [4, 3, 3, 3, 3, 3, 3]),
        (32, [5, 5, 4, 4, 4, 4, 4]),
        (40, [6, 6, 6, 5, 5, 5, 5]),
    ],
)
def test_a_node_of_the_darts_space_loses_as_many_as_published(candidates: int, wanted: list[int]) -> None:
    assert drops_of(candidates, 2, 7) == wanted


@given(st.integers(1, 60), st.integers(1, 3), st.integers(1, 9))
def test_as_many_as_wanted_are_left(candidates: int, kept: int, times: int) -> None:
    drops = drops_of(candidates, kept, times)
    assert candidates - sum(drops) == min(candidates, kept)
    assert drops == sorted(drops, reverse=True)


class View:
    """A search in which nothing but the epoch matters."""

    def __init__(self, name: str, epochs: int) -> None:
        space = SPACES[name]
        live = torch.ones(space.alpha_shape, dtype=torch.bool)
        self.cells = {kind: RelaxedCell(kind, space.cell, space.ops, live) for kind in space.cell_kinds}
        self.architecture, self.stage_epochs, self.stage_epoch = self, epochs, 0


@pytest.mark.parametrize(
    ("name", "epochs", "wanted"),
    [
        ("nas-bench-201", 30, [22, 24, 26, 28]),
        ("darts", 50, [29, 32, 35, 38, 41, 44, 47]),
        ("nas-bench-201", 1, [0, 0, 0, 0]),
        ("darts", 5, [2, 2, 3, 3, 3, 3, 4]),
    ],
)
def test_operations_leave_after_the_published_epochs_and_all_of_them_in_short_searches(
    name: str, epochs: int, wanted: list[int]
) -> None:
    view, found = View(name, epochs), []
    for epoch in range(epochs):
        view.stage_epoch = epoch
        found += [(number, epoch) for number in RULE.due(view)]  # type: ignore[arg-type]
    assert [number for number, _ in found] == list(range(len(wanted)))
    assert [epoch for _, epoch in found] == wanted


def shrunk(name: str, told: Mapping[tuple[int, int], float], rule: ShrinkByInformation = RULE) -> Left:
    """What has left the first kind of cells after all times."""
    cell = next(iter(View(name, 1).cells.values()))
    times, left = rule._times(cell), Left()
    for number in range(times):
        left = rule._shrink(left, cell, told, times - number)
    return left


def test_every_edge_keeps_the_operation_that_tells_most() -> None:
    generator = torch.Generator().manual_seed(0)
    values = torch.rand(6, 5, generator=generator)
    left = shrunk(
        "nas-bench-201", {(row, column): float(values[row, column]) for row in range(6) for column in range(5)}
    )
    cell = View("nas-bench-201", 1).cells["cell"]
    assert left.staying(cell) == tuple((int(column),) for column in values.argmin(dim=1))


def test_what_is_infinite_leaves_first_and_among_equals_the_lower_edge_then_the_lower_operation() -> None:
    cell = View("darts", 1).cells["normal"]
    infinite = {(1, 5), (0, 3)}
    told = {(row, column): math.inf if (row, column) in infinite else 1.0 for row in range(14) for column in range(8)}
    left = RULE._shrink(Left(), cell, told, 7)
    ops = cell.ops
    assert {row: set(left.operations["normal"][row]) for row in (0, 1)} == {0: {ops[3]}, 1: {ops[5]}}
    assert left.operations["normal"][2] == ops[:4]


def test_two_inputs_of_a_node_may_share_an_edge_unless_told_otherwise() -> None:
    """Edge 0 tells most by far."""
    told = {(row, column): 1.0 + row + column / 10 for row in range(14) for column in range(8)}
    cell = View("darts", 1).cells["normal"]
    rows = [row for row, columns in enumerate(shrunk("darts", told).staying(cell)) if columns]
    assert rows == [0, 2, 5, 9]
    distinct = shrunk("darts", told, ShrinkByInformation(distinct_sources=True)).staying(cell)
    assert [row for row, columns in enumerate(distinct) if columns] == [0, 1, 2, 3, 5, 6, 9, 10]
    assert all(len(columns) == 1 for columns in distinct if columns)


def test_equal_gates_keep_their_values_when_others_leave() -> None:
    cell = View("nas-bench-201", 1).cells["cell"]
    gates = UniformShares().mean_gates(torch.randn(6, 5), cell)
    assert torch.equal(gates, torch.full((6, 5), 0.2))
    left = Left()
    for number, name in enumerate(cell.ops[:4], start=1):
        left = left.and_also("cell", 0, name)
        thinned = left.thin(gates, cell.marked(left.staying(cell)))
        assert thinned[0].sum().item() == pytest.approx((5 - number) / 5)


def searched(
    folder: Path,
    recipe: Recipe,
    engine: type[ReferenceSupernet] = FusedSupernet,
    epochs: int = 2,
    **further: Any,
) -> tuple[Mapping[str, Any], list[SearchEpoch], Genotype]:
    with RunDirectory(folder) as run:
        session = open_small(run, {**LAYERS, **further})
        problem = replace(search_problem(session), make_supernet=partial(make, engine, session))
        length, told = Length(epochs, 3), session.observer
        genotype = run_search(problem, recipe, session.settings.search, run, length=length, seed=1, observer=told)
        saved = run.load_checkpoint("search", "search")
        events = [event for event in run.events.read() if isinstance(event, SearchEpoch)]
    assert saved is not None
    return saved, events, genotype


@pytest.mark.parametrize("engine", ENGINES)
def test_without_leaving_it_is_darts_whose_alpha_rests_at_zero(engine: type[ReferenceSupernet], tmp_path: Path) -> None:
    """Bit for bit, on the same images."""
    darts = Recipe(
        relaxation=Softmax(initial_scale=0.0),
        gradient=FirstOrder(),
        update=AdamUpdate(),
        images="same-images",
        rules=(WarmUp(0.99),),
    )
    plain, _, _ = searched(tmp_path / "darts", darts, engine)
    found, _, _ = searched(tmp_path / "uniform", Recipe(relaxation=UniformShares(), images="same-images"), engine)
    for name, weight in plain["supernet"].items():
        assert torch.equal(weight, found["supernet"][name]), name


def test_with_a_weight_rate_of_zero_the_first_to_leave_tell_least_in_the_initial_supernet(tmp_path: Path) -> None:
    """Without `none`, which would always be the first."""
    rule = ShrinkByInformation(first=1 / 3, last=1.0)
    recipe = Recipe(relaxation=UniformShares(), without=("none",), images="same-images", rules=(rule,))
    still = {"search.weight_lr": 0.0, "search.weight_lr_min": 0.0}
    saved, events, _ = searched(tmp_path / "run", recipe, epochs=3, **still)
    assert [event.figures["left_operations"] for event in events] == [6, 12, 18]

    supernet = untouched(tmp_path / "new", FusedSupernet)
    gates = torch.tensor([0.0, 0.25, 0.25, 0.25, 0.25]).expand(6, 5)
    active = {"cell": [(1, 2, 3, 4)] * 6}
    sums: dict[tuple[int, str], float] = {}

    def read(_block: int, row: int, op: str, outputs: torch.Tensor) -> None:
        sums[row, op] = sums.get((row, op), 0.0) + little_information(outputs).sum().item()

    with RunDirectory(tmp_path / "batches") as run, torch.no_grad():
        batches = search_problem(open_small(run, {**LAYERS, **still})).make_batches("same-images").weights
        for batch in islice(batches.epoch(make_generator(1, "search", "information-0", 0)), 3):
            supernet.watched(batch.images, {"cell": gates}, active, read)
    for row, names in saved["left"]["operations"]["cell"].items():
        values = {op: value for (own, op), value in sums.items() if own == row}
        assert names[0] == max(values, key=values.__getitem__)


def test_a_search_ends_with_what_is_left(tmp_path: Path) -> None:
    recipe = make_recipe("is-darts", {})
    saved, events, genotype = searched(tmp_path, recipe, epochs=3)
    cell = View("nas-bench-201", 1).cells["cell"]
    staying = Left.of_json(saved["left"]).staying(cell)
    assert [len(columns) for columns in staying] == [1] * 6
    assert [choice.op for choice in genotype["cell"].choices] == [cell.ops[columns[0]] for columns in staying]
    assert events[-1].figures["left_operations"] == 24
    assert events[-1].figures["little_information_nor_conv_3x3"] is None or isinstance(
        events[-1].figures["little_information_nor_conv_3x3"], float
    )
    gates = torch.tensor(events[-1].gates["cell"])
    torch.testing.assert_close(gates.sum(dim=1), torch.full((6,), 0.2))


def test_a_gradient_of_nothing_is_refused() -> None:
    with pytest.raises(RecipeError, match="nothing for a gradient to move"):
        Recipe(relaxation=UniformShares(), gradient=FirstOrder(), update=AdamUpdate())


def test_the_method_sees_all_images_and_reads_what_is_left() -> None:
    recipe = make_recipe("is-darts", {"first_drop": 0.5, "last_drop": 0.9, "drops": 3, "distinct_sources": True})
    assert recipe.images == "same-images"
    assert recipe.selection == StrongestRemaining()
    assert recipe.rules == (ShrinkByInformation(0.5, 0.9, 3, True),)
