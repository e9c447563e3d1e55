"""The counts of a step, by hand, by torch's counter and by their laws; and the fit, on planted coefficients."""

from dataclasses import astuple, replace
from itertools import pairwise

import numpy as np
import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from dartboard.errors import SettingsError
from dartboard.space import ATTENTION, CellTopology, NetworkPlan, Norm, SearchSpace, get_space
from dartboard.space.skeleton import CellPlace, DartsSkeleton
from dartboard.supernet import Mixing, ReferenceSupernet, SupernetSpec
from dartboard.supernet.cost import step_work
from dartboard.supernet.spec import SEARCH_NORM
from dartboard.supernet.step_model import Measurement, StepModel
from dartboard.supernet.work import Counts, Work

SPACES = ("darts", "nas-bench-201")


def spec_of(
    name: str, channels: int = 4, layers: int = 3, ops: int | None = None, nodes: int | None = None, stem: str = "cifar"
) -> SupernetSpec:
    space = get_space(name)
    space = replace(space, ops=space.ops[-(ops or len(space.ops)) :])
    space = replace(space, cell=replace(space.cell, num_nodes=nodes or space.cell.num_nodes))
    plan = space.plan(in_channels=3, num_classes=5, init_channels=channels, layers=layers, stem=stem)  # type: ignore[arg-type]
    return SupernetSpec(space, plan)


def attentive(spec: SupernetSpec, image: tuple[int, int]) -> SupernetSpec:
    return replace(spec, mixing=Mixing(attention=ATTENTION), plan=spec.plan.for_images(image))


def gates_of(spec: SupernetSpec) -> dict[str, torch.Tensor]:
    gates = {kind: torch.empty(shape, device="meta") for kind, shape in spec.gate_shapes.items()}
    shape = (len(spec.space.cell.edges), len(spec.mixing.attention))
    return gates | {f"{kind}.attention": torch.empty(shape, device="meta") for kind in gates}


@pytest.mark.parametrize(
    ("spec", "image"),
    [
        (spec_of("darts"), (8, 8)),
        (spec_of("darts", channels=6, layers=4), (13, 9)),
        (spec_of("darts", ops=3, nodes=2), (8, 8)),
        (spec_of("darts", stem="imagenet"), (70, 57)),
        (spec_of("nas-bench-201"), (7, 7)),
        (spec_of("nas-bench-201", channels=8, layers=1, nodes=4), (32, 32)),
        (replace(spec_of("darts", channels=8), mixing=Mixing(channel_share=4)), (8, 8)),
        (attentive(spec_of("darts", channels=32, ops=3, nodes=2), (9, 8)), (9, 8)),
        (attentive(spec_of("nas-bench-201", layers=1), (8, 8)), (8, 8)),
        (spec_of("darts").with_live({"normal": [["skip_connect"]] * 7 + [["sep_conv_3x3"]] * 7}), (8, 8)),
    ],
    ids=[
        "darts",
        "odd images",
        "smaller cells",
        "imagenet stem",
        "nas-bench-201",
        "more nodes",
        "partial",
        "attention",
        "other attention",
        "live",
    ],
)
def test_multiply_adds_and_weights_are_those_of_the_definition(spec: SupernetSpec, image: tuple[int, int]) -> None:
    with torch.device("meta"):
        supernet = ReferenceSupernet(spec)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        supernet(torch.empty(3, 3, *image, device="meta"), gates_of(spec))
    work = step_work(spec, 3, image)
    assert 2 * (work.forward.multiply_adds + work.forward.depthwise) == counter.get_total_flops()
    assert work.weights == sum(weight.numel() for weight in supernet.parameters())


def tiny(*ops: str, norm: Norm = SEARCH_NORM) -> SupernetSpec:
    """One cell of one edge with 2 channels behind a stem for gray images."""
    cell = CellTopology(num_inputs=1, num_nodes=1, output="last", projects_inputs=False, edges_per_node=None)
    skeleton = DartsSkeleton(("cell",))
    space = SearchSpace("tiny", ops, cell, skeleton, frozenset({"max_pool_3x3"}), (2, 1), (2, 1))
    plan = NetworkPlan(1, 3, "cifar", 2, (CellPlace("cell", (2,), (1,), 2, 1),), 2, False, None)
    return SupernetSpec(space, plan, norm=norm)


def inside(*ops: str, norm: Norm = SEARCH_NORM) -> Work:
    """What these operations add to the tiny supernet, on 5 images of 4x4 pixels."""
    work, bare = (step_work(tiny(*names, norm=norm), 5, (4, 4)) for names in (ops, ("none",)))
    return work + bare * -1


PLACES = 5 * 4 * 4
MAP = 2 * PLACES
"""Pixels and values of a feature map of the tiny cell."""


