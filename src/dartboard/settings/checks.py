"""Checks that settings make sense together, before any data is read."""

import math

from dartboard.engine.stage import stage_spans
from dartboard.errors import SettingsError
from dartboard.parts.fits import check_fit
from dartboard.parts.recipe import initial_live, make_recipe
from dartboard.settings.tree import RunSettings
from dartboard.space import get_space
from dartboard.supernet import SupernetSpec

__all__ = ["check_method"]


def check_method(settings: RunSettings) -> None:
    """Refuse a method that does not fit the space or the size of the supernet; no data is needed.

    Raises:
        UnknownNameError: there is no such method or space.
        SettingsError: an option is unknown or does not fit, or the supernet cannot be built.
        RecipeError: the parts of the method do not fit together, or not the space.
    """
    recipe = make_recipe(settings.method.name, settings.method.options)
    space, size = get_space(settings.space), settings.search
    check_fit(recipe, space)
    if size.epochs is not None:
        stage_spans([stage.share for stage in recipe.stages], size.epochs)
    divisor = math.lcm(*(stage.recipe.mixing.channel_share for stage in recipe.stages))
    width = -(-size.init_channels // divisor) * divisor
    for stage in recipe.stages:
        companion = stage.recipe.companion.deeper if stage.recipe.companion else 0
        layers = space.skeleton.deepen(size.layers, stage.recipe.deeper + companion)
        plan = space.plan(in_channels=3, num_classes=2, init_channels=width, layers=layers)
        SupernetSpec(space, plan, stage.recipe.mixing).with_live(initial_live(stage.recipe, space))
    if width != size.init_channels:
        shares = " and later ".join(f"1/{stage.recipe.mixing.channel_share}" for stage in recipe.stages)
        raise SettingsError(
            f"{settings.method.name} sends {shares} of the channels through the operations, so the width must be a "
            f"multiple of {divisor}, and search.init_channels is {size.init_channels}; set "
            f"search.init_channels={width}, or other shares among the options of the method."
        )
