"""The announcement of a run that begins, and the plan of a run with reasons and times."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from dartboard.budget.arithmetic import reserve
from dartboard.config import Settings
from dartboard.devices import device_name
from dartboard.engine.rates import AlphaRate
from dartboard.session.rates import alpha_rates, idle_rules
from dartboard.session.searching import describe_search
from dartboard.session.session import Session
from dartboard.session.sizes import train_epochs
from dartboard.settings.replaced import ReplacedSetting, replaced_settings
from dartboard.settings.tree import AutomaticChoice, Step
from dartboard.training import TrainSettings
from dartboard.wording import Verbatim, count, duration
from dartboard.workflow.finalists import describe_finalists
from dartboard.workflow.seeds import describe_choice

__all__ = ["Plan", "announce", "describe_plan"]


class Plan(Settings):
    """What `dartboard plan` prints."""

    summary: dict[str, str]
    """The lines that a run announces at its start: heading -> text."""

    automatic_choices: tuple[AutomaticChoice, ...]
    """The settings that were chosen automatically, their values, and the reasons."""

    replaced: tuple[ReplacedSetting, ...]
    """The settings of the method's paper that this run does not have, and what has replaced them."""

    alpha_rates: tuple[AlphaRate, ...]
    """The learning rate of alpha in every stage of the search that has one, beside that of the paper."""

    budget: float | None
    """Seconds that the command may take; null without a budget."""

    seconds: dict[str, float]
    """Seconds of each phase, and their `total`: planned for the budget, or else expected by the speed of a few steps;
    empty where nothing is trained."""

    end: str | None
    """Time at which a run would end if it began now, ISO 8601, UTC; null where nothing is trained."""

    def to_json(self) -> dict[str, Any]:
        """The plan as plain data for JSON."""
        return self.model_dump(mode="json")


def announce(session: Session, steps: Sequence[Step]) -> dict[str, str]:
    """The lines that a run announces at its start.

    Args:
        session: session with all automatic choices made.
        steps: steps of the command.

    Returns:
        Heading -> text of each line.
    """
    settings, dataset, splits = session.settings, session.dataset, session.splits
    channels, height, width = dataset.image_shape
    rows = {
        "data": f"{dataset.name}: {count(len(dataset.classes), 'class', 'classes')}, {width}x{height} pixels, "
        + count(channels, "channel"),
        "images": f"{len(splits.train)} train, {len(splits.validation)} validation, {len(splits.test)} test",
    }
    if "search" in steps:
        rows |= {"search": describe_search(session), **_of_method(session)}
        rows |= {**describe_choice(session), **describe_finalists(session)}
    if "train" in steps:
        network = settings.train
        rows["train"] = (
            f"{count(train_epochs(session), 'epoch')}, {_width(network)}, "
            f"{count(network.layers, 'layer')}" + (f", {network.runs} networks" if network.runs > 1 else "")
        )
    if settings.analysis:
        rows["analysis"] = f"{settings.analysis.name} of {settings.analysis.run}"
    return rows | {
        "preset": settings.preset,
        **({"budget": _budget(session)} if settings.budget else {}),
        **({"expected time": _expected(session)} if session.expected and not settings.budget else {}),
        "device": device_name(session.device),
        "run directory": Verbatim(session.run.path),
    }


def _width(network: TrainSettings) -> str:
    if network.max_multiply_adds is None:
        return count(network.init_channels, "channel")
    return f"as wide as {network.max_multiply_adds:,} multiply-adds allow"


def describe_plan(session: Session, summary: Mapping[str, str]) -> Plan:
    """The plan of a session that has not begun.

    Args:
        session: session with all automatic choices made.
        summary: the lines that the run would announce.
    """
    settings, seconds = session.settings, dict(session.timetable or session.expected)
    searches = "search" in summary
    if seconds and settings.budget is not None:
        seconds |= {"planning": session.planning_seconds, "the rest": reserve(settings.budget)}
    if seconds:
        seconds["total"] = sum(seconds.values())
    end = datetime.now(UTC) + timedelta(seconds=seconds["total"]) if seconds else None
    return Plan(
        summary={heading: text for heading, text in summary.items() if heading != "run directory"},
        automatic_choices=settings.automatic_choices,
        replaced=replaced_settings(settings) if searches else (),
        alpha_rates=alpha_rates(session) if searches else (),
        budget=settings.budget,
        seconds={name: round(value, 1) for name, value in seconds.items()},
        end=end.isoformat(timespec="seconds") if end else None,
    )


def _of_method(session: Session) -> dict[str, str]:
    """How the method's own settings fare in this run: the rate of alpha, what is replaced, and what cannot act."""
    if session.settings.reselection is not None:
        return {}
    rates, replaced = alpha_rates(session), replaced_settings(session.settings)
    told = {
        "rate of alpha": ", then ".join(dict.fromkeys(map(str, rates))),
        "not as published": ", ".join(map(str, replaced)),
        "cannot act": "; ".join(idle_rules(session)),
    }
    return {heading: text for heading, text in told.items() if text}


def _expected(session: Session) -> str:
    parts = ", ".join(f"{phase} {duration(seconds)}" for phase, seconds in session.expected.items())
    return f"about {duration(sum(session.expected.values()))} by the speed of a few steps: {parts}"


def _budget(session: Session) -> str:
    budget, ahead = session.settings.budget, session.timetable
    assert budget is not None
    parts = ", ".join(f"{phase} {duration(seconds)}" for phase, seconds in ahead.items())
    return f"{duration(budget)}: {parts}" if parts else duration(budget)
