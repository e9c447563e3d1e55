"""The demands of a part: on the recipe that it is in, and on the space that is searched."""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from dartboard.space import SearchSpace
from dartboard.supernet import Mixing

__all__ = ["Choosy", "Demanding", "GateTraits", "Slots"]


class GateTraits(Protocol):
    """The properties of a relaxation that other parts may read; they are those of `Relaxation`."""

    @property
    def sums_to_one(self) -> bool:
        """Whether the gates of an edge (in the slot `edges`, of the edges into a node) sum to one."""
        ...

    @property
    def draws(self) -> bool:
        """Whether a step runs only the operations that it draws."""
        ...

    @property
    def draws_whole(self) -> bool:
        """Whether a weight step runs an architecture that a search can end with."""
        ...

    @property
    def on_simplex(self) -> bool:
        """Whether alpha itself is a distribution."""
        ...


class Slots(Protocol):
    """The slots of a recipe that a part may read; the attributes are those of `Recipe`.

    A part only tests the class of another part, so most slots have the type object here.
    """

    @property
    def relaxation(self) -> GateTraits:
        """How alpha becomes gates."""
        ...

    @property
    def edges(self) -> GateTraits | None:
        """How alpha becomes weights of edges; None: edges have no weights."""
        ...

    @property
    def mixing(self) -> Mixing:
        """How the gated outputs of an edge's operations join."""
        ...

    @property
    def hypernetwork(self) -> object | None:
        """Makes the weights of candidate operations; None: these weights are trained themselves."""
        ...

    @property
    def gradient(self) -> object | None:
        """Computes the gradient of alpha; None if only rules move alpha."""
        ...

    @property
    def images(self) -> str:
        """Which images alpha learns from."""
        ...

    @property
    def penalties(self) -> Sequence[object]:
        """Terms that join the loss of alpha."""
        ...

    @property
    def weight_penalties(self) -> Sequence[object]:
        """What joins the loss of the weights."""
        ...

    @property
    def perturbation(self) -> object | None:
        """Perturbs the gates of the weight step; None: the gates stay as they are."""
        ...

    @property
    def earlier(self) -> Sequence[object]:
        """Stages before this one."""
        ...


@runtime_checkable
class Demanding(Protocol):
    """A part that does not fit every other part."""

    def refuse_recipe(self, recipe: Slots) -> str:
        """Why the part does not fit this recipe, as a sentence without a full stop; empty if it fits.

        A remedy may follow after a semicolon; otherwise the error tells the user to leave the part out, or to choose
        parts that agree.
        """
        ...


@runtime_checkable
class Choosy(Protocol):
    """A part that does not fit every space."""

    def refuse(self, space: SearchSpace) -> str:
        """Why the part does not fit this space, as a sentence without a full stop; empty if it fits."""
        ...
