"""A method as data: which part fills which slot."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any

from pydantic import Field, ValidationError, validate_call

from dartboard.errors import RecipeError, SettingsError, suggest
from dartboard.registry import Registry
from dartboard.search.gradient import Gradient
from dartboard.search.relaxation import Relaxation, Softmax
from dartboard.search.rules import Rule
from dartboard.search.selection import Selection, StrongestEdges
from dartboard.search.update import Update

__all__ = ["METHODS", "NonNegative", "Recipe", "make_recipe", "method"]

NonNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
"""Type of a method's option that must be finite and not below 0; `make_recipe` checks it."""


@dataclass(frozen=True)
class Recipe:
    """A search method: one part per slot.

    Attributes:
        relaxation: how alpha becomes gates.
        gradient: what d loss / d alpha is; None leaves alpha as it starts.
        update: how alpha moves; given exactly when there is a gradient.
        rules: what happens when, in this order.
        selection: which genotype comes out.

    Raises:
        RecipeError: the parts do not fit together.
    """

    relaxation: Relaxation = field(default_factory=Softmax)
    gradient: Gradient | None = None
    update: Update | None = None
    rules: tuple[Rule, ...] = ()
    selection: Selection = field(default_factory=StrongestEdges)

    def __post_init__(self) -> None:
        if (self.gradient is None) != (self.update is None):
            given, missing = ("gradient", "update") if self.update is None else ("update", "gradient")
            raise RecipeError(
                f"the recipe has a {given} but no {missing}; alpha moves only with both, so give both or none"
            )


METHODS: Registry[Callable[..., Recipe]] = Registry("method", "dartboard.methods")


def method(name: str, *, paper: str = "") -> Callable[[Callable[..., Recipe]], Callable[..., Recipe]]:
    """Register the decorated function as the method `name`; its keyword arguments are the method's options."""

    def register(factory: Callable[..., Recipe]) -> Callable[..., Recipe]:
        METHODS.add(name, factory, paper=paper)
        return factory

    return register


def make_recipe(name: str, options: Mapping[str, Any]) -> Recipe:
    """The recipe of a method.

    Args:
        name: registry name.
        options: the method's options.

    Raises:
        UnknownNameError: there is no such method.
        SettingsError: the method has no option of that name, or the value does not fit.
    """
    factory = METHODS[name].factory
    known = inspect.signature(factory).parameters
    for key in options:
        if key not in known:
            hint = suggest(key, known) if known else "it has none."
            raise SettingsError(f"the method '{name}' has no option '{key}'; {hint}")
    try:
        return validate_call(factory)(**options)
    except ValidationError as error:
        detail = error.errors()[0]
        raise SettingsError(
            f"the option '{detail['loc'][0]}' of the method '{name}' cannot be {detail['input']!r}: {detail['msg']}."
        ) from error
