"""The whole contract of a method."""

from dartboard.testing.accelerator_checks import AcceleratorContract
from dartboard.testing.planted_checks import PlantedContract
from dartboard.testing.search_checks import SearchContract

__all__ = ["MethodContract"]


class MethodContract(PlantedContract, SearchContract, AcceleratorContract):
    """What every registered method promises.

    The method finds a planted architecture by the gradient of alpha. The same seed gives the same bits. A search that
    was stopped and resumed gives the same result as one that was not. Every option has an effect. On an accelerator the
    method gives what it gives on the CPU. A subclass names the methods:

        class TestMyDarts(MethodContract):
            methods = (MethodCase("my-darts"),)

    Attributes:
        methods: the methods to test; a `MethodCase` holds what a method needs in such small searches.
    """
