"""How long a search step takes and how much memory it needs, by formula: nothing is built and nothing is run.

`step_work` counts what a step of the fast engine does, from the supernet's structure alone. The counts are the same on
every machine; `StepModel.fit` finds what each of them costs on the machine at hand, from a few short measurements, and
then tells the time and the memory of any other size of the same space:

    probes = [Measurement(step_work(spec, batch, (32, 32)), seconds, peak) for ...]
    model = StepModel.fit(probes)
    model.seconds(step_work(larger, 64, (32, 32)))

What is counted follows the form in which the engine runs an operation (`forms.py`): folded ones keep the outputs of
their convolutions and form nothing behind the last, those without weights are run once for all edges that leave a node,
all others edge by edge. How often
a form touches a value is a small whole number here, which need not be exact: what all sizes of a space have in common
ends up in the coefficients.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from typing import NamedTuple

import torch

from dartboard.space import CellPlace, Cost, Norm
from dartboard.space.ops import Size, op_cost
from dartboard.space.ops.conv import factorized_reduce_cost, relu_conv_norm_cost
from dartboard.space.ops.mobile import mobile_head_cost, mobile_stem_cost
from dartboard.space.skeleton import ResidualPlace, halved
from dartboard.space.spaces.search_space import SearchSpace
from dartboard.supernet.forms import Folded, Form, Separable, form_of
from dartboard.supernet.spec import SupernetSpec
from dartboard.supernet.work import Counts, Work

__all__ = ["step_work"]


def step_work(spec: SupernetSpec, batch: int, image_size: Size) -> Work:
    """What a step of the fast engine does.

    Args:
        spec: the supernet.
        batch: images of each of the step's two batches.
        image_size: (height, width) of the images in pixels.

    Returns:
        Counts for the whole batch.
    """
    plan, learned = spec.plan, spec.norm.learned()
    total, older, newer = _stem(spec, batch, image_size)
    for place in plan.places:
        if isinstance(place, ResidualPlace):
            older, newer = newer, halved(newer, 2)
            total += _residual(place, learned, batch, older, newer)
        else:
            inputs = [older, newer][-len(place.input_channels) :]
            total += _cell(spec, place, batch, inputs)
            older, newer = newer, halved(newer, place.stride)
    if plan.normalizes_features:
        last = _Map(plan.features, batch * _pixels(newer))
        total += replace(_elementwise(2, last), weights=learned.parameters(plan.features))
    if plan.mobile:
        cost = mobile_head_cost(plan.features, plan.mobile.head, learned, _pixels(newer))
        read, written = (_Map(channels, batch * _pixels(newer)) for channels in (plan.features, plan.mobile.head))
        total += _convolution(cost, batch, read, written)
    classifier = plan.pooled * plan.num_classes
    total += _convolution(
        Cost(classifier + plan.num_classes, classifier),
        batch,
        _Map(plan.pooled, batch),
        _Map(plan.num_classes, batch),
    )
    return replace(total, update=Counts(calls=total.update.calls, values=_UPDATES * total.weights))


_UPDATES = 6
"""Elements written to move a weight: clipping, weight decay, momentum and the step itself."""


def _pixels(size: Size) -> int:
    return size[0] * size[1]


class _Map(NamedTuple):
    """A feature map: channels, and pixels of all images."""

    channels: int
    places: int

    @property
    def values(self) -> int:
        return self.channels * self.places


def _writing(calls: int, *written: tuple[int, _Map], multiply_adds: int = 0, depthwise: int = 0) -> Counts:
    """Counts of calls that write maps so many times each."""
    return Counts(
        calls,
        sum(times * each.places for times, each in written),
        sum(times * each.values for times, each in written),
        multiply_adds,
        depthwise,
    )


def _stem(spec: SupernetSpec, batch: int, size: Size) -> tuple[Work, Size, Size]:
    """The stem, and the sizes of the older and the newer of the outputs that it gives."""
    plan, norm = spec.plan, spec.norm.learned()
    width = plan.stem_channels
    if plan.mobile:
        side = halved(size, plan.stem_stride)
        cost = mobile_stem_cost(plan.in_channels, plan.mobile.stem, width, norm, _pixels(side))
        read, written = _Map(plan.in_channels, batch * _pixels(size)), _Map(width, batch * _pixels(side))
        return _convolution(cost, batch, read, written), side, side
    sides = [size] if plan.stem == "cifar" else [halved(size, by) for by in (2, 4, 8)]
    widths = [plan.in_channels, width] if plan.stem == "cifar" else [plan.in_channels, width // 2, width, width]
    total, before = Work(), size
    for inputs, outputs, side in zip(widths, widths[1:], sides, strict=False):
        cost = relu_conv_norm_cost(inputs, outputs, 3, norm, _pixels(side))
        read, written = _Map(inputs, batch * _pixels(before)), _Map(outputs, batch * _pixels(side))
        total += _convolution(cost, batch, read, written)
        before = side
    return total, sides[-2] if len(sides) > 1 else size, sides[-1]


def _residual(place: ResidualPlace, norm: Norm, batch: int, before: Size, after: Size) -> Work:
    pixels, inputs, outputs = _pixels(after), place.in_channels, place.out_channels
    read, written = _Map(inputs, batch * _pixels(before)), _Map(outputs, batch * pixels)
    first, second = (relu_conv_norm_cost(channels, outputs, 3, norm, pixels) for channels in (inputs, outputs))
    shortcut = Cost(inputs * outputs, inputs * outputs * pixels)
    total = _convolution(first, batch, read, written) + _convolution(second, batch, written, written)
    return total + _convolution(shortcut, batch, read, written)


def _cell(spec: SupernetSpec, place: CellPlace, batch: int, inputs: Sequence[Size]) -> Work:
    """Projections, all operations, and the nodes."""
    cell, share = spec.space.cell, spec.mixing.channel_share
    before, after = inputs[-1], halved(inputs[-1], place.stride)
    node = _Map(place.channels, batch * _pixels(after))
    total = _projections(spec, place, batch, inputs)
    for source in range(cell.nodes.stop):
        rows = tuple(row for row, edge in enumerate(cell.edges) if edge.source == source)
        from_input = source < cell.num_inputs
        maps = _Maps(
            read=_Map(place.inputs(cell, source) // share, batch * _pixels(before if from_input else after)),
            written=_Map(place.channels // share, node.places),
            batch=batch,
            pixels=_pixels(after),
            stride=place.stride if from_input else 1,
        )
        total += _operations(spec, place.kind, rows, maps)
        if share > 1:
            total += _elementwise(2, _Map(node.channels - node.channels // share, node.places)) * len(rows)
    total += _elementwise(1, node) * cell.num_nodes
    joined = _Map(node.channels * cell.num_nodes, node.places)
    return total + (_elementwise(1, joined) if cell.output == "concat" or place.shortcut else Work())


def _projections(spec: SupernetSpec, place: CellPlace, batch: int, inputs: Sequence[Size]) -> Work:
    total, pixels = Work(), _pixels(inputs[-1])
    if spec.space.cell.projects_inputs:
        for channels, stride, size in zip(place.input_channels, place.input_strides, inputs, strict=True):
            cost = (
                factorized_reduce_cost(channels, place.channels, spec.norm, pixels)
                if stride == 2
                else relu_conv_norm_cost(channels, place.channels, 1, spec.norm, pixels)
            )
            read, written = _Map(channels, batch * _pixels(size)), _Map(place.channels, batch * pixels)
            total += _convolution(cost, batch, read, written)
    return total


class _Maps(NamedTuple):
    """What the operations of an edge read and write."""

    read: _Map
    written: _Map
    batch: int
    pixels: int
    stride: int


def _operations(spec: SupernetSpec, kind: str, rows: Sequence[int], maps: _Maps) -> Work:
    """All operations of the edges that leave one node."""
    total, bundles, shared = Work(), set(), set()
    for row in rows:
        for name in spec.ops_of(kind, row):
            form = _form(name, spec.space, maps.stride, spec.norm)
            if form == "nothing":
                continue
            cost = op_cost(
                name,
                maps.written.channels,
                maps.stride,
                spec.norm,
                maps.pixels,
                inputs=maps.read.channels,
                input_pixels=maps.read.places // maps.batch,
            )
            if isinstance(form, Folded):
                total += _separable(form, cost, maps) if isinstance(form, Separable) else _dense(cost, maps)
                bundles.add(form)
                continue
            total += _gate(maps.written)
            if form != "shared":
                total += _convolution(cost, maps.batch, maps.read, maps.written)
            elif name not in shared:
                shared.add(name)
                normalized = name in spec.space.normalized_ops
                total += _pooling(maps, normalized=normalized) if name not in _IDENTITIES else Work()
        total += _beside(spec, maps)
    for form in bundles:
        total += _BUNDLE * form.repeats if isinstance(form, Separable) else _BUNDLE + _dense_bundle(maps)
    return total + _elementwise(1, maps.read) if bundles else total  # the ReLU, taken once for all


def _beside(spec: SupernetSpec, maps: _Maps) -> Work:
    """What an edge has beside its operations: the auxiliary skip connection and the attention."""
    total = Work()
    if spec.mixing.auxiliary_skip:
        cost = op_cost("skip_connect", maps.read.channels, maps.stride, spec.norm, maps.pixels)
        total += _gate(maps.written)
        total += _convolution(cost, maps.batch, maps.read, maps.written) if maps.stride == 2 else Work()
    for name in spec.mixing.attention:
        total += _gate(maps.written)
        if name not in _IDENTITIES:
            cost = op_cost(name, maps.read.channels, 1, spec.norm, maps.pixels)
            total += _convolution(cost, maps.batch, maps.written, maps.written)
    return total


_IDENTITIES = ("identity", "skip_connect")
"""Operations that cost nothing at stride 1."""


@cache
def _form(name: str, space: SearchSpace, stride: int, norm: Norm) -> Form:
    with torch.device("meta"):  # so that the operation built to look at draws no random numbers
        return form_of(name, space, stride, norm)


_BUNDLE = Work(Counts(calls=13), Counts(calls=17), Counts(calls=19))
"""What half a bundle does with the few numbers of its norms, whatever the number of branches."""


_DILATION_COPIES = 2
"""Maps written for the gradient of a dilated convolution's weights: pixels sorted into pairs, of a row in two."""


