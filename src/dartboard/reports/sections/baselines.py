"""The baselines beside the network found, and whether the search was worth its time."""

from collections.abc import Mapping
from dataclasses import dataclass

from dartboard.records import Baseline
from dartboard.records.reader import RunRecords
from dartboard.reports.section import Section, section
from dartboard.reports.verdict import better_baseline, described, over_baselines, worth_of_search
from dartboard.wording import Verbatim, percent, signed_points

__all__ = ["BaselineFacts", "BaselinesSection"]


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
        return over_baselines(self.baselines)


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
        """A row for each baseline, what the search was worth, and where the best one is if it is better."""
        better = better_baseline(told.baselines)
        place = {} if better is None else {"better network": Verbatim(told.baselines[better].run_directory)}
        worth = worth_of_search(told.baselines)
        rows = {f"baseline {name}": _row(each) for name, each in told.baselines.items()}
        return rows | ({"worth of the search": worth} if worth else {}) | place


def _row(baseline: Baseline) -> str:
    low, high = map(signed_points, baseline.interval)
    accuracy = percent(baseline.test_accuracy, baseline.test_accuracy_std or None)
    if baseline.objective == "balanced-accuracy":
        accuracy = f"{percent(baseline.balanced_accuracy)} balanced accuracy"
    return (
        f"{accuracy}  ({described(baseline)}; difference of the network found: {signed_points(baseline.difference)} "
        f"points, 95% interval {low} to {high})"
    )
