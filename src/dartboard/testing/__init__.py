"""Contracts for methods, operations and spaces: test classes for everybody who adds one.

A test module of any package subclasses a contract, names the methods, operations or spaces to test, and inherits every
check:

    class TestMyDarts(MethodContract):
        methods = (MethodCase("my-darts"),)

The module needs pytest. It also holds the tools of the checks: problems with a planted answer, searches that take a
fraction of a second, and a stand-in for an accelerator on machines without one.
"""

try:
    import pytest
except ImportError as error:
    raise ImportError(
        "dartboard.testing holds tests for pytest, which is not installed here; install it with `pip install pytest`."
    ) from error

pytest.register_assert_rewrite(
    *(
        f"dartboard.testing.{module}"
        for module in ("accelerator_checks", "operations", "planted_checks", "search_checks", "spaces")
    )
)

# After the call above, so that a failing check shows the values that it compared.
from dartboard.testing.accelerator_checks import AcceleratorContract, Watching, search_begun  # noqa: E402
from dartboard.testing.cases import Change, MethodCase  # noqa: E402
from dartboard.testing.contract import Contract, for_each  # noqa: E402
from dartboard.testing.methods import MethodContract  # noqa: E402
from dartboard.testing.operations import OperationContract  # noqa: E402
from dartboard.testing.planted import (  # noqa: E402
    PLANTED,
    PLANTED_FAN,
    PLANTED_PAIRS,
    Planted,
    PlantedBatches,
    PlantedSupernet,
    search_planted,
)
from dartboard.testing.planted_checks import PlantedContract, finds_planted  # noqa: E402
from dartboard.testing.planted_table import PLANTED_BEST, PlantedTable, search_planted_table  # noqa: E402
from dartboard.testing.search_checks import SearchContract, search_small  # noqa: E402
from dartboard.testing.small import (  # noqa: E402
    Outcome,
    StopAfter,
    Stopped,
    fingerprint,
    open_small,
    outcome,
    small_space_registered,
    timeless,
)
from dartboard.testing.spaces import SpaceContract, drawn_genotype, uniform_genotype  # noqa: E402
from dartboard.testing.standin import STAND_IN, StandInMode, stand_in  # noqa: E402

__all__ = [
    "PLANTED",
    "PLANTED_BEST",
    "PLANTED_FAN",
    "PLANTED_PAIRS",
    "STAND_IN",
    "AcceleratorContract",
    "Change",
    "Contract",
    "MethodCase",
    "MethodContract",
    "OperationContract",
    "Outcome",
    "Planted",
    "PlantedBatches",
    "PlantedContract",
    "PlantedSupernet",
    "PlantedTable",
    "SearchContract",
    "SpaceContract",
    "StandInMode",
    "StopAfter",
    "Stopped",
    "Watching",
    "drawn_genotype",
    "finds_planted",
    "fingerprint",
    "for_each",
    "open_small",
    "outcome",
    "search_begun",
    "search_planted",
    "search_planted_table",
    "search_small",
    "small_space_registered",
    "stand_in",
    "timeless",
    "uniform_genotype",
]
