"""What stands beside the network that was found."""

from collections.abc import Mapping
from typing import Any, ClassVar, Self

from dartboard.runs import Document, TestAccuracies, Version

__all__ = ["Baseline", "Baselines"]


class Baseline(TestAccuracies):
    """A network of about the same cost, trained and tested like the one that was found."""

    what: str
    """What it is, in words."""

    test_accuracy: float
    """Accuracy on the test images as a fraction; the mean when several networks were trained."""

    test_accuracy_std: float | None
    """Standard deviation over the trained networks (ddof 0)."""

    parameters: int | None
    """Learned numbers."""

    multiply_adds: int | None
    """Multiply-adds for one image."""

    difference: float
    """Accuracy of the first network of the run less that of the first baseline, as a fraction; by the objective."""

    interval: tuple[float, float]
    """What holds 95 % of the differences when the test images are drawn anew (paired bootstrap)."""

    run_directory: str
    """Where everything about it lies."""

    steps: int | None = None
    """Steps of its training."""

    wanted_steps: int | None = None
    """Steps of the network that was found; more where the budget did not suffice for as many."""


class Baselines(Document):
    """What the baselines come to, which are trained and tested like the network found."""

    file: ClassVar[str] = "baselines.json"
    formerly: ClassVar[str | None] = "yardsticks.json"
    written_by: ClassVar[str] = "run, with the setting `baselines`"

    layout: Version = 2

    networks: dict[str, Baseline]
    """The baselines by name; the directory of each is `baselines/NAME`."""

    @classmethod
    def migrate(cls, content: dict[str, Any]) -> dict[str, Any]:
        """Version 1 had the names as keys of the file."""
        return {"networks": {name: each for name, each in content.items() if name != "schema"}}

    @classmethod
    def of(cls, networks: Mapping[str, Baseline]) -> Self:
        """The record of these baselines."""
        return cls(networks=dict(networks))
