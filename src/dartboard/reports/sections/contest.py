"""The contest before the training: which network was worth the rest of the time."""

from typing_extensions import override

from dartboard.records import Contest
from dartboard.records.reader import RunRecords
from dartboard.reports.section import Section, section
from dartboard.wording import count, percent, signed_points

__all__ = ["ContestSection"]


@section("contest")
class ContestSection(Section[Contest]):
    """The contest before the training: which network was worth the rest of the time."""

    order = 450
    title = "Contest"

    @override
    def read(self, run: RunRecords) -> Contest | None:
        return run.contest if run.contest and run.contest.winner else None

    @override
    def lines(self, told: Contest) -> dict[str, str]:
        if not told.rounds:
            return {"contest": f"no time for one, so {told.chosen.what} was trained"}
        others = count(len(told.contestants) - 1, "other")
        rows = {"contest": f"{told.chosen.what} won against {others}: {_ranking(told)}"}
        if told.worth:
            low, high = map(signed_points, told.worth.interval)
            rows["worth of the search"] = (
                f"{signed_points(told.worth.difference)} points of difference to a random architecture after the "
                f"first round (95% interval {low} to {high})"
            )
        return rows


def _ranking(told: Contest) -> str:
    """The contestants with their last accuracies, the winner first."""
    ranked = sorted(
        told.contestants, key=lambda each: (each.name != told.winner, -len(each.accuracies), -each.accuracies[-1])
    )
    return ", ".join(f"{each.name} {'failed' if each.failure else percent(each.accuracies[-1])}" for each in ranked)
