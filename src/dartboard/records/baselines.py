"""The baselines of a run: networks that are compared with the network found."""

from collections.abc import Mapping
from typing import Any, ClassVar, Self

from dartboard.runs import Document, Fraction, TestAccuracies, Version

__all__ = ["Baseline", "Baselines"]


class Baseline(TestAccuracies):
    """A network of about the same cost as the network found, trained and tested in the same way."""

    what: str
    """Description in words."""

    test_accuracy: Fraction
    """Accuracy on the test images, as a fraction; the mean if several networks were trained."""

    test_accuracy_std: float | None
    """Standard deviation over the trained networks (ddof 0)."""

    parameters: int | None
    """Number of learned parameters."""

    multiply_adds: int | None
    """Multiply-adds for one image."""

    difference: float
    """Accuracy of the network found minus that of the baseline, as a fraction, by the objective. It compares the first
    trained networks of both."""

    interval: tuple[float, float]
    """95% interval of the difference, by a paired bootstrap over the test images."""

    run_directory: str
    """Run directory of the baseline."""

    steps: int | None = None
    """Number of steps of its training."""

    wanted_steps: int | None = None
    """Number of steps of the training of the network found; `steps` is smaller where the budget was too small."""


class Baselines(Document):
    """The results of the baselines, which are trained and tested like the network found."""

    file: ClassVar[str] = "baselines.json"
    formerly: ClassVar[str | None] = "yardsticks.json"
    written_by: ClassVar[str] = "run, with the setting `baselines`"

    layout: Version = 2

    networks: dict[str, Baseline]
    """The baselines by name; the run directory of each is `baselines/NAME`."""

    failed: tuple[str, ...] = ()
    """A sentence about each baseline whose training failed, which is none of the networks."""

    @classmethod
    def migrate(cls, content: dict[str, Any]) -> dict[str, Any]:
        """Version 1 had the names as keys of the file."""
        return {"networks": {name: each for name, each in content.items() if name != "schema"}}

    @classmethod
    def of(cls, networks: Mapping[str, Baseline], failed: tuple[str, ...] = ()) -> Self:
        """The record of these baselines."""
        return cls(networks=dict(networks), failed=failed)
