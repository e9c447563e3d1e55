"""What stands beside the network found, trained and tested like it, and whether the search was worth its time."""

from collections.abc import Mapping
from dataclasses import dataclass

from dartboard.records import Baseline
from dartboard.records.reader import RunRecords
from dartboard.reports.section import Section, section
from dartboard.wording import percent, points, signed_points

__all__ = ["BaselineFacts", "BaselinesSection", "verdict"]

_COMPARABLE = 0.9
"""Share of the steps of the network found that another must have had for its accuracy to say anything."""


@dataclass(frozen=True)
class BaselineFacts:
    """The network found beside the baselines.

    Attributes:
        accuracy: of the network found on the test images, by the objective.
        parameters: its learned numbers.
        multiply_adds: for one image.
        baselines: by name.
    """

    accuracy: float | None
    parameters: int | None
    multiply_adds: int | None
    baselines: Mapping[str, Baseline]

    @property
    def verdict(self) -> str:
        """Whether the search was worth its time, in plain words."""
        return " ".join(verdict(name, each) for name, each in self.baselines.items())


@section("baselines")
class BaselinesSection(Section[BaselineFacts]):
    """What stands beside the network found, and whether the search was worth its time."""

    order = 820

    def read(self, run: RunRecords) -> BaselineFacts | None:
        """The baselines, where some were trained."""
        if not run.baselines:
            return None
        baselines, result, scores = run.baselines.networks, run.result, run.scores
        balanced = any(each.objective == "balanced-accuracy" for each in baselines.values())
        accuracy = None
        if scores:
            accuracy = scores.balanced_accuracy if balanced else scores.test_accuracy_mean
        return BaselineFacts(
            accuracy=accuracy,
            parameters=result.parameters if result else None,
            multiply_adds=result.multiply_adds if result else None,
            baselines=baselines,
        )

    def lines(self, told: BaselineFacts) -> dict[str, str]:
        """A row for each, and where the best of those lies that are better than the network found beyond chance."""
        better = [each for each in told.baselines.values() if each.interval[1] < 0]
        place = {"better network": min(better, key=lambda each: each.difference).run_directory} if better else {}
        return {f"baseline {name}": _row(each) for name, each in told.baselines.items()} | place


def _row(baseline: Baseline) -> str:
    low, high = map(signed_points, baseline.interval)
    accuracy = percent(baseline.test_accuracy, baseline.test_accuracy_std or None)
    if baseline.objective == "balanced-accuracy":
        accuracy = f"{percent(baseline.balanced_accuracy)} balanced accuracy"
    return (
        f"{accuracy}  ({baseline.what}; the network found is {signed_points(baseline.difference)} points from it, "
        f"95% interval {low} to {high})"
    )


def verdict(name: str, baseline: Baseline) -> str:
    """Whether the network found is better than the baseline of that name, in a sentence."""
    low, high = baseline.interval
    difference = points(baseline.difference)
    if baseline.objective != "accuracy":
        difference += f" of {baseline.objective.replace('-', ' ')}"
    trained = baseline.steps / baseline.wanted_steps if baseline.steps and baseline.wanted_steps else 1.0
    if trained < _COMPARABLE and high >= 0:
        return f"Of {baseline.what} nothing follows, since so short a training compares with no other."
    if low > 0:
        return f"The network found is better than {baseline.what}, by {difference}."
    if high < 0:
        return (
            f"The network found is worse than {baseline.what}, by {difference}; that one is kept in "
            f"baselines/{name}, from where dartboard predict takes it as well."
        )
    return (
        f"Between the network found and {baseline.what} this test shows no difference "
        f"({difference}, within what chance does)."
    )
