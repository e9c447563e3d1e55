"""The parts of a search and the one loop that runs them."""

from dartboard.search.gradient import Bilevel, FirstOrder, SgdStep, Unrolled
from dartboard.search.loop import SearchLength, SearchProblem, run_search
from dartboard.search.recipe import METHODS, NonNegative, Recipe, make_recipe, method
from dartboard.search.relaxation import Relaxation, Softmax
from dartboard.search.rules import NoTraining, Rule, WarmUp
from dartboard.search.selection import StrongestEdges, UniformlyRandom
from dartboard.search.settings import SearchSettings
from dartboard.search.state import SearchState
from dartboard.search.update import AdamUpdate, Update

__all__ = [
    "METHODS",
    "AdamUpdate",
    "Bilevel",
    "FirstOrder",
    "NoTraining",
    "NonNegative",
    "Recipe",
    "Relaxation",
    "Rule",
    "SearchLength",
    "SearchProblem",
    "SearchSettings",
    "SearchState",
    "SgdStep",
    "Softmax",
    "StrongestEdges",
    "UniformlyRandom",
    "Unrolled",
    "Update",
    "WarmUp",
    "make_recipe",
    "method",
    "run_search",
]
