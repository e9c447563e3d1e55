"""What it takes to run a search on a problem of one's own, and to add a selection, an analysis or a rule of choice.

Everything else imports from the module that defines a name.
"""

from dartboard.engine.finished.analyses.protocol import ANALYSES, Analysis, Findings, Measurement, analysis
from dartboard.engine.finished.reselection import RESELECTIONS, Reselection, reselection
from dartboard.engine.finished.search import FinishedSearch
from dartboard.engine.finished.seed_choice import CHOICE_RULES, ChoiceRule, choice_rule
from dartboard.engine.loop import run_search
from dartboard.engine.problem import SearchBatches, SearchProblem, SupernetRequest
from dartboard.engine.settings import SearchSettings
from dartboard.engine.stage import StageSearch
from dartboard.engine.watches.protocol import WATCHES, Chart, Observation, Probes, Seen, Watch, watch

__all__ = [
    "ANALYSES",
    "CHOICE_RULES",
    "RESELECTIONS",
    "WATCHES",
    "Analysis",
    "Chart",
    "ChoiceRule",
    "Findings",
    "FinishedSearch",
    "Measurement",
    "Observation",
    "Probes",
    "Reselection",
    "SearchBatches",
    "SearchProblem",
    "SearchSettings",
    "Seen",
    "StageSearch",
    "SupernetRequest",
    "Watch",
    "analysis",
    "choice_rule",
    "reselection",
    "run_search",
    "watch",
]