def test_a_plain_convolution_keeps_its_rectified_input_its_output_and_the_normalized_one() -> None:
    work = inside("nor_conv_3x3", norm=Norm(affine=True, running=False))
    assert work.forward == Counts(calls=5, places=4 * PLACES, values=4 * MAP, multiply_adds=MAP * 2 * 9)
    assert (work.saved_values, work.weights) == (3 * MAP, 2 * 2 * 9 + 2 * 2)


@pytest.mark.parametrize(("name", "size"), [("nor_conv_1x1", 1), ("nor_conv_3x3", 9)])
def test_a_dense_convolution_keeps_its_rectified_input_and_its_output(name: str, size: int) -> None:
    work = inside(name)
    assert work.forward == Counts(calls=16, places=4 * PLACES, values=4 * MAP, multiply_adds=MAP * 2 * size)
    assert (work.saved_values, work.weights) == (2 * MAP + 2 * 2 * 2 * size, 2 * 2 * size)


def test_a_pooling_keeps_its_output_and_the_normalized_one_and_is_gated() -> None:
    work = inside("max_pool_3x3")
    assert work.forward == Counts(calls=3, places=3 * PLACES, values=3 * MAP)
    assert (work.saved_values, work.weights) == (2 * MAP, 0)


def test_an_identity_is_only_gated() -> None:
    work = inside("skip_connect")
    assert work.forward == Counts(calls=1, places=PLACES, values=MAP)
    assert (work.saved_values, work.weights) == (0, 0)


def test_a_separable_convolution_keeps_two_feature_maps_more_for_its_second_half() -> None:
    once, twice = inside("dil_conv_3x3"), inside("sep_conv_3x3")
    half = Counts(calls=17, places=3 * PLACES, values=3 * MAP, multiply_adds=2 * MAP, depthwise=9 * MAP)
    rectifying = Counts(calls=1, places=PLACES, values=MAP)
    normalising = Counts(calls=1)
    assert once.forward == half + rectifying
    assert twice.forward == half * 2 + rectifying * 2 + normalising
    weights = 2 * 9 + 2 * 2
    assert (once.saved_values, once.weights) == (3 * MAP + 2 * weights, weights)
    assert (twice.saved_values, twice.weights) == (5 * MAP + 4 * weights, 2 * weights)


def test_edges_from_one_node_share_a_pooling_and_what_convolutions_are_folded_with() -> None:
    """With two nodes, node 1 is reached from the input like node 2, which node 1 reaches too: 3 edges, 2 sources."""
    one, two = (
        replace(spec, space=replace(spec.space, cell=replace(spec.space.cell, num_nodes=nodes)))
        for spec, nodes in ((tiny("none"), 2), (tiny("max_pool_3x3"), 2))
    )
    pooled = step_work(two, 5, (4, 4)) + step_work(one, 5, (4, 4)) * -1
    assert pooled.forward == Counts(calls=7, places=7 * PLACES, values=7 * MAP), (
        "two poolings of two calls, three gates"
    )
    convolved = replace(two, space=replace(two.space, ops=("nor_conv_3x3",)))
    assert (step_work(convolved, 5, (4, 4)) + step_work(one, 5, (4, 4)) * -1).forward.calls == 3 * 2 + 2 * 14


def test_a_step_is_two_forward_passes_both_backward_passes_and_an_update() -> None:
    work = step_work(tiny("nor_conv_1x1"), 2, (4, 4))
    assert work.step == work.forward + work.forward + work.alpha_backward + work.weight_backward + work.update
    assert work.kept_values == work.saved_values + 3 * work.weights


@pytest.mark.parametrize("name", SPACES)
def test_calls_and_weights_do_not_depend_on_batch_and_image_size(name: str) -> None:
    small, large = (step_work(spec_of(name), batch, (side, side)) for batch, side in ((2, 8), (32, 64)))
    assert (small.step.calls, small.weights) == (large.step.calls, large.weights)


@pytest.mark.parametrize("name", SPACES)
def test_twice_the_batch_is_twice_all_that_depends_on_it(name: str) -> None:
    one, two = (step_work(spec_of(name), batch, (8, 8)) for batch in (3, 6))
    assert two.forward == replace(one.forward * 2, calls=one.forward.calls)


@pytest.mark.parametrize("name", SPACES)
@pytest.mark.parametrize("larger", [{"channels": 8}, {"layers": 4}, {"nodes": 5}], ids=["channels", "layers", "nodes"])
def test_nothing_shrinks_where_the_supernet_grows(name: str, larger: dict[str, int]) -> None:
    before, after = step_work(spec_of(name), 4, (8, 8)), step_work(spec_of(name, **larger), 4, (8, 8))
    assert (np.array(after.step.as_tuple) >= before.step.as_tuple).all()
    assert after.saved_values > before.saved_values


