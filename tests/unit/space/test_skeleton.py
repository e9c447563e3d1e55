from itertools import pairwise
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from dartboard.errors import SettingsError
from dartboard.space import NetworkPlan, Norm, get_space
from dartboard.space.backbone import Backbone, ResidualBlock, join_outputs, project_inputs
from dartboard.space.features import Features
from dartboard.space.skeleton import CellPlace, ResidualPlace

DARTS = get_space("darts")
NB201 = get_space("nas-bench-201")
NORM = Norm(affine=True, running=True)


def darts_plan(**changes: Any) -> NetworkPlan:
    return DARTS.plan(**({"in_channels": 3, "num_classes": 10, "init_channels": 16, "layers": 8} | changes))


def places(plan: NetworkPlan) -> list[CellPlace]:
    return [place for place in plan.places if isinstance(place, CellPlace)]


@pytest.mark.parametrize(("layers", "reductions"), [(3, [1, 2]), (8, [2, 5]), (14, [4, 9]), (20, [6, 13])])
def test_darts_reduces_after_one_and_two_thirds(layers: int, reductions: list[int]) -> None:
    plan = darts_plan(layers=layers)
    assert len(plan.places) == layers
    assert [index for index, place in enumerate(places(plan)) if place.kind == "reduce"] == reductions
    assert [index for index, place in enumerate(places(plan)) if place.stride == 2] == reductions
    assert plan.auxiliary_after == reductions[1]


def test_darts_doubles_the_channels_at_every_reduction() -> None:
    plan = darts_plan()
    assert [place.channels for place in places(plan)] == [16, 16, 32, 32, 32, 64, 64, 64]
    assert plan.features == 256


def test_every_darts_cell_reads_the_two_outputs_before_it() -> None:
    plan = darts_plan()
    outputs = [48, 48] + [4 * place.channels for place in places(plan)]
    assert [place.input_channels for place in places(plan)] == list(pairwise(outputs[:-1]))
    assert [index for index, place in enumerate(places(plan)) if place.input_strides == (2, 1)] == [3, 6]


def test_the_imagenet_stem_gives_the_first_cell_inputs_of_two_sizes() -> None:
    plan = darts_plan(init_channels=48, layers=14, stem="imagenet")
    assert plan.stem_channels == 48
    assert places(plan)[0].input_strides == (2, 1)
    assert places(plan)[0].input_channels == (48, 48)


def test_nas_bench_201_has_three_stages_with_residual_blocks_between() -> None:
    plan = NB201.plan(in_channels=3, num_classes=10, init_channels=16, layers=5)
    assert [type(place) for place in plan.places] == ([CellPlace] * 5 + [ResidualPlace]) * 2 + [CellPlace] * 5
    assert [place.channels for place in places(plan)] == [16] * 5 + [32] * 5 + [64] * 5
    assert plan.features == 64
    assert plan.normalizes_features
    assert plan.auxiliary_after is None


@pytest.mark.parametrize(
    ("space", "changes", "sentence"),
    [
        (DARTS, {"layers": 2}, "needs at least 3 layers .* not 2"),
        (DARTS, {"init_channels": 15}, "init_channels must be even, not 15"),
        (NB201, {"layers": 0}, "needs at least 1 layer per stage, not 0"),
    ],
)
def test_networks_that_cannot_be_are_refused(space: Any, changes: dict[str, Any], sentence: str) -> None:
    with pytest.raises(SettingsError, match=sentence):
        space.plan(**({"in_channels": 3, "num_classes": 2, "init_channels": 16, "layers": 3} | changes))


