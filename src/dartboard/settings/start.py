"""Whether a search can start at an architecture."""

from dartboard.errors import SettingsError
from dartboard.parts.recipe import Recipe, initial_live
from dartboard.parts.relaxation import PerCell
from dartboard.settings.genotype import check_member
from dartboard.space import PUBLISHED, Genotype, SearchSpace
from dartboard.wording import cell_name, listing

__all__ = ["check_start"]


def check_start(name: str, recipe: Recipe, space: SearchSpace, start: Genotype) -> None:
    """Refuse a start that a search cannot have, or that would not matter to it.

    Args:
        name: name of the method.
        recipe: its recipe.
        space: the space that is searched.
        start: the architecture at which the search would start.

    Raises:
        SettingsError: the architecture is one of another space, the method has no alpha to begin with, or leaves out
            what the architecture has.
        GenotypeError: the architecture does not fit the space.
    """
    if start.space != space.name:
        members = [known for known, genotype in PUBLISHED.items() if genotype.space == space.name]
        known = f"the members known by name are {listing(members)}" if members else "no member is known by name"
        raise SettingsError(
            f"search.start_at is an architecture of the space '{start.space}', but the search is in '{space.name}', of "
            f"which {known}; start at a member, or search the other space."
        )
    check_member(start, space)
    if any(stage.recipe.update is None or not isinstance(stage.recipe.relaxation, PerCell) for stage in recipe.stages):
        raise SettingsError(
            f"{name} learns no alpha of operations, so its search cannot start at an architecture; leave out "
            "search.start_at, or choose another method."
        )
    live, attention = initial_live(recipe.stages[0].recipe, space), ("", *recipe.mixing.attention)
    for kind, cell in start.cells:
        if cell.attention not in ("", *recipe.mixing.end):
            raise SettingsError(
                f"{name} does not search {cell.attention} at the end of cells, which the architecture in "
                f"search.start_at has in the {cell_name(kind)}; start at another one, or choose another method."
            )
        for choice in cell.choices:
            absent = "" if choice.op in live[kind][space.cell.row(choice.target, choice.source)] else choice.op
            if not absent and choice.attention not in attention:
                absent = choice.attention
            if absent:
                raise SettingsError(
                    f"{name} does not search {absent}, which the architecture in search.start_at has on the edge "
                    f"{choice.source} -> {choice.target} of the {cell_name(kind)}; start at another one, or choose "
                    "another method."
                )
