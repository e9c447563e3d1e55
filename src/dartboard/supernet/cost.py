"""What a search step runs and how much it writes, computed from the structure of a supernet without running it.

The count follows the form in which the fast engine runs an operation (`forms.py`). A folded operation keeps the outputs
of its convolutions and forms no map after the last one. An operation without weights runs once for all edges that leave
a node. All others run edge by edge. The number of times that a piece writes a map is a small whole number. It need not
be exact: the count is used to compare steps of two sizes, and what all sizes of a space have in common cancels.
"""

from collections.abc import Generator, Iterator, Sequence
from functools import cache
from itertools import pairwise
from typing import Literal, NamedTuple

import torch

from dartboard.space import CellPlace, Cost, NetworkPlan, Norm
from dartboard.space.ops import Size, op_cost
from dartboard.space.ops.conv import factorized_reduce_cost, relu_conv_norm_cost
from dartboard.space.ops.dense import stage_stem_cost
from dartboard.space.ops.mobile import mobile_head_cost, mobile_stem_cost
from dartboard.space.skeleton import ResidualPlace, halved
from dartboard.space.spaces.search_space import SearchSpace
from dartboard.space.whitening import whitening_cost
from dartboard.supernet.forms import Folded, Form, Separable, form_of
from dartboard.supernet.spec import SupernetSpec

__all__ = ["Map", "Piece", "pieces_of_step", "values_written"]

Kind = Literal["convolution", "norm", "pooling", "folded", "bundle", "gate", "rest", "elementwise"]
"""What a piece is. "convolution": ReLU, convolution and batch norm, run one by one; "norm": ReLU and batch norm;
"pooling": a pooling; "folded": the folded branch of an edge; "bundle": what all branches of the same form that leave a
node do once; "gate": a product with a gate, added to a node; "rest": the channels of an edge that bypass its
operations; "elementwise": one call that writes a map."""


class Map(NamedTuple):
    """A feature map: channels, and pixels of all images."""

    channels: int
    places: int

    @property
    def values(self) -> int:
        """Number of values of the map."""
        return self.channels * self.places


class Piece(NamedTuple):
    """A part of a step: it runs forward and backward, once for alpha and once for the weights.

    Attributes:
        kind: what it is.
        read: the map that it reads.
        written: the map that it writes.
        parameters: number of learned parameters.
        multiply_adds: multiply-adds of one forward pass for all images, by the definition, without what folding adds.
        form: the form of a folded operation; None for other pieces.
    """

    kind: Kind
    read: Map
    written: Map
    parameters: int = 0
    multiply_adds: int = 0
    form: Folded | None = None


_UPDATES = 6
"""Elements written to update one weight: by clipping, weight decay, momentum and the step itself."""

_DILATION_COPIES = 2
"""Maps written for the weight gradient of a dilated convolution: pixels sorted into pairs, rows into even and odd
ones."""

_TIMES: dict[Kind, tuple[int, int]] = {
    "convolution": (6, 6),
    "norm": (0, 4),
    "pooling": (2, 2),
    "folded": (0, 8),
    "bundle": (6, 0),
    "gate": (0, 8),
    "rest": (0, 4),
    "elementwise": (0, 4),
}
"""Kind -> (how often a step writes a map of the size that the piece reads, and of the size that it writes)."""


def values_written(spec: SupernetSpec, batch: int, image_size: Size) -> int:
    """Number of tensor elements that a step of a first-order search writes; the time of the step grows with it.

    A step is two forward passes, a backward pass for alpha, one for the weights, and the update of the weights.

    Args:
        spec: the supernet.
        batch: images of each of the step's two batches.
        image_size: (height, width) of the images in pixels.
    """
    total = 0
    for piece in pieces_of_step(spec, batch, image_size):
        read, written = _separable_times(piece.kind, piece.form) or _TIMES[piece.kind]
        total += read * piece.read.values + written * piece.written.values + _UPDATES * piece.parameters
    return total


def _separable_times(kind: Kind, form: Folded | None) -> tuple[int, int] | None:
    """Entry of `_TIMES` for separable convolutions, which depends on `repeats` and dilation; None for other forms.

    Between two halves the map is normalised and its positive part is taken, for the weight gradient a second time.
    """
    if not isinstance(form, Separable):
        return None
    if kind == "bundle":
        return 0, 0
    between = form.repeats - 1
    return 2, 4 * (3 * form.repeats + between) + between + (_DILATION_COPIES if form.dilation > 1 else 0)


