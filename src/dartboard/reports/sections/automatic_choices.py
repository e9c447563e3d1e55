"""Which settings were left open, what they became, and why."""

from dataclasses import dataclass

from dartboard.records.reader import RunRecords
from dartboard.reports.section import Section, checked, section
from dartboard.settings.tree import Decision

__all__ = ["AutomaticChoices", "AutomaticChoicesSection"]


@dataclass(frozen=True)
class AutomaticChoices:
    """The choices, and the seconds of the budget that they follow from, if there is one."""

    choices: tuple[Decision, ...]
    budget: float | None


@section("automatic-choices")
class AutomaticChoicesSection(Section[AutomaticChoices]):
    """Which settings were left open, what they became, and why."""

    order = 1000
    title = "Automatic choices"

    def read(self, run: RunRecords) -> AutomaticChoices | None:
        """As the settings of the run hold them."""
        choices = run.settings.get("automatic_choices") or run.settings.get("decisions") or ()
        made = tuple(checked(Decision, each, run.path / "settings.json") for each in choices)
        return AutomaticChoices(made, run.settings.get("budget")) if made else None
