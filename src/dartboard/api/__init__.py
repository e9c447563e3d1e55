"""The story in code: search, train, test, report. The command line calls these functions and nothing else.

Every verb takes the same words: `data` comes first, then layers of settings; `out` names the run directory, `resume`
goes on with the run that it holds, and `observer` hears of progress. All raise `DartboardError`, whose message is one
sentence for the user.
"""

import dartboard.methods  # noqa: F401 - importing registers the methods
from dartboard.api.comparison import compare
from dartboard.api.finished import analyse, export, predict, predict_in_memory, report, select
from dartboard.api.listing import (
    describe,
    list_analyses,
    list_baselines,
    list_choice_rules,
    list_methods,
    list_operations,
    list_presets,
    list_sections,
    list_selections,
    list_spaces,
)
from dartboard.api.runs import plan, run, search, train

__all__ = [
    "analyse",
    "compare",
    "describe",
    "export",
    "list_analyses",
    "list_baselines",
    "list_choice_rules",
    "list_methods",
    "list_operations",
    "list_presets",
    "list_sections",
    "list_selections",
    "list_spaces",
    "plan",
    "predict",
    "predict_in_memory",
    "report",
    "run",
    "search",
    "select",
    "train",
]
