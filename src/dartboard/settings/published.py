"""The settings of a method's paper as layers: in a space, and where a preset is small on purpose."""

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

from dartboard.engine.schedule import stage_spans
from dartboard.engine.settings import SearchSettings
from dartboard.parts.recipe import Recipe
from dartboard.space import SearchSpace

__all__ = ["OPTION", "Published", "published_in", "published_steps", "smallest_in"]

OPTION = "method.options."
"""What the dotted names of a method's options begin with."""

_SEARCH = "search."


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
    places = (f"preset:{preset}", space.family)
    further = (recipe.published_in.get(place, {}) for place in places if place)
    return _parted({name: value for each in (recipe.published, *further) for name, value in each.items()})


def smallest_in(space: SearchSpace, recipe: Recipe) -> Published:
    """What a method sets in a space under a preset that is small on purpose, whatever the preset says."""
    return _parted({**recipe.smallest.get("", {}), **recipe.smallest.get(space.family, {})})


_CIFAR_IMAGES = 50_000
"""Images of CIFAR-10 that the papers search on."""

_ON_ALL = ("same-images", "same-batch")
"""Where alpha learns from all of them, not from a half."""


def published_steps(space: SearchSpace, recipe: Recipe, preset: str = "") -> tuple[int, ...]:
    """Steps of alpha in every stage of the search that the paper of a method has in a space.

    Where the method does not say so itself, they are those of the published epochs and batches on CIFAR-10.
    """
    own = published_in(space, recipe, preset).settings
    settings = SearchSettings(**{name.removeprefix(_SEARCH): own[name] for name in own if name.startswith(_SEARCH)})
    assert settings.epochs is not None
    spans = stage_spans([stage.share for stage in recipe.stages], settings.epochs)
    steps = []
    for stage, (first, end) in zip(recipe.stages, spans, strict=True):
        images = _CIFAR_IMAGES if stage.recipe.images in _ON_ALL else _CIFAR_IMAGES // 2
        derived = stage.recipe.alpha_steps(end - first, math.ceil(images / settings.batch_size))
        steps.append(derived if stage.recipe.published_steps is None else stage.recipe.published_steps)
    return tuple(steps)


def _parted(named: Mapping[str, Any]) -> Published:
    plain = {
        name if "." in name else f"{_SEARCH}{name}": list(value) if isinstance(value, tuple) else value
        for name, value in named.items()
    }
    options = {name.removeprefix(OPTION): value for name, value in plain.items() if name.startswith(OPTION)}
    return Published({name: value for name, value in plain.items() if not name.startswith(OPTION)}, options)