@pytest.mark.parametrize("side", [7, 8, 33])
def test_the_residual_block_halves_and_rounds_up(side: int) -> None:
    block = ResidualBlock(ResidualPlace(3, 6), NORM)
    assert block(torch.zeros(2, 3, side, side)).shape == (2, 6, -(-side // 2), -(-side // 2))


def test_the_residual_block_adds_its_shortcut() -> None:
    block = ResidualBlock(ResidualPlace(1, 1), NORM).eval()
    with torch.no_grad():
        for parameter in block.parameters():
            parameter.fill_(0.0)
        block.shortcut[1].weight.fill_(2.0)
    x = torch.arange(9.0).reshape(1, 1, 3, 3)
    expected = 2 * torch.tensor([[2.0, 3.5], [6.5, 8.0]])
    torch.testing.assert_close(block(x)[0, 0], expected)


def test_inputs_are_brought_to_the_channels_and_size_of_the_newest() -> None:
    place = CellPlace("normal", (12, 20), (2, 1), 8, 1)
    projections = project_inputs(DARTS.cell, place, NORM)
    inputs = torch.zeros(2, 12, 7, 7), torch.zeros(2, 20, 4, 4)
    shapes = [project(x).shape for project, x in zip(projections, inputs, strict=True)]
    assert shapes == [(2, 8, 4, 4), (2, 8, 4, 4)]


def test_cells_without_projections_take_inputs_as_they_are() -> None:
    x = torch.randn(2, 4, 3, 3, generator=torch.Generator().manual_seed(0))
    (project,) = project_inputs(NB201.cell, CellPlace("cell", (4,), (1,), 4, 1), NORM)
    assert project(x) is x


def test_outputs_join_on_channels_or_are_the_last_node() -> None:
    states = [torch.full((1, 2, 1, 1), float(node)) for node in range(6)]
    assert join_outputs(DARTS.cell, states).whole.flatten().tolist() == [2, 2, 3, 3, 4, 4, 5, 5]
    assert join_outputs(NB201.cell, states[:4]).whole.flatten().tolist() == [3, 3]


@pytest.mark.parametrize(
    ("stem", "size", "maps"),
    [
        ("cifar", (32, 32), [(32, 32)] * 2 + [(16, 16)] * 3 + [(8, 8)] * 3),
        ("cifar", (9, 6), [(9, 6)] * 2 + [(5, 3)] * 3 + [(3, 2)] * 3),
        ("imagenet", (57, 224), [(8, 28)] * 2 + [(4, 14)] * 3 + [(2, 7)] * 3),
    ],
)
def test_cells_know_the_size_of_their_maps_where_the_plan_knows_that_of_the_images(
    stem: Any, size: tuple[int, int], maps: list[tuple[int, int]]
) -> None:
    plan = darts_plan(stem=stem, image_size=size)
    assert [place.map_size for place in places(plan)] == maps
    assert plan == darts_plan(stem=stem).for_images(size)
    assert {place.map_size for place in places(darts_plan(stem=stem))} == {None}


def test_residual_blocks_halve_the_maps_of_the_cells_behind_them() -> None:
    plan = NB201.plan(in_channels=3, num_classes=10, init_channels=16, layers=2, image_size=(7, 8))
    assert [place.map_size for place in places(plan)] == [(7, 8)] * 2 + [(4, 4)] * 2 + [(2, 2)] * 2


class _Recorder(nn.Module):
    def __init__(self, place: CellPlace, seen: list[tuple[list[torch.Size], Any]]) -> None:
        super().__init__()
        self.place, self.seen = place, seen

    def forward(self, inputs: list[Features], context: Any) -> Tensor:
        self.seen.append(([x.whole.shape for x in inputs], context))
        newest = inputs[-1].whole[:, :1, :: self.place.stride, :: self.place.stride]
        return newest.expand(-1, 4 * self.place.channels, -1, -1)


@pytest.mark.parametrize(("stem", "side", "sides"), [("cifar", 28, (28, 28)), ("imagenet", 57, (15, 8))])
def test_cells_get_the_two_newest_maps_and_the_context(stem: Any, side: int, sides: tuple[int, int]) -> None:
    seen: list[tuple[list[torch.Size], Any]] = []
    plan = darts_plan(init_channels=4, layers=3, stem=stem)
    backbone = Backbone(plan, lambda place: _Recorder(place, seen), NORM)
    logits, tapped = backbone(torch.zeros(2, 3, side, side), "context", taps=(1,))
    assert logits.shape == (2, 10)
    assert [context for _, context in seen] == ["context"] * 3
    assert [shape[2] for shape in seen[0][0]] == list(sides)
    assert [shape[1] for shapes, _ in seen for shape in shapes] == [
        channels for place in places(plan) for channels in place.input_channels
    ]
    assert [each.shape for each in tapped] == [seen[2][0][1]]


def test_nothing_is_tapped_unless_asked() -> None:
    backbone = Backbone(darts_plan(init_channels=4, layers=3), lambda place: _Recorder(place, []), NORM)
    assert backbone(torch.zeros(1, 3, 8, 8), None)[1] == []


def test_stem_and_head_learn_scale_and_shift_even_where_cells_do_not() -> None:
    plan = NB201.plan(in_channels=1, num_classes=2, init_channels=4, layers=1)
    backbone = Backbone(plan, lambda _place: nn.Identity(), Norm(affine=False, running=False))
    norms = [module for module in backbone.modules() if isinstance(module, nn.BatchNorm2d)]
    assert len(norms) == 6
    assert all(norm.affine and not norm.track_running_stats for norm in norms)
