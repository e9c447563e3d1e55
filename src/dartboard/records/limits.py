"""The limits of a run, and how its network meets them."""

from typing import ClassVar

from pydantic import Field

from dartboard.records.dataset import GenotypeForms
from dartboard.runs import Document, Record

__all__ = ["LimitMet", "LimitsRecord"]


class LimitMet(Record):
    """One limit, and what the network has."""

    name: str
    """What is limited: params, macs (multiply-adds for one image) or latency."""

    limit: float
    """The limit; seconds for the latency."""

    value: float
    """What the network has; for the latency the median of warm runs on this machine, in seconds."""

    foretold: float | None = None
    """Seconds that the table of blocks foretold for the latency; null for other limits."""

    met: bool
    """Whether the network meets the limit."""


class LimitsRecord(Document):
    """The limits of a run, what its network has, and how it came to meet them."""

    file: ClassVar[str] = "limits.json"
    written_by: ClassVar[str] = "search and train, with limits"

    limits: tuple[LimitMet, ...]
    """Each limit that is set."""

    genotype: GenotypeForms
    """The architecture."""

    init_channels: int
    """Width of its network."""

    asked_channels: int
    """Width that the settings ask for; the width is below where that was needed to meet the limits."""

    without_limits: str | None = None
    """The architecture that the search would have chosen without limits, as text; null where it met them itself."""

    expected: dict[str, float] = Field(default_factory=dict)
    """Name of each limit -> expected cost of the architecture at the end of the search, by its gates, in units of the
    limit; empty where no gradient was drawn to the limits."""

    latency: dict[str, dict[int, float]] = Field(default_factory=dict)
    """Form of the network (`network`, `exported`) -> images of a batch -> seconds, the median of warm runs; empty
    without a limit on the latency."""

    latency_batch: int = 1
    """Images of the batch that the limit on the latency is about."""

    @property
    def how(self) -> str:
        """How the limits are met, as a sentence."""
        if not all(each.met for each in self.limits):
            return "The network does not meet them."
        by = []
        if self.without_limits is not None:
            by.append("another architecture than the one with the largest gates was chosen")
        if self.init_channels < self.asked_channels:
            by.append(f"the network has {self.init_channels} instead of {self.asked_channels} channels")
        if not by:
            return "The architecture meets them as it was found, at the width that was asked for."
        return f"To meet them, {' and '.join(by)}."