def _separable(form: Separable, cost: Cost, maps: _Maps) -> Work:
    """A folded separable convolution, of which the outputs of all convolutions are kept.

    Between two halves the map is normalised, its positive part taken, and that taken again for the weights' gradient.
    """
    halves = form.repeats
    between = halves - 1
    depthwise = halves * form.kernel**2 * maps.written.values
    pointwise = maps.batch * cost.multiply_adds - depthwise
    back = 3 * halves + between
    copied = _DILATION_COPIES if form.dilation > 1 else 0
    return Work(
        forward=_writing(
            4 * halves + 2 * between,
            (3 * halves + between, maps.written),
            multiply_adds=pointwise,
            depthwise=depthwise,
        ),
        alpha_backward=_writing(
            3 * halves + between,
            (back, maps.written),
            (1, maps.read),
            multiply_adds=pointwise,
            depthwise=depthwise,
        ),
        weight_backward=_writing(
            5 * halves + 2 * between,
            (back + between + copied, maps.written),
            (1, maps.read),
            multiply_adds=2 * pointwise,
            depthwise=2 * depthwise,
        ),
        update=Counts(12 * halves),
        saved_values=2 * halves * maps.written.values + 2 * cost.parameters,
        weights=cost.parameters,
    )


def _dense_bundle(maps: _Maps) -> Work:
    """What dense convolutions of one form do once: read their input; backward form its gradient and add it."""
    backward = _writing(1, (2, maps.read))
    return Work(_writing(0, (1, maps.read)), backward, backward)


