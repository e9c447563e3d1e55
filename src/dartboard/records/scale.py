"""How large the searches and trainings of a comparison were, in the words that published figures are told apart by."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from dartboard.errors import RunDirectoryError
from dartboard.records.published import PublishedFigure
from dartboard.records.reader import RunRecords
from dartboard.runs import Record
from dartboard.wording import count, listing

__all__ = ["RunScale", "scale_sentence", "scales_of"]


class RunScale(Record):
    """The size of one kind of run in a comparison."""

    search_epochs: int | None
    """Epochs of the search; null if that is not recorded."""

    train_epochs: int | None
    """Epochs of the training; null without one."""

    channels: int | None
    """Channels of the trained network; null without one."""

    layers: int | None
    """Cells or layers of the trained network; null without one."""

    device: str | None
    """Device of the run."""


def scales_of(folders: Iterable[Path]) -> tuple[RunScale, ...]:
    """The different sizes of runs, in order; folders that are no run directories are passed over."""
    return tuple(dict.fromkeys(scale for scale in map(_scale, folders) if scale is not None))


def _scale(folder: Path) -> RunScale | None:
    try:
        run = RunRecords(folder)
        search, train = run.settings.get("search", {}), run.settings.get("train", {})
        trained = run.scores is not None
        device = run.device
    except RunDirectoryError:
        return None
    return RunScale(
        search_epochs=_whole(search.get("epochs")),
        train_epochs=_whole(train.get("epochs")) if trained else None,
        channels=_whole(train.get("init_channels")) if trained else None,
        layers=_whole(train.get("layers")) if trained else None,
        device=device,
    )


def _whole(value: Any) -> int | None:
    return value if isinstance(value, int) else None


def scale_sentence(ours: Iterable[RunScale], published: Iterable[PublishedFigure]) -> str:
    """How published figures differ from those that were measured here."""
    scales, figures = tuple(ours), tuple(published)
    here = [
        _range([each.search_epochs for each in scales], "searches of {}", "epoch"),
        _range([each.train_epochs for each in scales], "trainings of {}", "epoch"),
        _range([each.channels for each in scales], "networks of {}", "channel")
        + _range([each.layers for each in scales], " and {}", "layer"),
    ]
    devices = listing(dict.fromkeys(each.device for each in scales if each.device))
    told = listing(filter(None, here)) or "runs of a size that is not recorded"
    schedules = listing(dict.fromkeys(each.schedule for each in figures), "or")
    hardware = listing(dict.fromkeys(each.hardware for each in figures if each.hardware), "or")
    sizes = listing(dict.fromkeys(_SIZES[each.space] for each in figures if each.space in _SIZES))
    return (
        f"Ours are {told}{f' on {devices}' if devices else ''}; the published figures are of schedules of their own "
        f"({schedules}), of hardware that is {f'{hardware} or not stated' if hardware else 'not stated'}"
        f"{f', and of {sizes}' if sizes else ''}: a difference between the two is first of all one of scale, and no "
        "mean holds both."
    )


_SIZES = {
    "darts": "networks of 16 channels in the search, and of 36 channels and 20 cells in the training where they follow "
    "DARTS",
    "nas-bench-201": "networks of 16 channels and 5 cells a stage, as the benchmark trained them",
}
"""Space -> the networks of its papers."""


def _range(values: Iterable[int | None], text: str, noun: str) -> str:
    """A number of things, or the smallest and the largest one; empty where none is known."""
    known = sorted({value for value in values if value is not None})
    if not known:
        return ""
    least = f"{known[0]:,} to " if len(known) > 1 else ""
    return text.format(least + count(known[-1], noun))
