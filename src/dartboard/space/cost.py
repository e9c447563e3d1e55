"""Parameters and multiply-adds of a discrete network, by formula: nothing is built."""

from dartboard.space.genotype import Genotype
from dartboard.space.network import NETWORK_NORM
from dartboard.space.ops import Cost, Norm, Size, op_cost
from dartboard.space.ops.conv import factorized_reduce_cost, relu_conv_norm_cost
from dartboard.space.ops.mobile import mobile_head_cost, mobile_stem_cost
from dartboard.space.skeleton import CellPlace, NetworkPlan, ResidualPlace, halved
from dartboard.space.spaces.registry import SearchSpace

__all__ = ["network_cost", "smallest_map"]


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
    cost, newer = _stem_cost(plan, image_size)
    for place in plan.places:
        if isinstance(place, ResidualPlace):
            newer = halved(newer, 2)
            cost += _residual_cost(place, newer)
        else:
            cost += _cell_cost(space, genotype, place, newer)
            newer = halved(newer, place.stride)
    if plan.normalizes_features:
        cost += Cost(2 * plan.features)
    if plan.mobile:
        cost += mobile_head_cost(plan.features, plan.mobile.head, NETWORK_NORM, _pixels(newer))
    classifier = plan.pooled * plan.num_classes
    return cost + Cost(classifier + plan.num_classes, classifier)


def smallest_map(plan: NetworkPlan, image_size: Size) -> Size:
    """Size of the last feature map; see `Skeleton.smallest_side` for what a network wants."""
    size = halved(image_size, plan.stem_stride)
    for place in plan.places:
        size = halved(size, place.stride if isinstance(place, CellPlace) else 2)
    return size


def _pixels(size: Size) -> int:
    return size[0] * size[1]


def _stem_cost(plan: NetworkPlan, size: Size) -> tuple[Cost, Size]:
    norm, channels, width = NETWORK_NORM, plan.in_channels, plan.stem_channels
    if plan.mobile:
        shrunk = halved(size, plan.stem_stride)
        return mobile_stem_cost(channels, plan.mobile.stem, width, norm, _pixels(shrunk)), shrunk
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


def _cell_cost(space: SearchSpace, genotype: Genotype, place: CellPlace, size: Size) -> Cost:
    cost = Cost()
    if space.cell.projects_inputs:
        for channels, stride in zip(place.input_channels, place.input_strides, strict=True):
            formula = factorized_reduce_cost if stride == 2 else _projection_cost
            cost += formula(channels, place.channels, NETWORK_NORM, _pixels(size))
    output_pixels = _pixels(halved(size, place.stride))
    for choice in genotype[place.kind].choices:
        from_input = choice.source < space.cell.num_inputs
        cost += op_cost(
            choice.op,
            place.channels,
            place.stride if from_input else 1,
            NETWORK_NORM,
            output_pixels,
            inputs=place.inputs(space.cell, choice.source),
            input_pixels=_pixels(size) if from_input else output_pixels,
        )
        if choice.attention:
            cost += op_cost(choice.attention, place.channels, 1, NETWORK_NORM, output_pixels)
    return cost


def _projection_cost(inputs: int, outputs: int, norm: Norm, pixels: int) -> Cost:
    return relu_conv_norm_cost(inputs, outputs, 1, norm, pixels)
