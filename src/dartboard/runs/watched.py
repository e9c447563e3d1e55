"""The record of a watch: what it has measured after an epoch of a search."""

import math
from collections.abc import Mapping
from typing import Any, Literal

from pydantic import model_validator

from dartboard.runs.event import Event

__all__ = ["Watched"]

Figure = float | int | None
"""A measured number; null if it was not finite, or where it is not defined."""


class Watched(Event):
    """A watch has measured something after an epoch of the search; the search went on as without it."""

    event: Literal["watched"] = "watched"
    """Kind of the event."""

    phase: Literal["search"] = "search"
    """Phase of the run."""

    name: str
    """Name of the watch, with the options that it was given."""

    epoch: int
    """Epoch after which it measured, counted from 1."""

    seconds: float
    """Duration of the measurement in seconds."""

    figures: dict[str, Figure]
    """What it measured; every watch has names of its own, and accuracies are fractions."""

    parts: tuple[dict[str, Any], ...] = ()
    """The same cell by cell or edge by edge, where the watch records that."""

    @model_validator(mode="before")
    @classmethod
    def _finite_inside(cls, content: Any) -> Any:
        """Replace numbers that are not finite within figures and parts by null, since JSON has no such numbers."""
        if not isinstance(content, Mapping):
            return content
        return {key: _finite(value) if key in ("figures", "parts") else value for key, value in content.items()}


def _finite(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _finite(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
