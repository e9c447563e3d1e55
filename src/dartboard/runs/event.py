"""The base of all kinds of events: typed content, one line of `events.jsonl` each."""

import math
from collections.abc import Mapping
from typing import Any, ClassVar, Self

from pydantic import model_validator

from dartboard.runs.document import Record

__all__ = ["Event"]


class Event(Record):
    """An event of a run, stored as one line of `events.jsonl`."""

    figures_are_flat: ClassVar[bool] = False
    """Whether each of the `figures` of the event is a key of the line, beside the keys named here."""

    event: str
    """Kind of the event."""

    phase: str
    """Phase of the run."""

    @model_validator(mode="before")
    @classmethod
    def _finite(cls, content: Any) -> Any:
        """Replace a number that is not finite by null, since JSON has no such numbers."""
        if not isinstance(content, Mapping):
            return content
        finite = {key: _finite(value) for key, value in content.items()}
        if cls.figures_are_flat and isinstance(measured := finite.get("figures"), Mapping):
            finite["figures"] = {key: _finite(value) for key, value in measured.items()}
        return finite

    def to_json(self) -> dict[str, Any]:
        """Plain data, as in the line of the file."""
        content = self.model_dump(mode="json", by_alias=True)
        return content | content.pop("figures") if self.figures_are_flat else content

    @classmethod
    def of(cls, content: Mapping[str, Any]) -> Self:
        """The event that a line of this kind holds.

        Raises:
            pydantic.ValidationError: the line lacks a key, or a value has a wrong type.
        """
        if not cls.figures_are_flat:
            return cls.model_validate(content)
        own = {key: value for key, value in content.items() if key in cls.model_fields}
        return cls.model_validate({**own, "figures": {key: content[key] for key in content if key not in own}})


def _finite(value: object) -> object:
    return None if isinstance(value, float) and not math.isfinite(value) else value
