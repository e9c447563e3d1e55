"""dartboard: differentiable neural architecture search on images, from a dataset to a tested network.

>>> import dartboard
>>> result = dartboard.run("photographs/", {"space": "darts", "seed": 1})  # doctest: +SKIP
>>> result.test_accuracy, result.genotype.text  # doctest: +SKIP
"""

import sys
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
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
        list_proxies,
        list_runs,
        list_sections,
        list_selections,
        list_settings,
        list_spaces,
        list_studies,
        list_watches,
        load,
        plan,
        plan_of_study,
        predict,
        published,
        query,
        report,
        run,
        score,
        search,
        select,
        study,
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
    "list_proxies",
    "list_runs",
    "list_sections",
    "list_selections",
    "list_settings",
    "list_spaces",
    "list_studies",
    "list_watches",
    "load",
    "plan",
    "plan_of_study",
    "predict",
    "progress",
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

_HOMES = {
    "ArchitectureSearchClassifier": "dartboard.sklearn",
    "Observer": "dartboard.runs",
    "Result": "dartboard.records",
    "progress": "dartboard.display",
}


class _Names(MetaPathFinder, Loader):
    """Lets `import dartboard.search` give the verb, as `dartboard.search` does: people write it, and it is no room.

    Python keeps what a loader returns under that name, module or not.
    """

    def find_spec(self, fullname: str, path: object = None, target: object = None) -> ModuleSpec | None:  # noqa: ARG002
        package, _, name = fullname.rpartition(".")
        public = package == __name__ and name in __all__ and not name.startswith("_")
        return ModuleSpec(fullname, self) if public else None

    def create_module(self, spec: ModuleSpec) -> Any:
        return getattr(sys.modules[__name__], spec.name.rpartition(".")[2])

    def exec_module(self, module: Any) -> None:
        """It is complete."""


sys.meta_path.append(_Names())


def __dir__() -> list[str]:
    """All public names, imported or not yet, and the rooms that are imported; not what this file uses itself."""
    rooms = {name for name in globals() if f"{__name__}.{name}" in sys.modules or name.startswith("__")}
    return sorted({*rooms, *__all__})


def __getattr__(name: str) -> Any:
    """Import on first use, verbs and rooms alike: torch takes a second, which `dartboard --help` should not."""
    if name not in __all__:
        if not name.startswith("_") and find_spec(f"{__name__}.{name}"):
            share_from_python()
            return import_module(f"{__name__}.{name}")
        raise AttributeError(f"module 'dartboard' has no attribute '{name}'")
    share_from_python()
    return getattr(import_module(_HOMES.get(name, "dartboard.api")), name)
