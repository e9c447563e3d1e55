"""All that a search step does, counted: the same numbers on every machine.

`dartboard.supernet.cost` tells of what pieces a step consists and how many values it writes, which is what a budget is
planned by. Here calls, pixels, multiply-adds and the values kept for the backward pass are counted too, so that
`step_model.py` can foretell seconds and bytes.
"""

from dataclasses import dataclass, fields, replace

from dartboard.space.ops import Size
from dartboard.supernet import SupernetSpec
from dartboard.supernet.cost import Map, Piece, pieces_of_step
from dartboard.supernet.forms import Separable

__all__ = ["Counts", "Work", "step_work"]


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


def step_work(spec: SupernetSpec, batch: int, image_size: Size) -> Work:
    """What a step of the fast engine does.

    Args:
        spec: the supernet.
        batch: images of each of the step's two batches.
        image_size: (height, width) of the images in pixels.

    Returns:
        Counts for the whole batch.
    """
    total = sum((_work(piece) for piece in pieces_of_step(spec, batch, image_size)), Work())
    return replace(total, update=total.update + Counts(values=_UPDATES * total.weights))


_UPDATES = 6
"""Elements written to move a weight: clipping, weight decay, momentum and the step itself."""

_TENSOR = Counts(calls=6)
"""Moving a weight tensor."""

_DILATION_COPIES = 2
"""Maps written for the gradient of a dilated convolution's weights: pixels sorted into pairs, of a row in two."""

_BUNDLE = Work(Counts(calls=13), Counts(calls=17), Counts(calls=19))
"""What half a bundle does with the few numbers of its norms, whatever the number of branches."""


def _work(piece: Piece) -> Work:
    """What a step does for one piece."""
    match piece.kind:
        case "convolution":
            return _convolution(piece)
        case "folded":
            return _separable(piece, piece.form) if isinstance(piece.form, Separable) else _dense(piece)
        case "bundle":
            return _BUNDLE * piece.form.repeats if isinstance(piece.form, Separable) else _BUNDLE + _dense_bundle(piece)
        case "pooling":
            forward, backward = _writing(1, (1, piece.written)), _writing(1, (1, piece.read))
            return Work(forward, backward, backward, saved_values=piece.written.values)
        case "gate":  # backward the gradients of the feature and of the gate
            backward = _writing(4, (3, piece.written))
            return Work(_writing(1, (1, piece.written)), backward, backward)
        case "norm" | "rest":
            return replace(_elementwise(2, piece.written), weights=piece.parameters)
        case "elementwise":
            return _elementwise(1, piece.written)


def _writing(calls: int, *written: tuple[int, Map], multiply_adds: int = 0, depthwise: int = 0) -> Counts:
    """Counts of calls that write maps so many times each."""
    return Counts(
        calls,
        sum(times * each.places for times, each in written),
        sum(times * each.values for times, each in written),
        multiply_adds,
        depthwise,
    )


def _convolution(piece: Piece) -> Work:
    """ReLU, convolution and batch norm, run as they are; the result of each is kept."""
    read, written, multiply_adds = piece.read, piece.written, piece.multiply_adds
    return Work(
        forward=_writing(4, (1, read), (2, written), multiply_adds=multiply_adds),
        alpha_backward=_writing(4, (2, read), (1, written), multiply_adds=multiply_adds),
        weight_backward=_writing(4, (2, read), (1, written), multiply_adds=2 * multiply_adds),
        update=_TENSOR,
        saved_values=read.values + 2 * written.values,
        weights=piece.parameters,
    )


def _separable(piece: Piece, form: Separable) -> Work:
    """A folded separable convolution, of which the outputs of all convolutions are kept.

    Between two halves the map is normalised, its positive part taken, and that taken again for the weights' gradient.
    """
    read, written, halves = piece.read, piece.written, form.repeats
    between = halves - 1
    depthwise = halves * form.kernel**2 * written.values
    pointwise = piece.multiply_adds - depthwise
    back = 3 * halves + between
    copied = _DILATION_COPIES if form.dilation > 1 else 0
    return Work(
        forward=_writing(
            4 * halves + 2 * between,
            (3 * halves + between, written),
            multiply_adds=pointwise,
            depthwise=depthwise,
        ),
        alpha_backward=_writing(
            3 * halves + between,
            (back, written),
            (1, read),
            multiply_adds=pointwise,
            depthwise=depthwise,
        ),
        weight_backward=_writing(
            5 * halves + 2 * between,
            (back + between + copied, written),
            (1, read),
            multiply_adds=2 * pointwise,
            depthwise=2 * depthwise,
        ),
        update=_TENSOR * (2 * halves),
        saved_values=2 * halves * written.values + 2 * piece.parameters,
        weights=piece.parameters,
    )


def _dense(piece: Piece) -> Work:
    """A dense convolution, or a reduction, run together with the others of its form: its output is kept."""
    back = _writing(3, (2, piece.written), multiply_adds=piece.multiply_adds)
    return Work(
        forward=_writing(2, (2, piece.written), multiply_adds=piece.multiply_adds),
        alpha_backward=back,
        weight_backward=back + Counts(multiply_adds=piece.multiply_adds),
        update=_TENSOR,
        saved_values=piece.written.values + 2 * piece.parameters,
        weights=piece.parameters,
    )


def _dense_bundle(piece: Piece) -> Work:
    """What dense convolutions of one form do once: read their input; backward form its gradient and add it."""
    backward = _writing(1, (2, piece.read))
    return Work(_writing(0, (1, piece.read)), backward, backward)


def _elementwise(calls: int, written: Map) -> Work:
    """Work of so many calls that write and keep a map."""
    both = _writing(calls, (1, written))
    return Work(both, both, both, saved_values=both.values)
