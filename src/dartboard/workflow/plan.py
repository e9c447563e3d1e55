"""What a run would do and why, told without doing it."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from dartboard.budget.arithmetic import reserve
from dartboard.config import Settings
from dartboard.session.session import Session
from dartboard.settings.tree import AutomaticChoice

__all__ = ["Plan", "describe_plan"]


class Plan(Settings):
    """What `dartboard plan` prints."""

    summary: dict[str, str]
    """What a run announces: a heading and a line for each matter."""

    automatic_choices: tuple[AutomaticChoice, ...]
    """What was left open, what it became, and why."""

    budget: float | None
    """Seconds that the command may take."""

    seconds: dict[str, float]
    """Seconds of each phase, and their `total`; empty without a budget."""

    end: str | None
    """When a run that began now would end, ISO 8601, UTC; null without a budget."""

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return self.model_dump(mode="json")


def describe_plan(session: Session, summary: Mapping[str, str]) -> Plan:
    """The plan of a session that has not begun.

    Args:
        session: with nothing left open.
        summary: what the run would announce.
    """
    settings, seconds = session.settings, dict(session.timetable)
    if seconds:
        assert settings.budget is not None
        seconds |= {"planning": session.planning_seconds, "the rest": reserve(settings.budget)}
        seconds["total"] = sum(seconds.values())
    end = datetime.now(UTC) + timedelta(seconds=seconds["total"]) if seconds else None
    return Plan(
        summary={heading: text for heading, text in summary.items() if heading != "run directory"},
        automatic_choices=settings.automatic_choices,
        budget=settings.budget,
        seconds={name: round(value, 1) for name, value in seconds.items()},
        end=end.isoformat(timespec="seconds") if end else None,
    )
