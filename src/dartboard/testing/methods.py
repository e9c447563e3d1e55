"""The whole contract of a method."""

from dartboard.testing.accelerator_checks import AcceleratorContract
from dartboard.testing.planted_checks import PlantedContract
from dartboard.testing.search_checks import SearchContract

__all__ = ["MethodContract"]


class MethodContract(PlantedContract, SearchContract, AcceleratorContract):
    """What every registered method promises.

    It finds a planted architecture by the gradient of alpha, repeats itself by the bit, resumes as if it had never been
    stopped, has no option without effect, and is at home on an accelerator. A subclass names the methods:

        class TestMyDarts(MethodContract):
            methods = (MethodCase("my-darts"),)

    Attributes:
        methods: that keep it; `MethodCase` says what each needs in such small searches.
    """
