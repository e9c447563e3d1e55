"""The counts of a step, by hand and by their laws, and against the number of values that the library tells."""

from dataclasses import replace

import numpy as np
import pytest
from supernet.sizes import SPACES, attentive, spec_of, tiny

from dartboard.space import Norm
from dartboard.supernet import Mixing, SupernetSpec
from dartboard.supernet.cost import values_written
from dartboard.supernet.spec import SEARCH_NORM
from step_work import Counts, Work, step_work


@pytest.mark.parametrize(
    "spec",
    [
        spec_of("darts"),
        spec_of("darts", stem="imagenet"),
        spec_of("nas-bench-201", nodes=4),
        replace(spec_of("darts", channels=8), mixing=Mixing(channel_share=4)),
        replace(spec_of("darts"), mixing=Mixing(auxiliary_skip=True)),
        replace(spec_of("darts"), norm=Norm(affine=True, running=False)),
        attentive(spec_of("nas-bench-201", layers=1), (9, 8)),
    ],
    ids=["darts", "imagenet stem", "nas-bench-201", "partial", "auxiliary", "learned norms", "attention"],
)
def test_the_values_are_those_that_a_budget_is_planned_with(spec: SupernetSpec) -> None:
    assert step_work(spec, 3, (9, 8)).step.values == values_written(spec, 3, (9, 8))


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
