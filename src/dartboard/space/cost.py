"""Parameters and multiply-adds of networks, discrete or still searched, by formula: nothing is built."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from dartboard.space.genotype import CellGenotype, Genotype
from dartboard.space.network import NETWORK_NORM
from dartboard.space.ops import Cost, Norm, Size, op_cost
from dartboard.space.ops.conv import factorized_reduce_cost, relu_conv_norm_cost
from dartboard.space.skeleton import CellPlace, NetworkPlan, ResidualPlace, halved
from dartboard.space.spaces.registry import SearchSpace

__all__ = ["OperationCosts", "network_cost", "operation_costs", "smallest_map"]


@dataclass(frozen=True)
class OperationCosts:
    """Multiply-adds for one image of a network whose operations are still open.

    Attributes:
        fixed: of all that is there whatever the operations are.
        operations: cell kind -> for every edge those of every operation of the space, over all cells of the kind.
    """

    fixed: int
    operations: Mapping[str, tuple[tuple[int, ...], ...]]


def network_cost(space: SearchSpace, genotype: Genotype, plan: NetworkPlan, image_size: Size) -> Cost:
    """What the network of `genotype` costs without its auxiliary head.

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
    plan = plan.joining({kind: len(cell.outputs) for kind, cell in genotype.cells})
    cost = _frame_cost(space, plan, image_size)
    for place, size in _cells(plan, image_size):
        cost += _choices_cost(space, genotype[place.kind], place, _pixels(size))
    return cost


def operation_costs(space: SearchSpace, plan: NetworkPlan, image_size: Size) -> OperationCosts:
    """What every operation on every edge would cost in a network whose cells join all their nodes.

    Args:
        space: cell graph and candidate operations.
        plan: width, depth, classes.
        image_size: (height, width) of the images.

    Returns:
        Multiply-adds as `network_cost` counts them, of which every choice of one operation per edge takes its own.
    """
    sums = {kind: [[0] * len(space.ops) for _ in space.cell.edges] for kind in space.cell_kinds}
    for place, size in _cells(plan, image_size):
        for row, edge in enumerate(space.cell.edges):
            stride = _edge_stride(space, place, edge.source)
            for column, name in enumerate(space.ops):
                cost = op_cost(name, place.channels, stride, NETWORK_NORM, _pixels(size))
                sums[place.kind][row][column] += cost.multiply_adds
    fixed = _frame_cost(space, plan, image_size).multiply_adds
    return OperationCosts(fixed, {kind: tuple(map(tuple, rows)) for kind, rows in sums.items()})


def smallest_map(space: SearchSpace, plan: NetworkPlan, image_size: Size) -> Size:
    """Size of the last feature map; a network wants at least 2x2."""
    size = image_size
    for _ in range(space.skeleton.num_reductions + (3 if plan.stem == "imagenet" else 0)):
        size = halved(size, 2)
    return size


def _pixels(size: Size) -> int:
    return size[0] * size[1]


def _stem_cost(plan: NetworkPlan, size: Size) -> tuple[Cost, Size]:
    norm, channels, width = NETWORK_NORM, plan.in_channels, plan.stem_channels
    if plan.stem == "cifar":
        return relu_conv_norm_cost(channels, width, 3, norm, _pixels(size)), size
    half, quarter, eighth = halved(size, 2), halved(size, 4), halved(size, 8)
    cost = relu_conv_norm_cost(channels, width // 2, 3, norm, _pixels(half))
    cost += relu_conv_norm_cost(width // 2, width, 3, norm, _pixels(quarter))
    return cost + relu_conv_norm_cost(width, width, 3, norm, _pixels(eighth)), eighth


def _residual_cost(place: ResidualPlace, size: Size) -> Cost:
    pixels, inputs, outputs = _pixels(size), place.in_channels, place.out_channels
    cost = relu_conv_norm_cost(inputs, outputs, 3, NETWORK_NORM, pixels)
    cost += relu_conv_norm_cost(outputs, outputs, 3, NETWORK_NORM, pixels)
    return cost + Cost(inputs * outputs, inputs * outputs * pixels)


def _frame_cost(space: SearchSpace, plan: NetworkPlan, image_size: Size) -> Cost:
    """All but the operations of the cells."""
    cost, newer = _stem_cost(plan, image_size)
    for place in plan.places:
        if isinstance(place, ResidualPlace):
            newer = halved(newer, 2)
            cost += _residual_cost(place, newer)
        else:
            cost += _projections_cost(space, place, newer)
            newer = halved(newer, place.stride)
    if plan.normalizes_features:
        cost += Cost(2 * plan.features)
    classifier = plan.features * plan.num_classes
    return cost + Cost(classifier + plan.num_classes, classifier)


def _cells(plan: NetworkPlan, image_size: Size) -> Iterator[tuple[CellPlace, Size]]:
    """Every cell with the size of the maps that its operations give."""
    _, newer = _stem_cost(plan, image_size)
    for place in plan.places:
        newer = halved(newer, place.stride if isinstance(place, CellPlace) else 2)
        if isinstance(place, CellPlace):
            yield place, newer


def _projections_cost(space: SearchSpace, place: CellPlace, size: Size) -> Cost:
    cost = Cost()
    if space.cell.projects_inputs:
        for channels, stride in zip(place.input_channels, place.input_strides, strict=True):
            formula = factorized_reduce_cost if stride == 2 else _projection_cost
            cost += formula(channels, place.channels, NETWORK_NORM, _pixels(size))
    return cost


def _choices_cost(space: SearchSpace, genotype: CellGenotype, place: CellPlace, pixels: int) -> Cost:
    cost = Cost()
    for choice in genotype.choices:
        stride = _edge_stride(space, place, choice.source)
        cost += op_cost(choice.op, place.channels, stride, NETWORK_NORM, pixels)
        if choice.attention:
            cost += op_cost(choice.attention, place.channels, 1, NETWORK_NORM, pixels)
    return cost


def _edge_stride(space: SearchSpace, place: CellPlace, source: int) -> int:
    return place.stride if source < space.cell.num_inputs else 1


def _projection_cost(inputs: int, outputs: int, norm: Norm, pixels: int) -> Cost:
    return relu_conv_norm_cost(inputs, outputs, 1, norm, pixels)
