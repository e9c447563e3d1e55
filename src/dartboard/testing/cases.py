"""What a method needs in the searches of its contract, and what about it is shown elsewhere."""

import inspect
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, get_args, get_origin, get_type_hints

from dartboard.errors import RecipeError
from dartboard.parts import METHODS, NoTraining, Recipe
from dartboard.parts.fits import check_fit
from dartboard.parts.recipe import make_recipe
from dartboard.space import SearchSpace
from dartboard.testing.planted import PLANTED, PLANTED_PAIRS, Planted

__all__ = ["Change", "MethodCase"]

_FAST_ALPHA_LR = 0.03
"""A hundred times the papers' rate: 40 steps instead of thousands."""


class Change(NamedTuple):
    """An option of a method with another value than its default."""

    option: str
    value: object

    @property
    def name(self) -> str:
        """As pytest shows it."""
        return f"{self.option}={self.value}"


@dataclass(frozen=True, eq=False)
class MethodCase:
    """A method under its contract.

    Attributes:
        name: of the method in the registry.
        options: of its small searches, on images of 8x8 pixels in a space of two nodes.
        epochs: of them; None: two for every stage, one in which alpha may rest and one in which it learns.
        planted: the problem in which it finds what is planted; None: `PLANTED`, or `PLANTED_PAIRS` where the method
            refuses that one's space.
        planted_options: with which it finds it, besides an `alpha_lr` of 0.03 if the method has that option.
        planted_epochs: in which it finds it, of 20 steps each; None: two for every stage.
        follows_alpha: whether the gradient of alpha decides what is found; not so where the selection tries what the
            supernet is without an operation, or architectures.
        values: option -> other values that must change the search; otherwise three times the default, or what a Literal
            or a bool can be besides.
        shows_with: option -> settings of the run that both searches need for the option to matter.
        shown_elsewhere: option -> where else its effect is tested, for one that decides when a search stops or what
            comes out of it, not how alpha moves.
        waits: names of source files in which a step waits for an accelerator, as it must to know what it has drawn.
        draws: whether steps differ in what they draw, so that they cannot be repeated from a recording.
    """

    name: str
    options: Mapping[str, Any] = field(default_factory=dict)
    epochs: int | None = None
    planted: Planted | None = None
    planted_options: Mapping[str, Any] = field(default_factory=dict)
    planted_epochs: int | None = None
    follows_alpha: bool = True
    values: Mapping[str, Sequence[object]] = field(default_factory=dict)
    shows_with: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    shown_elsewhere: Mapping[str, str] = field(default_factory=dict)
    waits: Sequence[str] = ()
    draws: bool = False

    @property
    def recipe(self) -> Recipe:
        """The method by its defaults."""
        return make_recipe(self.name, {})

    @property
    def option_defaults(self) -> dict[str, object]:
        """Every option and its default."""
        parameters = inspect.signature(METHODS[self.name].factory).parameters
        return {name: parameter.default for name, parameter in parameters.items()}

    @property
    def trains(self) -> bool:
        """Whether a supernet is trained; what learns nothing cannot find what is planted."""
        return not any(isinstance(rule, NoTraining) for rule in self.recipe.rules)

    @property
    def learns_alpha(self) -> bool:
        """Whether what is found hangs on a gradient of alpha."""
        return self.follows_alpha and self.recipe.gradient is not None

    @property
    def num_epochs(self) -> int:
        """Of its small searches."""
        return self.epochs or 2 * len(self.recipe.stages)

    @property
    def num_planted_epochs(self) -> int:
        """Of its search for what is planted."""
        return self.planted_epochs or 2 * len(self.recipe.stages)

    @property
    def planted_problem(self) -> Planted:
        """The problem in which it finds what is planted."""
        return self.planted or (PLANTED_PAIRS if self.refusal(PLANTED.space) else PLANTED)

    @property
    def planted_recipe(self) -> Recipe:
        """The method as it finds what is planted."""
        moves_fast = self.recipe.gradient is not None and "alpha_lr" in self.option_defaults
        fast = {"alpha_lr": _FAST_ALPHA_LR} if moves_fast else {}
        return make_recipe(self.name, {**fast, **self.planted_options})

    @property
    def settings(self) -> dict[str, Any]:
        """Of its small searches."""
        options = {f"method.options.{option}": value for option, value in self.options.items()}
        return {"method.name": self.name, "search.epochs": self.num_epochs, **options}

    def refusal(self, space: SearchSpace) -> str:
        """Why the method makes no sense in a space; empty where it does."""
        try:
            check_fit(self.recipe, space)
        except RecipeError as error:
            return str(error)
        return ""

    def changes(self) -> Iterator[Change]:
        """Every option whose effect on alpha is not shown elsewhere, with other values.

        Raises:
            TypeError: the case must say how an option changes.
        """
        kinds = get_type_hints(METHODS[self.name].factory)
        for option, default in self.option_defaults.items():
            if option not in self.shown_elsewhere:
                others = self.values.get(option) or _other_values(option, kinds[option], default)
                yield from (Change(option, value) for value in others)


def _other_values(option: str, kind: object, value: object) -> list[object]:
    """Values of an option other than its default."""
    if get_origin(kind) is Literal:
        return [other for other in get_args(kind) if other != value]
    if isinstance(value, bool):
        return [not value]
    if isinstance(value, tuple):
        return [tuple(entry * 0.5 for entry in value)]
    if not isinstance(value, (int, float)):
        raise TypeError(f"nothing says how the option {option} of type {kind} changes; give MethodCase its `values`.")
    return [value * 3 if value else 0.5]
