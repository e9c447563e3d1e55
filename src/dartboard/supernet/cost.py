"""How long a search step takes and how much memory it needs, by formula: nothing is built and nothing is run.

`step_work` counts what a step of the fast engine does, from the supernet's structure alone. The counts are the same on
every machine; `StepModel.fit` finds what each of them costs on the machine at hand, from a few short measurements, and
then tells the time and the memory of any other size of the same space:

    probes = [Measurement(step_work(spec, batch, (32, 32)), seconds, peak) for ...]
    model = StepModel.fit(probes)
    model.seconds(step_work(larger, 64, (32, 32)))

What is counted follows the form in which the engine runs an operation (`forms.py`): separable convolutions keep one
feature map a branch that repeats and form no output, operations without weights are run once for all edges that leave
a node, all others edge by edge. How often a form touches a value is a small whole number here, which need not be exact:
what all sizes of a space have in common ends up in the coefficients.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from functools import cache
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from dartboard.errors import SettingsError
from dartboard.space import CellPlace, Cost, Norm
from dartboard.space.ops import Size, op_cost
from dartboard.space.ops.conv import factorized_reduce_cost, relu_conv_norm_cost
from dartboard.space.ops.mobile import mobile_head_cost, mobile_stem_cost
from dartboard.space.skeleton import ResidualPlace, halved
from dartboard.space.spaces.registry import SearchSpace
from dartboard.supernet.forms import Form, Separable, form_of
from dartboard.supernet.spec import SupernetSpec

__all__ = ["Counts", "Measurement", "StepModel", "Work", "step_work"]

_Array = NDArray[np.float64]


@dataclass(frozen=True)
class Counts:
    """What one pass over the supernet does.

    Attributes:
        calls: operations launched; whatever the batch and the image size.
        places: pixels of feature maps written, whatever their channels: a pixel's channels lie together in memory, and
            few of them cost nearly as much as a vector of them.
        values: tensor elements written.
        multiply_adds: multiply-adds of dense convolutions and linear layers.
        depthwise: multiply-adds of depthwise convolutions, which machines do at another speed.
    """

    calls: int = 0
    places: int = 0
    values: int = 0
    multiply_adds: int = 0
    depthwise: int = 0

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(*(mine + theirs for mine, theirs in zip(self.as_tuple, other.as_tuple, strict=True)))

    def __mul__(self, times: int) -> "Counts":
        return Counts(*(times * mine for mine in self.as_tuple))

    @property
    def as_tuple(self) -> tuple[int, int, int, int, int]:
        """The counts in the order of the fields."""
        return self.calls, self.places, self.values, self.multiply_adds, self.depthwise


@dataclass(frozen=True)
class Work:
    """What a step of a first-order search does: alpha moves by one batch, then the weights by another.

    Attributes:
        forward: one forward pass; its multiply-adds, depthwise ones added, are those of the definition, edge by edge,
            without what folding adds.
        alpha_backward: the backward pass that finds the gradient of alpha.
        weight_backward: the backward pass that finds the gradient of the weights.
        update: clipping and moving the weights.
        saved_values: tensor elements kept from the forward to the backward pass.
        weights: learned numbers of the supernet.
    """

    forward: Counts = Counts()
    alpha_backward: Counts = Counts()
    weight_backward: Counts = Counts()
    update: Counts = Counts()
    saved_values: int = 0
    weights: int = 0

    def __add__(self, other: "Work") -> "Work":
        return Work(*(getattr(self, each.name) + getattr(other, each.name) for each in fields(Work)))

    def __mul__(self, times: int) -> "Work":
        return Work(*(getattr(self, each.name) * times for each in fields(Work)))

    @property
    def step(self) -> Counts:
        """The whole step: two forward passes, both backward passes and the update."""
        return self.forward * 2 + self.alpha_backward + self.weight_backward + self.update

    @property
    def kept_values(self) -> int:
        """Elements in memory at the end of the forward pass: saved ones, and weights with gradients and momentum."""
        return self.saved_values + 3 * self.weights


class Measurement(NamedTuple):
    """A step that was measured.

    Attributes:
        work: what it does.
        seconds: how long it took.
        peak_bytes: most memory in use at a time.
    """

    work: Work
    seconds: float
    peak_bytes: float


@dataclass(frozen=True)
class StepModel:
    """What the counts of `Work` cost on one machine, for one space.

    Attributes:
        launch: seconds in which the host launches a call; 0 where it computes itself, on a CPU.
        call: seconds of a call, whatever its size.
        place: seconds for a pixel of a feature map written, whatever its channels.
        value: seconds for a tensor element written.
        multiply_add: seconds for a multiply-add of a dense convolution.
        depthwise: seconds for a multiply-add of a depthwise convolution.
        fixed_bytes: memory that is in use whatever the size.
        bytes_per_value: memory for an element kept.
    """

    launch: float
    call: float
    place: float
    value: float
    multiply_add: float
    depthwise: float
    fixed_bytes: float
    bytes_per_value: float

    @classmethod
    def fit(cls, measurements: Sequence[Measurement], *, overlap: bool = False) -> "StepModel":
        """The coefficients, none negative, with the least squared relative errors.

        Args:
            measurements: at least two, better five or six: sizes far below those to be predicted will do, if each
                thing that will vary varies among them.
            overlap: whether the host launches calls while earlier ones run, as on an accelerator: a step then takes
                the longer of launching and running, else the sum.

        Raises:
            SettingsError: there are fewer than two measurements, or one of no time or no memory.
        """
        if len(measurements) < 2:
            raise SettingsError(f"fitting the time of a step needs two measurements or more, not {len(measurements)}.")
        if any(each.seconds <= 0 or each.peak_bytes <= 0 for each in measurements):
            raise SettingsError("measured seconds and bytes must be above zero.")
        counts = np.array([each.work.step.as_tuple for each in measurements], dtype=float)
        seconds = np.array([each.seconds for each in measurements])
        launch, running = _fit_overlapping(counts, seconds) if overlap else (0.0, _fit_relative(counts, seconds))
        kept = np.array([[1.0, each.work.kept_values] for each in measurements])
        fixed, per_value = _fit_relative(kept, np.array([each.peak_bytes for each in measurements]))
        call, place, value, multiply_add, depthwise = (float(each) for each in running)
        return cls(launch, call, place, value, multiply_add, depthwise, float(fixed), float(per_value))

    def seconds(self, work: Work) -> float:
        """How long a step takes."""
        counts = work.step.as_tuple
        coefficients = (self.call, self.place, self.value, self.multiply_add, self.depthwise)
        running = sum(coefficient * count for coefficient, count in zip(coefficients, counts, strict=True))
        return max(self.launch * work.step.calls, running)

    def bytes(self, work: Work) -> float:
        """The most memory in use during a step."""
        return self.fixed_bytes + self.bytes_per_value * work.kept_values


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
            if isinstance(form, Separable):
                total += _branch(form, cost, maps)
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
        total += _BUNDLE * form.repeats
    return total


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


_BUNDLE = Work(Counts(calls=15), Counts(calls=30), Counts(calls=32))
"""Folding and unfolding half a bundle: small matrices, whatever the number of branches."""


_DILATION_COPIES = 6
"""Maps written to sort the pixels of a dilated convolution by parity, for the gradient of its weights. Fewer are, but
pixel by pixel; the number is the one with which supernets of dilated convolutions alone take the time foretold."""


def _branch(form: Separable, cost: Cost, maps: _Maps) -> Work:
    """A folded separable convolution.

    Beside the product itself a half needs the covariance of what it reads, and backward two more products. Kept are the
    features of each half and what the second reads; without a depthwise convolution nothing is.
    """
    halves, convolved = form.repeats, form.repeats if form.kernel else 0
    depthwise = halves * form.kernel**2 * maps.written.values
    pointwise = maps.batch * cost.multiply_adds - depthwise
    back = 3 * halves + convolved
    copied = _DILATION_COPIES if form.dilation > 1 else 0
    return Work(
        forward=_writing(
            4 * halves, (2 * halves + convolved, maps.written), multiply_adds=pointwise, depthwise=depthwise
        ),
        alpha_backward=_writing(
            5 * halves, (back, maps.written), (1, maps.read), multiply_adds=2 * pointwise, depthwise=depthwise
        ),
        weight_backward=_writing(
            6 * halves,
            (back + 2 * convolved + copied, maps.written),
            (1, maps.read),
            multiply_adds=2 * pointwise,
            depthwise=2 * depthwise,
        ),
        update=Counts(12 * halves),
        saved_values=max(0, 2 * convolved - 1) * maps.written.values + 2 * cost.parameters,
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


def _fit_overlapping(counts: _Array, seconds: _Array) -> tuple[float, _Array]:
    """Seconds of a launch, and of each count of the device, where a step takes the longer of launching and running.

    The measurements with the most calls a value are the ones that launching may limit: every division of them, in that
    order, is tried.
    """
    order = np.argsort(-counts[:, 0] / np.maximum(counts[:, 1], 1.0))
    best: tuple[float, float, _Array] | None = None
    for limited in range(len(seconds) + 1):
        launching, running = order[:limited], order[limited:]
        launch = float(_fit_relative(counts[launching, :1], seconds[launching])[0]) if limited else 0.0
        device = _fit_relative(counts[running], seconds[running]) if len(running) else np.zeros(counts.shape[1])
        found = np.maximum(launch * counts[:, 0], counts @ device)
        error = float((((found - seconds) / seconds) ** 2).sum())
        if best is None or error < best[0]:
            best = error, launch, device
    assert best is not None
    return best[1:]


def _fit_relative(counts: _Array, measured: _Array) -> _Array:
    """The coefficients x >= 0 with the least sum of ((counts x - measured) / measured)^2.

    The least is reached by a plain least-squares solution over some of the columns, the others zero, and with so few
    columns every choice can be tried.
    """
    scaled = counts / measured[:, None]
    size = np.linalg.norm(scaled, axis=0)
    scaled = scaled / np.where(size > 0, size, 1.0)
    best, least = np.zeros(counts.shape[1]), np.inf
    for number in range(1, 1 << counts.shape[1]):
        chosen = [column for column in range(counts.shape[1]) if number >> column & 1]
        solution = np.linalg.lstsq(scaled[:, chosen], np.ones(len(measured)), rcond=None)[0]
        error = float(((scaled[:, chosen] @ solution - 1.0) ** 2).sum())
        if (solution >= 0).all() and error < least:
            best, least = np.zeros(counts.shape[1]), error
            best[chosen] = solution
    return np.where(size > 0, best / np.where(size > 0, size, 1.0), 0.0)
