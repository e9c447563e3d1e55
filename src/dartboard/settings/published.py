"""The settings of a method's paper as layers: in a space, and where a preset is small on purpose."""

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

from dartboard.engine.settings import SearchSettings
from dartboard.engine.stage import stage_spans
from dartboard.parts.recipe import Recipe
from dartboard.space import SearchSpace

__all__ = ["OPTION", "Published", "published_in", "published_steps", "smallest_in"]

OPTION = "method.options."
"""What the dotted names of a method's options begin with."""


class Published(NamedTuple):
    """What a method sets by itself.

    Attributes:
        settings: settings of the search, by dotted names.
        options: options of the method.
    """

    settings: Mapping[str, Any]
    options: Mapping[str, Any]


def published_in(space: SearchSpace, recipe: Recipe, preset: str = "") -> Published:
    """What the paper of a method sets in a space, and with the data that a preset is made for."""
    under, family = recipe.published_in.get(f"preset:{preset}", {}), recipe.published_in.get(space.family or "", {})
    return _parted({**recipe.published, **under, **family})


def smallest_in(space: SearchSpace, recipe: Recipe) -> Published:
    """What a method sets in a space under a preset that is small on purpose, whatever the preset says."""
    return _parted({**recipe.smallest.get("", {}), **recipe.smallest.get(space.family, {})})


_CIFAR_IMAGES = 50_000
"""Images of CIFAR-10 that the papers search on."""


def published_steps(space: SearchSpace, recipe: Recipe) -> tuple[int, ...]:
    """Steps of alpha in every stage of the search that the paper of a method has in a space.

    Where the method does not say so itself, they are those of the published epochs and batches on CIFAR-10.
    """
    own = {name.removeprefix("search."): value for name, value in published_in(space, recipe).settings.items()}
    settings = SearchSettings(**own)
    assert settings.epochs is not None
    spans = stage_spans([stage.share for stage in recipe.stages], settings.epochs)
    steps = []
    for stage, (first, end) in zip(recipe.stages, spans, strict=True):
        sees_all = stage.recipe.images in ("same-images", "same-batch")
        images = _CIFAR_IMAGES if sees_all else _CIFAR_IMAGES // 2
        derived = stage.recipe.alpha_steps(end - first, math.ceil(images / settings.batch_size))
        steps.append(derived if stage.recipe.published_steps is None else stage.recipe.published_steps)
    return tuple(steps)


def _parted(named: Mapping[str, Any]) -> Published:
    plain = {name: list(value) if isinstance(value, tuple) else value for name, value in named.items()}
    options = {name.removeprefix(OPTION): value for name, value in plain.items() if name.startswith(OPTION)}
    named = {name if "." in name else f"search.{name}": value for name, value in plain.items()}
    return Published({name: value for name, value in named.items() if not name.startswith(OPTION)}, options)
