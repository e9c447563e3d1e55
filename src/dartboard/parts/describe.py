"""Recipes as text: which part fills which slot."""

from dataclasses import MISSING, fields, is_dataclass

from dartboard.parts.recipe import Recipe
from dartboard.wording import percent

__all__ = ["describe_part", "describe_recipe"]

_HIDDEN = ("earlier", "published", "published_in", "published_steps", "restarts_rate", "smallest")
"""Fields of a recipe that are no slots for parts; earlier stages are described separately."""


def describe_recipe(recipe: Recipe) -> list[dict[str, str]]:
    """For every stage its slots as text; slots that are empty or have no effect are left out.

    Returns:
        One mapping per stage: slot -> its part, with the fields that differ from the part's defaults, such as
        {"relaxation": "Softmax", "update": "AdamUpdate(lr=0.0006)"}. If there are several stages, each also has its
        share of the "epochs".
    """
    stages = recipe.stages
    described = []
    for stage in stages:
        slots = {
            field.name: describe_part(getattr(stage.recipe, field.name))
            for field in fields(Recipe)
            if field.name not in _HIDDEN and not _is_unused(getattr(stage.recipe, field.name))
        }
        if stage.pruning is not None:
            slots["pruning"] = describe_part(stage.pruning)
        described.append({"epochs": percent(stage.share, digits=0), **slots} if len(stages) > 1 else slots)
    return described


def describe_part(part: object) -> str:
    """A part as text: its class and the fields that differ from their defaults; a tuple of parts as a list of texts.

    >>> from dartboard.parts import AdamUpdate
    >>> describe_part(AdamUpdate(lr=0.1))
    'AdamUpdate(lr=0.1)'
    """
    if isinstance(part, tuple):
        return ", ".join(describe_part(each) for each in part)
    if not is_dataclass(part):
        return part if isinstance(part, str) else f"{part:g}" if isinstance(part, float) else str(part)
    changed = [
        f"{field.name}={describe_part(getattr(part, field.name))}"
        for field in fields(part)
        if field.default is MISSING or getattr(part, field.name) != field.default
    ]
    return type(part).__name__ + (f"({', '.join(changed)})" if changed else "")


def _is_unused(part: object) -> bool:
    """Whether a slot is empty or has no effect: a factor of one, or the default mixing."""
    if isinstance(part, float):
        return part == 1
    return part in (None, (), 0) or (is_dataclass(part) and describe_part(part) == "Mixing")
