"""The settings of a method's paper, for the space and the preset of a run."""

from collections.abc import Mapping
from typing import Any

from dartboard.parts.recipe import make_recipe, published_by_place

__all__ = ["published_settings"]

_OPTIONS = "method.options."


def published_settings(
    method: str, options: Mapping[str, Any], space: str, preset: str
) -> tuple[dict[str, Any], dict[str, Any]]:
    """What the paper of a method sets, with what belongs to the space alone.

    Args:
        method: registry name of the method.
        options: the options that the user gave; they win.
        space: name of the space, with or without options.
        preset: registry name of the preset.

    Returns:
        The options of the method, and further settings by dotted names.

    Raises:
        UnknownNameError: there is no such method.
        SettingsError: an option does not fit.
        RecipeError: the options choose parts that do not fit together.
    """
    places, name = published_by_place(method), space.partition(":")[0]
    here = places.get(name, places.get(f"preset:{preset}", {}))
    own = {key.removeprefix(_OPTIONS): value for key, value in here.items() if key.startswith(_OPTIONS)}
    chosen = own | dict(options)
    everywhere = {f"search.{key}": value for key, value in make_recipe(method, chosen).published.items()}
    return chosen, everywhere | {key: value for key, value in here.items() if not key.startswith(_OPTIONS)}
