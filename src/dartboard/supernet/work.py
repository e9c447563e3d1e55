"""What a step of a supernet does, counted: the same numbers on every machine."""

from dataclasses import dataclass, fields

__all__ = ["Counts", "Work"]


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