def pieces_of_step(spec: SupernetSpec, batch: int, image_size: Size) -> Iterator[Piece]:
    """The pieces that each batch of a step runs through, from stem to classifier.

    Args:
        spec: the supernet.
        batch: images of the batch.
        image_size: (height, width) of the images in pixels.
    """
    plan, learned = spec.plan, spec.norm.learned()
    older, newer = yield from _stem(plan, learned, batch, image_size)
    for place in plan.places:
        if isinstance(place, ResidualPlace):
            older, newer = newer, place.shrink(newer)
            yield from _residual(place, learned, batch, older, newer)
        else:
            yield from _cell(spec, place, batch, [older, newer][-len(place.input_channels) :])
            older, newer = newer, place.shrink(newer)
    last = Map(plan.features, batch * _pixels(newer))
    if plan.normalizes_features:
        yield Piece("norm", last, last, learned.parameters(plan.features))
    if plan.mobile:
        cost = mobile_head_cost(plan.features, plan.mobile.head, learned, _pixels(newer))
        yield _convolution(cost, batch, last, Map(plan.mobile.head, last.places))
    weights = plan.pooled * plan.num_classes
    cost = Cost(weights + plan.num_classes, weights)
    yield _convolution(cost, batch, Map(plan.pooled, batch), Map(plan.num_classes, batch))


def _pixels(size: Size) -> int:
    return size[0] * size[1]


def _convolution(cost: Cost, batch: int, read: Map, written: Map) -> Piece:
    return Piece("convolution", read, written, cost.parameters, batch * cost.multiply_adds)


