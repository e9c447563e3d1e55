"""The loop that every search runs, and what it works on."""

from dartboard.engine.finished.analyses.discretisation import Discretisation
from dartboard.engine.finished.analyses.protocol import (
    ANALYSES,
    Analysis,
    Measurement,
    analysis,
    make_analysis,
    run_analysis,
)
from dartboard.engine.finished.analyses.shuffling import Shuffling
from dartboard.engine.finished.proposals import propose
from dartboard.engine.finished.reselection import RESELECTIONS, Reselection, make_reselection, reselection
from dartboard.engine.finished.search import FinishedSearch
from dartboard.engine.finished.seed_choice import CHOICE_RULES, ChoiceRule, SeedChoice, SeedOutcome, choice_rule
from dartboard.engine.loop import run_reselection, run_search
from dartboard.engine.problem import SearchBatches, SearchProblem, SupernetRequest
from dartboard.engine.settings import SearchSettings
from dartboard.engine.stage import StageSearch, judging_share, stage_spans
from dartboard.engine.state import SearchState

__all__ = [
    "ANALYSES",
    "CHOICE_RULES",
    "RESELECTIONS",
    "Analysis",
    "ChoiceRule",
    "Discretisation",
    "FinishedSearch",
    "Measurement",
    "Reselection",
    "SearchBatches",
    "SearchProblem",
    "SearchSettings",
    "SearchState",
    "SeedChoice",
    "SeedOutcome",
    "Shuffling",
    "StageSearch",
    "SupernetRequest",
    "analysis",
    "choice_rule",
    "judging_share",
    "make_analysis",
    "make_reselection",
    "propose",
    "reselection",
    "run_analysis",
    "run_reselection",
    "run_search",
    "stage_spans",
]
