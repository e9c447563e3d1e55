"""The findings of the analysis `shuffling`: the loss of accuracy when parts of the supernet are exchanged."""

from dartboard.engine.finished.analyses.shuffling import Shuffled
from dartboard.reports.analysis_section import AnalysisSection
from dartboard.reports.section import section
from dartboard.wording import count, percent

__all__ = ["ShufflingSection"]


@section("shuffling")
class ShufflingSection(AnalysisSection[Shuffled]):
    """The loss of accuracy when edges or layers of the supernet of a finished search are exchanged."""

    analysis = "shuffling"
    findings = Shuffled

    def headline(self, told: Shuffled) -> str:
        """The headline with the exchanged parts: edges or layers."""
        return f"Shuffled {told.parts}"

    def lines(self, told: Shuffled) -> dict[str, str]:
        """The accuracy before and after."""
        times = count(len(told.permutations), "time")
        return {
            "before": f"{percent(told.before)} validation accuracy of the supernet",
            "after": f"{percent(told.after, told.after_std)} with two {told.parts} exchanged, {times}",
            **{
                each.network: f"{percent(each.before)} before, {percent(each.after, each.after_std)} with two units of "
                f"every stage exchanged, {count(len(each.permutations), 'time')}"
                for each in told.networks
            },
        }