def _stem(plan: NetworkPlan, norm: Norm, batch: int, size: Size) -> Generator[Piece, None, tuple[Size, Size]]:
    """The pieces of the stem; returns the (height, width) of its older and of its newer output."""
    width, inputs, side = plan.stem_channels, plan.stem_inputs, plan.after_stem(size)
    if plan.whitens:
        images, size = size, plan.before_stem(size)
        cost = whitening_cost(plan.in_channels, _pixels(size))
        read, written = Map(plan.in_channels, batch * _pixels(images)), Map(inputs, batch * _pixels(size))
        yield _convolution(cost, batch, read, written)
    if plan.mobile or plan.stages:
        read, written = Map(inputs, batch * _pixels(size)), Map(width, batch * _pixels(side))
        if plan.mobile:
            cost = mobile_stem_cost(inputs, plan.mobile.stem, width, norm, _pixels(side))
            yield _convolution(cost, batch, read, written)
        elif not plan.whitening_is_stem:
            cost = stage_stem_cost(inputs, width, plan.stem_stride, norm, _pixels(side))
            yield _convolution(cost, batch, read, written)
        return side, side
    sides = [size, size] if plan.stem == "cifar" else [size] + [halved(size, by) for by in (2, 4, 8)]
    widths = [inputs, width] if plan.stem == "cifar" else [inputs, width // 2, width, width]
    maps = [Map(channels, batch * _pixels(side)) for channels, side in zip(widths, sides, strict=True)]
    for (read, written), side in zip(pairwise(maps), sides[1:], strict=True):
        cost = relu_conv_norm_cost(read.channels, written.channels, 3, norm, _pixels(side))
        yield _convolution(cost, batch, read, written)
    return sides[-2], sides[-1]


def _residual(place: ResidualPlace, norm: Norm, batch: int, before: Size, after: Size) -> Iterator[Piece]:
    pixels, inputs, outputs = _pixels(after), place.in_channels, place.out_channels
    read, written = Map(inputs, batch * _pixels(before)), Map(outputs, batch * pixels)
    yield _convolution(relu_conv_norm_cost(inputs, outputs, 3, norm, pixels), batch, read, written)
    yield _convolution(relu_conv_norm_cost(outputs, outputs, 3, norm, pixels), batch, written, written)
    yield _convolution(Cost(inputs * outputs, inputs * outputs * pixels), batch, read, written)


def _cell(spec: SupernetSpec, place: CellPlace, batch: int, inputs: Sequence[Size]) -> Iterator[Piece]:
    """The pieces of a cell: projections, all operations, and the nodes."""
    cell, share = spec.space.cell, spec.mixing.channel_share
    before, after = inputs[-1], place.shrink(inputs[-1])
    node = Map(place.channels, batch * _pixels(after))
    if cell.projects_inputs:
        yield from _projections(spec, place, batch, inputs)
    for source in range(cell.nodes.stop):
        rows = tuple(row for row, edge in enumerate(cell.edges) if edge.source == source)
        from_input = source < cell.num_inputs
        maps = _Maps(
            read=Map(place.inputs(cell, source) // share, batch * _pixels(before if from_input else after)),
            written=Map(place.channels // share, node.places),
            batch=batch,
            stride=place.stride if from_input else 1,
        )
        yield from _operations(spec, place.kind, rows, maps)
        if share > 1:
            rest = Map(node.channels - node.channels // share, node.places)
            yield from (Piece("rest", rest, rest) for _ in rows)
    yield from (_elementwise(node) for _ in cell.nodes)
    joined = Map(node.channels * cell.output_multiplier, node.places)
    if place.shortcut and place.gated_shortcut:
        yield _gate(node)
    elif cell.output == "concat" or place.shortcut:
        yield _elementwise(Map(node.channels * cell.num_nodes, node.places))
    yield from _attending(spec.mixing.end, spec.norm, joined, batch)


def _projections(spec: SupernetSpec, place: CellPlace, batch: int, inputs: Sequence[Size]) -> Iterator[Piece]:
    pixels = _pixels(inputs[-1])
    for channels, stride, size in zip(place.input_channels, place.input_strides, inputs, strict=True):
        cost = (
            factorized_reduce_cost(channels, place.channels, spec.norm, pixels)
            if stride == 2
            else relu_conv_norm_cost(channels, place.channels, 1, spec.norm, pixels)
        )
        yield _convolution(cost, batch, Map(channels, batch * _pixels(size)), Map(place.channels, batch * pixels))


class _Maps(NamedTuple):
    """What the operations of an edge read and write."""

    read: Map
    written: Map
    batch: int
    stride: int

    @property
    def pixels(self) -> int:
        return self.written.places // self.batch


def _operations(spec: SupernetSpec, kind: str, rows: Sequence[int], maps: _Maps) -> Iterator[Piece]:
    """All operations of the edges that leave one node."""
    bundles, shared = set(), set()
    for row in rows:
        for name in spec.ops_of(kind, row):
            form = _form(name, spec.space, maps.stride, spec.norm)
            if isinstance(form, Folded):
                cost = _op_cost(name, spec.norm, maps)
                amounts = cost.parameters, maps.batch * cost.multiply_adds
                yield Piece("folded", maps.read, maps.written, *amounts, form)
                bundles.add(form)
            elif form != "nothing":
                yield _gate(maps.written)
                if form != "shared":
                    yield _convolution(_op_cost(name, spec.norm, maps), maps.batch, maps.read, maps.written)
                elif name not in _IDENTITIES and name not in shared:
                    shared.add(name)
                    yield Piece("pooling", maps.read, maps.written)
                    if name in spec.space.normalized_ops:
                        yield _elementwise(maps.written)
        yield from _beside(spec, maps)
    yield from (Piece("bundle", maps.read, maps.written, form=form) for form in bundles)
    if bundles:
        yield _elementwise(maps.read)  # the ReLU, taken once for all


def _beside(spec: SupernetSpec, maps: _Maps) -> Iterator[Piece]:
    """The pieces of an edge beside its operations: the auxiliary skip connection and the attention."""
    if spec.mixing.auxiliary_skip:
        yield _gate(maps.written)
        if maps.stride == 2:
            cost = op_cost("skip_connect", maps.read.channels, maps.stride, spec.norm, maps.pixels)
            yield _convolution(cost, maps.batch, maps.read, maps.written)
    yield from _attending(spec.mixing.attention, spec.norm, maps.written, maps.batch)


def _attending(names: Sequence[str], norm: Norm, written: Map, batch: int) -> Iterator[Piece]:
    """The pieces of attention operations, each with a gate, that read and write maps of one size."""
    for name in names:
        yield _gate(written)
        if name not in _IDENTITIES:
            cost = op_cost(name, written.channels, 1, norm, written.places // batch)
            yield _convolution(cost, batch, written, written)


_IDENTITIES = ("identity", "skip_connect")
"""Operations that cost nothing at stride 1."""


def _op_cost(name: str, norm: Norm, maps: _Maps) -> Cost:
    inputs, pixels = maps.read.channels, maps.read.places // maps.batch
    return op_cost(name, maps.written.channels, maps.stride, norm, maps.pixels, inputs=inputs, input_pixels=pixels)


@cache
def _form(name: str, space: SearchSpace, stride: int, norm: Norm) -> Form:
    with torch.device("meta"):  # so that building the operation draws no random numbers
        return form_of(name, space, stride, norm)


def _gate(written: Map) -> Piece:
    return Piece("gate", written, written)


def _elementwise(written: Map) -> Piece:
    return Piece("elementwise", written, written)
