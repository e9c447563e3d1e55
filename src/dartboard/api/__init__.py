"""The Python API: search, train, test, report. The command line calls only these functions.

The functions share their arguments: `data` comes first, then layers of settings; `out` names the run directory,
`resume` continues the run in it, and `observer` is told about progress. All functions raise `DartboardError` with a
message of one sentence for the user.
"""

import dartboard.methods  # noqa: F401 - importing registers the methods
from dartboard.api.comparison import compare
from dartboard.api.finished import analyse, report, select
from dartboard.api.listing import (
    describe,
    list_analyses,
    list_baselines,
    list_choice_rules,
    list_methods,
    list_operations,
    list_presets,
    list_proxies,
    list_sections,
    list_selections,
    list_settings,
    list_spaces,
    list_studies,
    list_watches,
)
from dartboard.api.pareto import pareto
from dartboard.api.runs import plan, run, search, train
from dartboard.api.scores import score
from dartboard.api.studies import plan_of_study, study
from dartboard.api.tables import published, query
from dartboard.api.trained import evaluate, export, load, predict, predict_in_memory
from dartboard.api.upkeep import cached, clean_cache, examine, list_runs

__all__ = [
    "analyse",
    "cached",
    "clean_cache",
    "compare",
    "describe",
    "evaluate",
    "examine",
    "export",
    "list_analyses",
    "list_baselines",
    "list_choice_rules",
    "list_methods",
    "list_operations",
    "list_presets",
    "list_proxies",
    "list_runs",
    "list_sections",
    "list_selections",
    "list_settings",
    "list_spaces",
    "list_studies",
    "list_watches",
    "load",
    "pareto",
    "plan",
    "plan_of_study",
    "predict",
    "predict_in_memory",
    "published",
    "query",
    "report",
    "run",
    "score",
    "search",
    "select",
    "study",
    "train",
]
