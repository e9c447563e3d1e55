"""What of the method's paper a run does not have, and the learning rate of alpha beside that of the paper."""

from dataclasses import dataclass

from dartboard.engine.rates import AlphaRate
from dartboard.records.reader import RunRecords
from dartboard.reports.section import Section, section
from dartboard.settings.replaced import ReplacedSetting

__all__ = ["PublishedFacts", "PublishedSection"]


@dataclass(frozen=True)
class PublishedFacts:
    """The learning rate of alpha in every stage, and the settings that are not those of the paper."""

    alpha_rates: tuple[AlphaRate, ...]
    replaced: tuple[ReplacedSetting, ...]


@section("published")
class PublishedSection(Section[PublishedFacts]):
    """The learning rate of alpha, and the settings of the method's paper that the run does not have."""

    order = 990
    title = "The method and its paper"

    def read(self, run: RunRecords) -> PublishedFacts | None:
        """What the run recorded when it began."""
        begun = run.beginning
        if begun is None or not (begun.alpha_rates or begun.replaced):
            return None
        return PublishedFacts(begun.alpha_rates, begun.replaced)
