"""P-DARTS: the fading dropout, the three stages, and the cap on skip connections."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

import dartboard.methods  # noqa: F401 - importing registers the methods
from dartboard.errors import SettingsError
from dartboard.parts import (
    AdamUpdate,
    Dropping,
    FadingSkipDropout,
    FirstOrder,
    KeepStrongest,
    Recipe,
    SkipCap,
    StrongestEdges,
)
from dartboard.parts.gradient.problem import Bilevel
from dartboard.parts.recipe import make_recipe
from dartboard.parts.relaxation.protocol import RelaxedCell
from dartboard.parts.rules import EpochPlan, SearchView
from dartboard.parts.rules.protocol import Rule
from dartboard.space import CellGenotype, CellPlace, Choice, check_genotype, get_space
from dartboard.supernet import ReferenceSupernet, SkipDropout, SupernetSpec
from unit.engine.test_loop import Linear, problem, search
from unit.engine.test_state import make_state

DARTS, NB201 = get_space("darts"), get_space("nas-bench-201")
SKIP = DARTS.ops.index("skip_connect")
NONE = torch.Generator()


def probabilities(start: float, epochs: int, first: int = 0) -> list[float]:
    """Of every epoch of a stage that begins with epoch `first`."""
    state = make_state(0)
    state.span = (first, first + epochs)
    found = []
    for epoch in range(epochs):
        state.epoch = first + epoch
        state.plan_epoch([FadingSkipDropout(start, 10 / 25)])
        found.append(state.plan.dropping.values)
    return found


def test_the_probability_of_dropout_is_the_published_one() -> None:
    found = probabilities(0.4, 25)
    wanted = {0: 0.384, 9: 0.24, 10: 0.4, 15: 0.14715, 24: 0.02432}
    assert {epoch: found[epoch] for epoch in wanted} == pytest.approx(wanted, abs=5e-6)
    assert found[0] == max(found[:10])
    assert probabilities(0.0, 25) == [0.0] * 25


def test_every_stage_begins_anew_and_other_lengths_fade_alike() -> None:
    assert probabilities(0.4, 25, first=50) == probabilities(0.4, 25)
    long = probabilities(0.4, 50)
    assert long[20] == 0.4
    assert long[30] == pytest.approx(0.14715, abs=5e-6)
    assert all(0 <= found < 0.4 for found in probabilities(0.4, 1))


class Recording(Linear):
    """Notes with what dropout it is called."""

    def __init__(self) -> None:
        super().__init__()
        self.heard: list[tuple[SkipDropout | None, bool]] = []

    def forward(self, images: Tensor, gates: Mapping[str, Tensor], skip_dropout: SkipDropout | None = None) -> Tensor:
        self.heard.append((skip_dropout, torch.is_grad_enabled()))
        return super().forward(images, gates)


class Always(Rule):
    def before_epoch(self, _search: SearchView, plan: EpochPlan) -> EpochPlan:
        return replace(plan, dropping=Dropping(values=0.25))


def heard(folder: Path, gradient: object, *rules: Rule) -> list[tuple[SkipDropout | None, bool]]:
    supernet = Recording()
    search(folder, problem(supernet=supernet), Recipe(gradient=gradient, update=AdamUpdate(), rules=rules), epochs=2)
    return supernet.heard


def test_every_batch_of_a_step_drops_other_values_and_validation_none(tmp_path: Path) -> None:
    learned = [dropout for dropout, learns in heard(tmp_path / "a", FirstOrder(), Always()) if learns]
    assert len(learned) == 12, "two passes in each of two times three steps"
    assert all(dropout is not None and dropout.probability == 0.25 for dropout in learned)
    assert len({dropout.seed for dropout in learned if dropout}) == 12
    scored = [dropout for dropout, learns in heard(tmp_path / "b", FirstOrder(), Always()) if not learns]
    assert scored
    assert set(scored) == {None}
    assert {dropout for dropout, _ in heard(tmp_path / "c", FirstOrder())} == {None}


def test_a_batch_loses_the_same_values_however_often_it_is_looked_at_in_a_step(tmp_path: Path) -> None:
    class Asking:
        def __call__(self, given: Bilevel) -> dict[str, Tensor]:
            for loss in (given.train_loss, given.train_loss, given.validation_loss, given.validation_loss):
                loss(given.weights, given.alphas)
            return {kind: torch.zeros_like(alpha) for kind, alpha in given.alphas.items()}

    seeds = [dropout.seed for dropout, _ in heard(tmp_path, Asking(), Always()) if dropout]
    for step in range(6):
        train, again, validation, too, weights = seeds[5 * step : 5 * step + 5]
        assert train == again == weights, "so that a virtual weight step is the one that follows"
        assert validation == too
        assert validation != train


def layers(stage: int) -> int:
    recipe = make_recipe("p-darts", {})
    return DARTS.skeleton.deepen(recipe.published_in["darts"]["layers"], recipe.stages[stage].recipe.deeper)


def test_the_three_stages_are_the_published_ones() -> None:
    stages = make_recipe("p-darts", {}).stages
    layouts = []
    for stage in range(3):
        plan = DARTS.plan(in_channels=3, num_classes=10, init_channels=16, layers=layers(stage))
        layouts.append("".join(place.kind[0] for place in plan.places if isinstance(place, CellPlace)))
    assert layouts == ["nrnrn", "nnnrnnnrnnn", "nnnnnrnnnnnrnnnnn"]
    assert [stage.pruning for stage in stages] == [KeepStrongest(5), KeepStrongest(3), None]
    assert [stage.recipe.rules[1].start for stage in stages] == [0.1, 0.4, 0.7]
    assert all(stage.share == pytest.approx(1 / 3) for stage in stages)
    assert {stage.recipe.update for stage in stages} == {AdamUpdate(lr=6e-4, betas=(0.5, 0.999), grad_clip=5.0)}
    assert {stage.recipe.selection for stage in stages} == {SkipCap(2)}
    assert make_recipe("p-darts", {"max_skips": 5}).selection == SkipCap(5)


def test_the_first_supernet_has_the_published_size() -> None:
    with torch.device("meta"):
        plan = DARTS.plan(in_channels=3, num_classes=10, init_channels=16, layers=layers(0))
        supernet: nn.Module = ReferenceSupernet(SupernetSpec(DARTS, plan))
    assert sum(weight.numel() for weight in supernet.parameters()) == 1_275_834


@pytest.mark.parametrize(
    "options",
    [{"skip_dropout": (0.1, 0.4, 1.0)}, {"skip_dropout": (0.1,)}, {"max_skips": -1}],
)
def test_impossible_options_are_refused(options: dict[str, object]) -> None:
    with pytest.raises(SettingsError, match="of the method 'p-darts' cannot be"):
        make_recipe("p-darts", options)


def cells(normal: Tensor, reduce: Tensor, cap: SkipCap | StrongestEdges) -> dict[str, CellGenotype]:
    genotype = cap(DARTS, {"normal": normal, "reduce": reduce}, NONE)
    check_genotype(genotype, DARTS)
    return dict(genotype.cells)


def skips(cell: CellGenotype) -> list[tuple[int, int]]:
    return [(choice.target, choice.source) for choice in cell.choices if choice.op == "skip_connect"]


def five_skips() -> Tensor:
    """Of the edges 2<-0, 2<-1, 3<-0, 3<-1 and 4<-0, each weaker than the one before."""
    gates = torch.full((14, 8), 0.01)
    gates[:, 4] = torch.linspace(0.02, 0.03, 14)
    for number, row in enumerate((0, 1, 2, 3, 5)):
        gates[row, SKIP] = 0.9 - 0.1 * number
    return gates


def test_a_normal_cell_with_five_skips_comes_out_with_the_two_strongest_and_two_edges_a_node() -> None:
    gates = five_skips()
    plain, capped = cells(gates, gates, StrongestEdges()), cells(gates, gates, SkipCap())
    assert len(skips(plain["normal"])) == 5
    assert skips(capped["normal"]) == [(2, 0), (2, 1)]
    assert capped["reduce"] == plain["reduce"]
    # Node 3 without skips: its edges are ranked by their convolutions.
    assert [choice for choice in capped["normal"].choices if choice.target == 3] == [
        Choice(3, 1, "sep_conv_3x3"),
        Choice(3, 2, "sep_conv_3x3"),
    ]


@pytest.mark.parametrize(("most", "left"), [(8, 5), (5, 5), (4, 4), (1, 1), (0, 0)])
def test_the_cap_decides_how_many_skips_are_left(most: int, left: int) -> None:
    assert len(skips(cells(five_skips(), five_skips(), SkipCap(most))["normal"])) == left


def test_a_skip_that_comes_in_for_another_is_counted_too() -> None:
    gates = torch.full((14, 8), 0.01)
    gates[:, 4] = 0.02
    gates[2, SKIP], gates[3, SKIP], gates[4, SKIP] = 0.9, 0.8, 0.7  # all three edges of node 3
    assert skips(cells(gates, gates, SkipCap(2))["normal"]) == [(3, 0), (3, 1)]
    # Without 3<-1, the edge 3<-2 comes in with its own skip, which must go as well.
    assert skips(cells(gates, gates, SkipCap(1))["normal"]) == [(3, 0)]


numbers = st.lists(st.floats(-3, 3), min_size=112, max_size=112)


@given(numbers, st.integers(0, 3))
def test_any_cell_keeps_its_form_and_is_left_alone_where_it_has_few_skips(drawn: list[float], most: int) -> None:
    gates = torch.tensor(drawn).view(14, 8).softmax(dim=1)
    plain, capped = cells(gates, gates, StrongestEdges()), cells(gates, gates, SkipCap(most))
    assert len(skips(capped["normal"])) <= most
    assert capped["reduce"] == plain["reduce"]
    if len(skips(plain["normal"])) <= most:
        assert capped == plain


def test_the_only_kind_of_cells_of_a_space_is_capped() -> None:
    gates = torch.full((6, 5), 0.01)
    gates[:, 1], gates[:, 3] = torch.linspace(0.9, 0.4, 6), 0.2
    genotype = SkipCap(2)(NB201, {"cell": gates}, NONE)
    assert (
        genotype.to_text()
        == "|skip_connect~0|+|skip_connect~0|nor_conv_3x3~1|+|nor_conv_3x3~0|nor_conv_3x3~1|nor_conv_3x3~2|"
    )


@given(numbers, st.integers(0, 13))
def test_pruning_one_edge_never_changes_the_operations_of_another(drawn: list[float], row: int) -> None:
    cell = RelaxedCell("normal", DARTS.cell, DARTS.ops, torch.ones(14, 8, dtype=torch.bool))
    gates = torch.tensor(drawn).view(14, 8).softmax(dim=1)
    other = gates.clone()
    other[row] = gates[row].flip(0)
    first, second = (KeepStrongest(5)({"normal": given}, {"normal": cell})["normal"] for given in (gates, other))
    assert {len(names) for names in first} == {5}
    assert [names for each, names in enumerate(first) if each != row] == [
        names for each, names in enumerate(second) if each != row
    ]
