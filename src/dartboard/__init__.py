"""dartboard: differentiable neural architecture search on images, from a dataset to a tested network.

>>> import dartboard
>>> result = dartboard.run("photographs/", {"space": "darts", "seed": 1})  # doctest: +SKIP
>>> result.test_accuracy, result.genotype.text  # doctest: +SKIP
"""

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

from dartboard.errors import DartboardError
from dartboard.version import __version__

if TYPE_CHECKING:
    from dartboard.api import (
        analyse,
        compare,
        describe,
        export,
        methods,
        plan,
        predict,
        report,
        run,
        search,
        select,
        spaces,
        train,
    )
    from dartboard.display import progress
    from dartboard.pipeline import Result
    from dartboard.runs import Observer
    from dartboard.sklearn import ArchitectureSearchClassifier

__all__ = [
    "ArchitectureSearchClassifier",
    "DartboardError",
    "Observer",
    "Result",
    "__version__",
    "analyse",
    "compare",
    "describe",
    "export",
    "methods",
    "plan",
    "predict",
    "progress",
    "report",
    "run",
    "search",
    "select",
    "spaces",
    "train",
]

_HOMES = {
    "ArchitectureSearchClassifier": "dartboard.sklearn",
    "Observer": "dartboard.runs",
    "Result": "dartboard.pipeline",
    "progress": "dartboard.display",
}


def __getattr__(name: str) -> Any:
    """Import on first use: torch takes a second, which `dartboard --help` should not."""
    if name not in __all__:
        raise AttributeError(f"module 'dartboard' has no attribute '{name}'")
    return getattr(import_module(_HOMES.get(name, "dartboard.api")), name)


class _Package(ModuleType):
    """Keeps its verbs: importing the package `dartboard.search` would replace the function of that name."""

    def __setattr__(self, name: str, value: object) -> None:
        if not (name in __all__ and isinstance(value, ModuleType)):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package
