"""Whether the parts of a method fit a space."""

from dartboard.errors import RecipeError, SettingsError
from dartboard.parts.demands import Choosy
from dartboard.parts.recipe import Recipe, initial_live
from dartboard.space import SearchSpace
from dartboard.wording import cell_name

__all__ = ["check_fit", "does_fit"]


def check_fit(recipe: Recipe, space: SearchSpace) -> None:
    """Refuse a recipe that does not fit a space.

    Raises:
        RecipeError: the method leaves out every operation of an edge, it needs a deeper supernet and the space has a
            fixed number of cells, or one of its parts does not fit the space.
    """
    for stage in recipe.stages:
        space.skeleton.deepen(space.small_size[1], stage.recipe.deeper)
        for kind, edges in initial_live(stage.recipe, space).items():
            for edge, names in zip(space.cell.edges, edges, strict=True):
                if not names:
                    raise RecipeError(
                        f"the method leaves out every operation that the edge {edge.source} -> {edge.target} of the "
                        f"{cell_name(kind)} has in '{space.name}'; choose another space."
                    )
        for part in stage.recipe.parts:
            if isinstance(part, Choosy) and (reason := part.refuse(space)):
                remedy = "" if ";" in reason else f"; choose another method, or another space than '{space.name}'"
                raise RecipeError(f"{reason}{remedy}.")


def does_fit(recipe: Recipe, space: SearchSpace) -> bool:
    """Whether a recipe fits a space."""
    try:
        check_fit(recipe, space)
    except (RecipeError, SettingsError):
        return False
    return True
