"""Stages that decide edges, while a trained supernet goes on learning."""

from dataclasses import replace

from dartboard.parts.recipe import Recipe, Stage
from dartboard.parts.rules import ByRemoval, DecideByRemoval, WarmUp
from dartboard.parts.trials import Measure

__all__ = ["learning_on", "removal_stage", "select_by_removal"]


def select_by_removal(search: Recipe, share: float, measure: Measure) -> Recipe:
    """A search with an added last stage; it decides operations and edges by the supernet's quality without them.

    Args:
        search: a recipe with one stage.
        share: share of the epochs for the last stage.
        measure: the measure of the supernet's quality on validation images.
    """
    first = Stage(search, 1 - share, leaves="weights")
    return replace(removal_stage(search, measure), earlier=(first,))


def removal_stage(search: Recipe, measure: Measure = "accuracy") -> Recipe:
    """A stage that decides the edges of the supernet that `search` has trained (DARTS-PT, arXiv:2108.04392).

    Meanwhile the weights learn on at a tenth of their rate, and alpha learns as before (`learning_on`).
    """
    going_on = learning_on(search)
    return replace(going_on, rules=(*going_on.rules, DecideByRemoval(ByRemoval(measure))))


def learning_on(search: Recipe) -> Recipe:
    """A stage that trains the supernet of `search` further, as DARTS-PT does (arXiv:2108.04392).

    The weights learn on at a tenth of their rate, and alpha learns as before. Of the rules of the search, the stage
    keeps only those that move alpha.
    """
    # The first stage has already given alpha the warm-up that the settings ask for.
    rules = (WarmUp(0.0), *(rule for rule in search.rules if rule.moves_alpha))
    return replace(search, rules=rules, earlier=(), weight_lr_factor=0.1, restarts_rate=True)
