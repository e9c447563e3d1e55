"""The settings that were chosen automatically, their values, and the reasons."""

from dataclasses import dataclass

from dartboard.records.reader import RunRecords
from dartboard.reports.section import Section, checked, section
from dartboard.settings.tree import AutomaticChoice

__all__ = ["AutomaticChoicesSection", "ChoiceFacts"]


@dataclass(frozen=True)
class ChoiceFacts:
    """The automatic choices, and the budget in seconds, if there is one."""

    choices: tuple[AutomaticChoice, ...]
    budget: float | None


@section("automatic-choices")
class AutomaticChoicesSection(Section[ChoiceFacts]):
    """The settings that were chosen automatically, their values, and the reasons."""

    order = 1000
    title = "Automatic choices"

    def read(self, run: RunRecords) -> ChoiceFacts | None:
        """The automatic choices that the settings of the run hold."""
        choices = run.settings.get("automatic_choices") or ()
        made = tuple(checked(AutomaticChoice, each, run.path / "settings.json") for each in choices)
        return ChoiceFacts(made, run.settings.get("budget")) if made else None