@pytest.mark.parametrize("name", SPACES)
def test_every_further_operation_adds_work(name: str) -> None:
    ops = len(get_space(name).ops)
    values = [step_work(spec_of(name, ops=count), 4, (8, 8)).step.values for count in range(1, ops + 1)]
    assert values[-1] == values[-2], "`none`, the last to come, costs nothing"
    assert all(after > before for before, after in pairwise(values[:-1]))


def test_the_parts_of_mixing_add_work() -> None:
    spec = spec_of("darts", channels=8)
    plain = step_work(spec, 4, (8, 8)).step.values
    assert step_work(replace(spec, mixing=Mixing(auxiliary_skip=True)), 4, (8, 8)).step.values > plain
    assert step_work(replace(spec, mixing=Mixing(attention=("nor_conv_1x1",))), 4, (8, 8)).step.values > plain
    assert step_work(replace(spec, mixing=Mixing(channel_share=4)), 4, (8, 8)).step.values < plain


def test_counting_draws_no_random_numbers() -> None:
    torch.manual_seed(0)
    expected = torch.rand(1)
    torch.manual_seed(0)
    step_work(replace(spec_of("darts"), norm=replace(spec_of("darts").norm)), 2, (8, 8))
    assert torch.equal(torch.rand(1), expected)


def works(name: str) -> list[Work]:
    """Sizes among which everything varies."""
    sizes = [(4, 4, 3, 8, None), (16, 4, 3, 8, None), (4, 16, 3, 8, None), (4, 4, 6, 8, None), (4, 4, 3, 24, None)]
    sizes += [(8, 8, 4, 16, 3), (32, 16, 5, 16, 2)]
    return [
        step_work(spec_of(name, channels, layers, ops), batch, (side, side))
        for batch, channels, layers, side, ops in sizes
    ]


PLANTED = StepModel(0.0, 2e-5, 3e-8, 3e-9, 4e-11, 5e-11, 3e8, 5.0)


@pytest.mark.parametrize(
    "planted",
    [
        PLANTED,
        replace(PLANTED, multiply_add=0.0, fixed_bytes=0.0),
        replace(PLANTED, call=0.0, depthwise=0.0),
    ],
    ids=["all above zero", "two of zero", "two others"],
)
def test_planted_coefficients_are_found_again(planted: StepModel) -> None:
    found = StepModel.fit([Measurement(work, planted.seconds(work), planted.bytes(work)) for work in works("darts")])
    # Least squares in double precision over columns of a condition below 1e5; the 1e-6 bytes are for one of zero.
    assert found.fixed_bytes == pytest.approx(planted.fixed_bytes, abs=1e-6)
    np.testing.assert_allclose(
        astuple(replace(found, fixed_bytes=0.0)), astuple(replace(planted, fixed_bytes=0.0)), rtol=1e-6, atol=1e-15
    )


def test_launching_and_running_are_told_apart_where_they_overlap() -> None:
    planted = replace(PLANTED, launch=3e-5, call=0.0, place=0.0, depthwise=0.0)
    every = works("darts")
    bound = [planted.launch * work.step.calls >= planted.seconds(work) for work in every]
    assert 0 < sum(bound) < len(every)
    found = StepModel.fit(
        [Measurement(work, planted.seconds(work), planted.bytes(work)) for work in every], overlap=True
    )
    assert found.launch == pytest.approx(planted.launch)
    for work in every:
        assert found.seconds(work) == pytest.approx(planted.seconds(work))


@pytest.mark.parametrize("seed", range(3))
def test_noise_leaves_no_coefficient_negative_and_moves_predictions_little(seed: int) -> None:
    rng = np.random.default_rng(seed)
    every = works("nas-bench-201")
    noise = 1 + 0.05 * rng.standard_normal((len(every), 2))
    found = StepModel.fit(
        [
            Measurement(work, PLANTED.seconds(work) * slower, PLANTED.bytes(work) * larger)
            for work, (slower, larger) in zip(every, noise, strict=True)
        ]
    )
    assert min(astuple(found)) >= 0
    for work in every:  # a fit of least relative errors is at most a few deviations off at what it has seen
        assert found.seconds(work) == pytest.approx(PLANTED.seconds(work), rel=0.2)


def test_the_fit_minds_relative_errors() -> None:
    """Two measurements that no model of one cost can meet: the fit errs as much on the small as on the large."""
    unit = Work(forward=Counts(calls=1))
    found = StepModel.fit([Measurement(unit, 1.0, 1.0), Measurement(unit * 100, 120.0, 1.0)])
    small, large = found.seconds(unit) - 1.0, found.seconds(unit * 100) / 120.0 - 1.0
    assert small == pytest.approx(-large, rel=0.2)


@pytest.mark.parametrize("measured", [[], [Measurement(Work(), 0.0, 1.0)] * 2, [Measurement(Work(), 1.0, 1.0)]])
def test_measurements_that_tell_nothing_are_refused(measured: list[Measurement]) -> None:
    with pytest.raises(SettingsError, match="measure"):
        StepModel.fit(measured)
