"""The limits on the network: what it has of each, and how it came to meet them."""

from collections.abc import Mapping
from typing import Any

from typing_extensions import override

from dartboard.records import LimitMet, LimitsRecord
from dartboard.records.reader import RunRecords
from dartboard.reports.section import Section, section
from dartboard.wording import thousands

__all__ = ["LimitsSection", "told_limit"]

_NAMES = {"params": "parameters", "macs": "multiply-adds for one image", "latency": "latency"}


def told_limit(name: str, value: float) -> str:
    """An amount of something limited, as text."""
    return f"{1000 * value:.3g} ms" if name == "latency" else thousands(round(value))


@section("limits")
class LimitsSection(Section[LimitsRecord]):
    """The limits on the network: what it has of each, and how it came to meet them."""

    order = 480
    title = "Limits"

    @override
    def read(self, run: RunRecords) -> LimitsRecord | None:
        return run.result.limits if run.result else run.limits

    @override
    def drawn(self, told: LimitsRecord) -> Mapping[str, Any]:
        """The limits as rows of text, and the measured latencies as rows of text."""
        return {
            "rows": [
                {
                    "name": _NAMES[each.name],
                    "limit": told_limit(each.name, each.limit),
                    "value": told_limit(each.name, each.value),
                    "foretold": "" if each.foretold is None else told_limit(each.name, each.foretold),
                    "met": each.met,
                }
                for each in told.limits
            ],
            "latencies": {
                form: {batch: told_limit("latency", seconds) for batch, seconds in by_batch.items()}
                for form, by_batch in told.latency.items()
            },
        }

    @override
    def lines(self, told: LimitsRecord) -> dict[str, str]:
        """One row with every limit, what the network has, and how it is met."""
        return {"limits": f"{', '.join(map(_line, told.limits))}; {told.how[0].lower()}{told.how[1:].rstrip('.')}"}


def _line(each: LimitMet) -> str:
    return f"{told_limit(each.name, each.value)} of {told_limit(each.name, each.limit)} {_NAMES[each.name]}"