def _dense(cost: Cost, maps: _Maps) -> Work:
    """A dense convolution, or a reduction, run together with the others of its form: its output is kept."""
    multiply_adds = maps.batch * cost.multiply_adds
    back = _writing(3, (2, maps.written), multiply_adds=multiply_adds)
    return Work(
        forward=_writing(2, (2, maps.written), multiply_adds=multiply_adds),
        alpha_backward=back,
        weight_backward=back + Counts(multiply_adds=multiply_adds),
        update=Counts(6),
        saved_values=maps.written.values + 2 * cost.parameters,
        weights=cost.parameters,
    )


def _convolution(cost: Cost, batch: int, read: _Map, written: _Map) -> Work:
    """ReLU, convolution and batch norm, run as they are; the result of each is kept."""
    multiply_adds = batch * cost.multiply_adds
    return Work(
        forward=_writing(4, (1, read), (2, written), multiply_adds=multiply_adds),
        alpha_backward=_writing(4, (2, read), (1, written), multiply_adds=multiply_adds),
        weight_backward=_writing(4, (2, read), (1, written), multiply_adds=2 * multiply_adds),
        update=Counts(6),
        saved_values=read.values + 2 * written.values,
        weights=cost.parameters,
    )


def _pooling(maps: _Maps, *, normalized: bool) -> Work:
    """A pooling, with a batch norm where the space asks for one, whose two results are kept."""
    forward = _writing(1 + normalized, (1 + normalized, maps.written))
    backward = _writing(1 + normalized, (1, maps.read), (int(normalized), maps.written))
    return Work(forward, backward, backward, saved_values=forward.values)


def _gate(written: _Map) -> Work:
    """A product with a gate, added to a node: backward the gradients of the feature and of the gate."""
    backward = _writing(4, (3, written))
    return Work(_writing(1, (1, written)), backward, backward)


def _elementwise(calls: int, written: _Map) -> Work:
    """Work of so many calls that write and keep a map."""
    both = _writing(calls, (1, written))
    return Work(both, both, both, saved_values=both.values)
