"""Parameters and multiply-adds of networks, discrete or still searched, by formula, without building them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from dartboard.space.genotype import Genotype
from dartboard.space.network import NETWORK_NORM
from dartboard.space.ops import Cost, Norm, Size, op_cost
from dartboard.space.ops.conv import factorized_reduce_cost, relu_conv_norm_cost
from dartboard.space.ops.dense import stage_stem_cost
from dartboard.space.ops.mobile import mobile_head_cost, mobile_stem_cost
from dartboard.space.skeleton import CellPlace, NetworkPlan, ResidualPlace, halved
from dartboard.space.spaces.search_space import SearchSpace
from dartboard.space.whitening import whitening_cost

__all__ = ["OperationCosts", "cells_cost", "network_cost", "operation_costs", "sized_cells", "smallest_map"]


_PASSING = ("none", "zero", "skip_connect")
"""Operations that move no values where their cost is zero."""


@dataclass(frozen=True)
class OperationCosts:
    """What a network costs for one image while its operations are still open.

    Attributes:
        fixed: multiply-adds of everything but the operations.
        operations: cell kind -> for every edge the multiply-adds of every operation of the space, summed over all cells
            of the kind.
        resources: cell kind -> for every edge the resources of every operation: the sum of its parameters, its
            multiply-adds and the values that it reads and writes; 0 for `none`, `zero` and identities.
        fixed_parameters: learned numbers of everything but these operations.
        parameters: cell kind -> for every edge the learned numbers of every operation.
    """

    fixed: int
    operations: Mapping[str, tuple[tuple[int, ...], ...]]
    resources: Mapping[str, tuple[tuple[int, ...], ...]] = field(default_factory=dict)
    fixed_parameters: int = 0
    parameters: Mapping[str, tuple[tuple[int, ...], ...]] = field(default_factory=dict)


def network_cost(space: SearchSpace, genotype: Genotype, plan: NetworkPlan, image_size: Size) -> Cost:
    """The cost of the network of `genotype`, without its auxiliary head.

    Args:
        space: the genotype's space.
        genotype: the architecture.
        plan: width, depth, classes.
        image_size: (height, width) of the images.

    Returns:
        Learned numbers, and multiply-adds of convolutions, of matrix products in attention and of the classifier for
        one image (batch norm, pooling and activations are not counted, as in the literature; a multiply-add is two
        floating-point operations).
    """
    joined = plan.joining({kind: len(cell.outputs) for kind, cell in genotype.cells})
    return _frame_cost(space, joined, image_size) + cells_cost(space, genotype, plan, image_size)


def cells_cost(space: SearchSpace, genotype: Genotype, plan: NetworkPlan, image_size: Size) -> Cost:
    """The part of `network_cost` that is spent inside the operations of the cells, without what stands around them."""
    plan = plan.joining({kind: len(cell.outputs) for kind, cell in genotype.cells})
    cost = Cost()
    for place, size in sized_cells(plan, image_size):
        for choice in genotype[place.kind].choices:
            cost += _op_cost(space, choice.op, place, choice.source, size)
            if choice.attention:
                pixels = _pixels(place.shrink(size))
                cost += op_cost(choice.attention, place.channels, 1, NETWORK_NORM, pixels)
        if at_end := genotype[place.kind].attention:
            channels = len(genotype[place.kind].outputs) * place.channels
            cost += op_cost(at_end, channels, 1, NETWORK_NORM, _pixels(place.shrink(size)))
    return cost


def operation_costs(space: SearchSpace, plan: NetworkPlan, image_size: Size) -> OperationCosts:
    """The cost of every operation on every edge, in a network whose cells join all their nodes.

    Args:
        space: cell graph and candidate operations.
        plan: width, depth, classes.
        image_size: (height, width) of the images.

    Returns:
        Multiply-adds, counted as in `network_cost`: `fixed` and the numbers of one operation per edge add up to the
        cost of that network.
    """
    sums, resources, parameters = (
        {kind: [[0] * len(space.ops) for _ in space.cell.edges] for kind in space.cell_kinds} for _ in range(3)
    )
    for place, size in sized_cells(plan, image_size):
        for row, edge in enumerate(space.cell.edges):
            for column, name in enumerate(space.ops):
                if name in space.ops_on(place.kind, row):
                    cost = _op_cost(space, name, place, edge.source, size)
                    sums[place.kind][row][column] += cost.multiply_adds
                    parameters[place.kind][row][column] += cost.parameters
                    moved = _values_moved(space, name, place, edge.source, size, cost)
                    resources[place.kind][row][column] += cost.parameters + cost.multiply_adds + moved
    fixed = _frame_cost(space, plan, image_size)
    by_kind, moved_by_kind, learned_by_kind = (
        {kind: tuple(map(tuple, rows)) for kind, rows in each.items()} for each in (sums, resources, parameters)
    )
    return OperationCosts(fixed.multiply_adds, by_kind, moved_by_kind, fixed.parameters, learned_by_kind)


def smallest_map(plan: NetworkPlan, image_size: Size) -> Size:
    """(height, width) of the last feature map; a network needs at least `Skeleton.smallest_side`."""
    size = plan.after_stem(image_size)
    for place in plan.places:
        size = place.shrink(size)
    return size


def _pixels(size: Size) -> int:
    return size[0] * size[1]


def _stem_cost(plan: NetworkPlan, image_size: Size) -> tuple[Cost, Size]:
    """The cost of whitening and stem, and the size of the maps that they give."""
    size, shrunk = plan.before_stem(image_size), plan.after_stem(image_size)
    whitening = whitening_cost(plan.in_channels, _pixels(size)) if plan.whitens else Cost()
    return whitening + _cost_behind_whitening(plan, size, shrunk), shrunk


def _cost_behind_whitening(plan: NetworkPlan, size: Size, shrunk: Size) -> Cost:
    norm, channels, width = NETWORK_NORM, plan.stem_inputs, plan.stem_channels
    if plan.mobile:
        return mobile_stem_cost(channels, plan.mobile.stem, width, norm, _pixels(shrunk))
    if plan.whitening_is_stem:
        return Cost()
    if plan.stages:
        return stage_stem_cost(channels, width, plan.stem_stride, norm, _pixels(shrunk))
    if plan.stem == "cifar":
        return relu_conv_norm_cost(channels, width, 3, norm, _pixels(size))
    half, quarter, eighth = halved(size, 2), halved(size, 4), halved(size, 8)
    cost = relu_conv_norm_cost(channels, width // 2, 3, norm, _pixels(half))
    cost += relu_conv_norm_cost(width // 2, width, 3, norm, _pixels(quarter))
    return cost + relu_conv_norm_cost(width, width, 3, norm, _pixels(eighth))


def _residual_cost(place: ResidualPlace, size: Size) -> Cost:
    pixels, inputs, outputs = _pixels(size), place.in_channels, place.out_channels
    cost = relu_conv_norm_cost(inputs, outputs, 3, NETWORK_NORM, pixels)
    cost += relu_conv_norm_cost(outputs, outputs, 3, NETWORK_NORM, pixels)
    return cost + Cost(inputs * outputs, inputs * outputs * pixels)


def _frame_cost(space: SearchSpace, plan: NetworkPlan, image_size: Size) -> Cost:
    """The cost of everything but the operations of the cells."""
    cost, newer = _stem_cost(plan, image_size)
    for place in plan.places:
        if isinstance(place, ResidualPlace):
            newer = place.shrink(newer)
            cost += _residual_cost(place, newer)
        else:
            cost += _projections_cost(space, place, newer)
            newer = place.shrink(newer)
    if plan.normalizes_features:
        cost += Cost(2 * plan.features)
    if plan.mobile:
        cost += mobile_head_cost(plan.features, plan.mobile.head, NETWORK_NORM, _pixels(newer))
    classifier = plan.pooled * plan.num_classes
    return cost + Cost(classifier + plan.num_classes, classifier)


def sized_cells(plan: NetworkPlan, image_size: Size) -> Iterator[tuple[CellPlace, Size]]:
    """Every cell, with the size of the maps that it reads."""
    _, newer = _stem_cost(plan, image_size)
    for place in plan.places:
        if isinstance(place, CellPlace):
            yield place, newer
        newer = place.shrink(newer)


def _projections_cost(space: SearchSpace, place: CellPlace, size: Size) -> Cost:
    cost = Cost()
    if space.cell.projects_inputs:
        for channels, stride in zip(place.input_channels, place.input_strides, strict=True):
            formula = factorized_reduce_cost if stride == 2 else _projection_cost
            cost += formula(channels, place.channels, NETWORK_NORM, _pixels(size))
    return cost


def _op_cost(space: SearchSpace, name: str, place: CellPlace, source: int, size: Size) -> Cost:
    """The cost of an operation on an edge from `source`, in a cell that reads maps of this size."""
    pixels, from_input = _pixels(place.shrink(size)), source < space.cell.num_inputs
    return op_cost(
        name,
        place.channels,
        place.stride if from_input else 1,
        NETWORK_NORM,
        pixels,
        inputs=place.inputs(space.cell, source),
        input_pixels=_pixels(size) if from_input else pixels,
    )


def _values_moved(space: SearchSpace, name: str, place: CellPlace, source: int, size: Size, cost: Cost) -> int:
    """Values that an operation reads and writes for one image."""
    if name in _PASSING and cost == Cost():
        return 0
    written = _pixels(place.shrink(size))
    read = _pixels(size) if source < space.cell.num_inputs else written
    return place.inputs(space.cell, source) * read + place.channels * written


def _projection_cost(inputs: int, outputs: int, norm: Norm, pixels: int) -> Cost:
    return relu_conv_norm_cost(inputs, outputs, 1, norm, pixels)
