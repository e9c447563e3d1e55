"""What a part may demand: of the recipe that it stands in, and of the space that is searched."""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from dartboard.space import SearchSpace
from dartboard.supernet import Mixing

__all__ = ["Choosy", "Demanding", "GateTraits", "Slots"]


class GateTraits(Protocol):
    """What other parts may ask of a relaxation; the attributes are those of `Relaxation`."""

    @property
    def sums_to_one(self) -> bool:
        """Whether gates are shares of one."""
        ...

    @property
    def draws(self) -> bool:
        """Whether a step runs only the operations that it draws."""
        ...

    @property
    def draws_whole(self) -> bool:
        """Whether a step of the weights runs a complete discrete architecture, one that a search can end with."""
        ...

    @property
    def on_simplex(self) -> bool:
        """Whether alpha itself is shares of one."""
        ...


class Slots(Protocol):
    """The slots of a recipe, as a part in one of them looks at the others; the attributes are those of `Recipe`.

    A part asks of which class another is, so that most slots hold just an object here.
    """

    @property
    def relaxation(self) -> GateTraits:
        """How alpha becomes gates."""
        ...

    @property
    def edges(self) -> GateTraits | None:
        """How the weights of edges come about; None: edges have none."""
        ...

    @property
    def mixing(self) -> Mixing:
        """How the gated outputs of an edge's operations join."""
        ...

    @property
    def hypernetwork(self) -> object | None:
        """Makes the weights of candidate operations; None: they learn on their own."""
        ...

    @property
    def gradient(self) -> object | None:
        """Gives the gradient of alpha; None where there is none."""
        ...

    @property
    def images(self) -> str:
        """Which images alpha learns from."""
        ...

    @property
    def penalties(self) -> Sequence[object]:
        """What joins the loss of alpha."""
        ...

    @property
    def earlier(self) -> Sequence[object]:
        """Stages before this one."""
        ...


@runtime_checkable
class Demanding(Protocol):
    """A part that does not fit every other part."""

    def refuse_recipe(self, recipe: Slots) -> str:
        """Why it makes no sense in this one, as a sentence that ends without a full stop; empty where it does.

        What to do may follow a semicolon; otherwise the user is told to leave the part out, or to choose others.
        """
        ...


@runtime_checkable
class Choosy(Protocol):
    """A part that does not fit every space."""

    def refuse(self, space: SearchSpace) -> str:
        """Why it makes no sense in this one, as a sentence that ends without a full stop; empty where it does."""
        ...
