"""The baselines beside the network found, and whether the search was worth its time."""

from collections.abc import Mapping
from dataclasses import dataclass

from dartboard.records import Baseline
from dartboard.records.reader import RunRecords
from dartboard.reports.section import Section, section
from dartboard.wording import percent, points, signed_points

__all__ = ["BaselineFacts", "BaselinesSection", "verdict"]

_COMPARABLE = 0.9
"""A baseline with a smaller share of the steps of the network found is not compared with it if it is not better."""


@dataclass(frozen=True)
class BaselineFacts:
    """The network found and the baselines.

    Attributes:
        accuracy: test accuracy of the network found, by the objective.
        parameters: number of learned parameters of the network found.
        multiply_adds: its multiply-adds for one image.
        baselines: the baselines by name.
        failed: a sentence about each baseline whose training failed.
    """

    accuracy: float | None
    parameters: int | None
    multiply_adds: int | None
    baselines: Mapping[str, Baseline]
    failed: tuple[str, ...] = ()

    @property
    def verdict(self) -> str:
        """Whether the search was worth its time, in plain words."""
        return " ".join(verdict(name, each) for name, each in self.baselines.items())


@section("baselines")
class BaselinesSection(Section[BaselineFacts]):
    """The baselines beside the network found, and whether the search was worth its time."""

    order = 820

    def read(self, run: RunRecords) -> BaselineFacts | None:
        """The baselines, if some were trained."""
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
            failed=run.baselines.failed,
        )

    def lines(self, told: BaselineFacts) -> dict[str, str]:
        """A row for each baseline, and the run directory of the best one that is significantly better."""
        better = [each for each in told.baselines.values() if each.interval[1] < 0]
        place = {"better network": min(better, key=lambda each: each.difference).run_directory} if better else {}
        return {f"baseline {name}": _row(each) for name, each in told.baselines.items()} | place


def _row(baseline: Baseline) -> str:
    low, high = map(signed_points, baseline.interval)
    accuracy = percent(baseline.test_accuracy, baseline.test_accuracy_std or None)
    if baseline.objective == "balanced-accuracy":
        accuracy = f"{percent(baseline.balanced_accuracy)} balanced accuracy"
    return (
        f"{accuracy}  ({baseline.what}; difference of the network found: {signed_points(baseline.difference)} points, "
        f"95% interval {low} to {high})"
    )


def verdict(name: str, baseline: Baseline) -> str:
    """One sentence that says whether the network found is better than the baseline."""
    low, high = baseline.interval
    difference = points(baseline.difference)
    if baseline.objective != "accuracy":
        difference += f" of {baseline.objective.replace('-', ' ')}"
    trained = baseline.steps / baseline.wanted_steps if baseline.steps and baseline.wanted_steps else 1.0
    if trained < _COMPARABLE and high >= 0:
        return f"The network found cannot be compared with {baseline.what} since that training was too short."
    if low > 0:
        return f"The network found is better than {baseline.what} by {difference}."
    if high < 0:
        return (
            f"The network found is worse than {baseline.what} by {difference}. The better network is kept in "
            f"baselines/{name}, and dartboard predict can use it too."
        )
    return (
        f"The test shows no significant difference between the network found and {baseline.what} "
        f"({difference}, which may be chance)."
    )
