"""Cases tell a contract what a method needs in its searches, and which effects other tests show."""

import inspect
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import product
from typing import Any, Literal, NamedTuple, get_args, get_origin, get_type_hints

from dartboard.errors import RecipeError
from dartboard.parts import METHODS, NoTraining, Recipe
from dartboard.parts.fits import check_fit
from dartboard.parts.recipe import make_recipe
from dartboard.space import SearchSpace
from dartboard.testing.planted import PLANTED, PLANTED_PAIRS, Planted

__all__ = ["Change", "MethodCase"]

_FAST_ALPHA_LR = 0.03
"""A hundred times the rate of the papers, so that 40 steps suffice instead of thousands."""


class Change(NamedTuple):
    """An option of a method with another value than its default."""

    option: str
    value: object

    @property
    def name(self) -> str:
        """The name that pytest shows."""
        return f"{self.option}={self.value}"


@dataclass(frozen=True, eq=False)
class MethodCase:
    """A method that a contract tests, with all that it needs for the checks.

    Attributes:
        name: name of the method in the registry.
        options: options of the small searches, on images of 8x8 pixels in a space of two nodes.
        epochs: epochs of the small searches. None: two for every stage; alpha may rest in the first and learns in the
            second.
        planted: the planted problem that the method must solve. None: `PLANTED`, or `PLANTED_PAIRS` if the method
            refuses the space of `PLANTED`.
        planted_options: options for the planted problem. In addition `alpha_lr` is 0.03, if the method has that option
            and a gradient.
        planted_epochs: epochs for the planted problem, of 20 steps each; None: two for every stage.
        follows_alpha: whether the gradient of alpha decides which operations are found. It does not if the selection
            tries architectures, or scores the supernet without an operation.
        values: option -> other values that must change the search. Without an entry, a number is multiplied by 3 (0
            becomes 0.5), the numbers of a tuple are halved, and a bool or Literal takes each of its other values.
        shows_with: option -> settings that both searches need so that the option has an effect.
        shown_elsewhere: option -> the test that shows its effect, for an option that does not change how alpha moves:
            it decides when a search stops, or how the architecture is chosen.
        waits: names of source files in which a step has to wait for an accelerator, to learn which operations it has
            drawn.
        draws: whether the steps draw different operations, so that a recording cannot repeat them.
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
        """The recipe of the method with its default options."""
        return make_recipe(self.name, {})

    @property
    def option_defaults(self) -> dict[str, object]:
        """Every option and its default."""
        parameters = inspect.signature(METHODS[self.name].factory).parameters
        return {name: parameter.default for name, parameter in parameters.items()}

    @property
    def trains(self) -> bool:
        """Whether the method trains a supernet; without training it cannot find planted operations."""
        recipe = self.recipe
        return recipe.discrete is None and not any(isinstance(rule, NoTraining) for rule in recipe.rules)

    @property
    def heeds_labels(self) -> bool:
        """Whether the operations that are found depend on the labels; else the method cannot find planted ones."""
        return self.trains and not any(rule.ignores_labels for rule in self.recipe.rules)

    @property
    def learns_alpha(self) -> bool:
        """Whether the operations that are found depend on a gradient of alpha."""
        return self.follows_alpha and self.recipe.gradient is not None

    @property
    def num_epochs(self) -> int:
        """Number of epochs of the small searches."""
        return self.epochs or 2 * len(self.recipe.stages)

    @property
    def num_planted_epochs(self) -> int:
        """Number of epochs of the search for planted operations."""
        return self.planted_epochs or 2 * len(self.recipe.stages)

    @property
    def planted_problem(self) -> Planted:
        """The planted problem that the method must solve."""
        return self.planted or (PLANTED_PAIRS if self.refusal(PLANTED.space) else PLANTED)

    @property
    def planted_recipe(self) -> Recipe:
        """The recipe with which the method must solve the planted problem."""
        moves_fast = self.recipe.gradient is not None and "alpha_lr" in self.option_defaults
        fast = {"alpha_lr": _FAST_ALPHA_LR} if moves_fast else {}
        return make_recipe(self.name, {**fast, **self.planted_options})

    @property
    def settings(self) -> dict[str, Any]:
        """Settings of the small searches."""
        options = {f"method.options.{option}": value for option, value in self.options.items()}
        return {"method.name": self.name, "search.epochs": self.num_epochs, **options}

    def refusal(self, space: SearchSpace) -> str:
        """Why the method does not fit a space, as a sentence; empty if it fits."""
        try:
            check_fit(self.recipe, space)
        except RecipeError as error:
            return str(error)
        return ""

    def idle_options(self) -> list[dict[str, object]]:
        """Options with values beside which one of them changes no part of the recipe, so that it must be refused.

        Each option is given another value than its default, alone and beside another value of every other option.
        """
        factory, kinds = METHODS[self.name].factory, get_type_hints(METHODS[self.name].factory)
        values = {
            option: self.values.get(option) or _known_values(option, kinds[option], default)
            for option, default in self.option_defaults.items()
        }
        idle: list[dict[str, object]] = []
        for first, second in product(({}, *_single(values)), _single(values)):
            if not first.keys() & second.keys():
                with suppress(RecipeError):  # such a recipe is refused already
                    if factory(**first) == factory(**first, **second):
                        idle.append({**first, **second})
        return idle

    def changes(self) -> Iterator[Change]:
        """Other values of every option, except options in `shown_elsewhere`.

        Raises:
            TypeError: `values` has no entry for an option, and the option's type gives no other value.
        """
        kinds = get_type_hints(METHODS[self.name].factory)
        for option, default in self.option_defaults.items():
            if option not in self.shown_elsewhere:
                others = self.values.get(option) or _other_values(option, kinds[option], default)
                yield from (Change(option, value) for value in others)


def _single(values: Mapping[str, Sequence[object]]) -> Iterator[dict[str, object]]:
    return ({option: value} for option, own in values.items() for value in own)


def _known_values(option: str, kind: object, default: object) -> list[object]:
    try:
        return _other_values(option, kind, default)
    except TypeError:
        return []


def _other_values(option: str, kind: object, value: object) -> list[object]:
    """Values of an option other than its default."""
    if get_origin(kind) is Literal:
        return [other for other in get_args(kind) if other != value]
    if isinstance(value, bool):
        return [not value]
    if isinstance(value, tuple):
        return [tuple(entry * 0.5 for entry in value)]
    if not isinstance(value, (int, float)):
        raise TypeError(f"no other value is known for the option {option} of type {kind}; add it to MethodCase.values.")
    return [value * 3 if value else 0.5]
