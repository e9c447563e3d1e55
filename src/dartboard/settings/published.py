"""The settings of a method's paper, for the space and the preset of a run."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from dartboard.parts.recipe import Recipe
from dartboard.space import SearchSpace

__all__ = ["OPTION", "Published", "published_in"]

OPTION = "method.options."
"""What the dotted names of a method's options begin with."""


class Published(NamedTuple):
    """What a method sets by itself.

    Attributes:
        settings: settings by dotted names.
        options: options of the method.
    """

    settings: Mapping[str, Any]
    options: Mapping[str, Any]


def published_in(space: SearchSpace, recipe: Recipe, preset: str = "") -> Published:
    """What the paper of a method sets in a space, and under a preset."""
    places = (f"preset:{preset}", space.name.partition(":")[0])
    named = dict(recipe.published)
    for place in places:
        named |= recipe.published_in.get(place, {})
    plain = {
        name if "." in name else f"search.{name}": list(value) if isinstance(value, tuple) else value
        for name, value in named.items()
    }
    options = {name.removeprefix(OPTION): value for name, value in plain.items() if name.startswith(OPTION)}
    return Published({name: value for name, value in plain.items() if not name.startswith(OPTION)}, options)
