"""dartboard: differentiable neural architecture search on images, from a dataset to a tested network.

>>> import dartboard
>>> result = dartboard.run("photographs/", {"space": "darts", "seed": 1})  # doctest: +SKIP
>>> result.test_accuracy, result.genotype.text  # doctest: +SKIP
"""

from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from dartboard.errors import DartboardError
from dartboard.processors import share_from_python
from dartboard.version import __version__

if TYPE_CHECKING:
    from dartboard.api import (
        analyse,
        clean_cache,
        compare,
        describe,
        evaluate,
        examine,
        export,
        list_analyses,
        list_baselines,
        list_choice_rules,
        list_methods,
        list_operations,
        list_presets,
        list_runs,
        list_sections,
        list_selections,
        list_settings,
        list_spaces,
        load,
        plan,
        predict,
        query,
        report,
        run,
        search,
        select,
        train,
    )
    from dartboard.display import progress
    from dartboard.records import Result
    from dartboard.runs import Observer
    from dartboard.sklearn import ArchitectureSearchClassifier

__all__ = [
    "ArchitectureSearchClassifier",
    "DartboardError",
    "Observer",
    "Result",
    "__version__",
    "analyse",
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
    "list_runs",
    "list_sections",
    "list_selections",
    "list_settings",
    "list_spaces",
    "load",
    "plan",
    "predict",
    "progress",
    "query",
    "report",
    "run",
    "search",
    "select",
    "train",
]

_HOMES = {
    "ArchitectureSearchClassifier": "dartboard.sklearn",
    "Observer": "dartboard.runs",
    "Result": "dartboard.records",
    "progress": "dartboard.display",
}


def __dir__() -> list[str]:
    """All public names, those that are not imported yet among them."""
    return sorted({*globals(), *__all__})


def __getattr__(name: str) -> Any:
    """Import on first use, verbs and rooms alike: torch takes a second, which `dartboard --help` should not."""
    if name not in __all__:
        if not name.startswith("_") and find_spec(f"{__name__}.{name}"):
            share_from_python()
            return import_module(f"{__name__}.{name}")
        raise AttributeError(f"module 'dartboard' has no attribute '{name}'")
    share_from_python()
    return getattr(import_module(_HOMES.get(name, "dartboard.api")), name)
