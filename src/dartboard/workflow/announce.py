"""What a run is about to do, in a few lines."""

from collections.abc import Sequence

from dartboard.devices import device_name
from dartboard.session.search import describe_search
from dartboard.session.session import Session
from dartboard.session.sizes import train_epochs
from dartboard.settings.tree import Step
from dartboard.wording import duration
from dartboard.workflow.finalists import describe_finalists
from dartboard.workflow.seeds import describe_choice

__all__ = ["announce"]


def announce(session: Session, steps: Sequence[Step]) -> dict[str, str]:
    """A heading and a line for each matter."""
    settings, dataset, splits = session.settings, session.dataset, session.splits
    channels, height, width = dataset.image_shape
    rows = {
        "data": f"{dataset.name}: {len(dataset.classes)} classes, {width}x{height} pixels, "
        + _count(channels, "channel"),
        "images": f"{len(splits.train)} train, {len(splits.validation)} validation, {len(splits.test)} test",
    }
    if "search" in steps:
        rows |= {"search": describe_search(session), **describe_choice(session), **describe_finalists(session)}
    if "train" in steps:
        network = settings.train
        rows["train"] = (
            f"{_count(train_epochs(session), 'epoch')}, {network.init_channels} channels, "
            f"{_count(network.layers, 'layer')}" + (f", {network.runs} networks" if network.runs > 1 else "")
        )
    if settings.analysis:
        rows["analysis"] = f"{settings.analysis.name} of {settings.analysis.run}"
    return rows | {
        "preset": settings.preset,
        **({"budget": _budget(session)} if settings.budget else {}),
        "device": device_name(session.device),
        "run directory": str(session.run.path),
    }


def _budget(session: Session) -> str:
    budget, ahead = session.settings.budget, session.timetable
    assert budget is not None
    parts = ", ".join(f"{phase} {duration(seconds)}" for phase, seconds in ahead.items())
    return f"{duration(budget)}: {parts}" if parts else duration(budget)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
