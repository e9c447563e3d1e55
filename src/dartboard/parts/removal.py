"""Stages that select: a recipe whose supernet goes on learning while its edges are decided."""

from dataclasses import replace

from dartboard.parts.recipe import Recipe, Stage
from dartboard.parts.rules import ByRemoval, DecideByRemoval, Measure, WarmUp

__all__ = ["learning_on", "removal_stage", "select_by_removal"]


def select_by_removal(search: Recipe, share: float, measure: Measure) -> Recipe:
    """A search with a further last stage that decides operations and edges by what the supernet is without them.

    Args:
        search: of one stage.
        share: of the epochs that the last stage has.
        measure: what tells how good a supernet is on validation images.
    """
    first = Stage(search, 1 - share, leaves="weights")
    return replace(removal_stage(search, measure), earlier=(first,))


def removal_stage(search: Recipe, measure: Measure = "accuracy") -> Recipe:
    """What goes on with a supernet that `search` has trained, and decides its edges (DARTS-PT, arXiv:2108.04392).

    See `learning_on` for how it learns.
    """
    going_on = learning_on(search)
    return replace(going_on, rules=(*going_on.rules, DecideByRemoval(ByRemoval(measure))))


def learning_on(search: Recipe) -> Recipe:
    """What goes on with a supernet that `search` has trained, as DARTS-PT does (arXiv:2108.04392).

    The weights learn on at a tenth of the rate, alpha as before; rules of the search have had their say, but for those
    that move alpha.
    """
    # Whatever warm-up the settings ask of a search, alpha has had it.
    rules = (WarmUp(0.0), *(rule for rule in search.rules if rule.moves_alpha))
    return replace(search, rules=rules, earlier=(), weight_lr_factor=0.1, restarts_rate=True)
