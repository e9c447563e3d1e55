"""What the steps of one run share: settings, data, run directory, device, observer."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch

from dartboard.data import ArrayData, Dataset, Normalization, Splits, load_dataset, make_splits, measure_normalization
from dartboard.devices import GRAPHS, find_device
from dartboard.errors import RunDirectoryError, SettingsError
from dartboard.records import Split, Timetable
from dartboard.runs import Observer, PhaseEnd, RunDirectory, next_free, write_text
from dartboard.session.clock import Clock, begun_seconds, phase_seconds, worked_seconds
from dartboard.settings.migration import migrate
from dartboard.settings.presets import AUTO
from dartboard.settings.tree import RunSettings

__all__ = ["Session", "open_session"]

_SUMMARY_FILES = ("result.json", "facts.json")
"""The first and the last file that the end of a run writes."""


@dataclass(frozen=True)
class Session:
    """One run at work.

    Attributes:
        settings: resolved settings.
        dataset: images and labels.
        splits: which images serve for what.
        normalization: mean and deviation of the training images.
        run: the run directory, locked.
        device: where everything runs.
        observer: hears of everything.
        data_seconds: how long reading and dividing the data took.
        clock: counts the seconds of work on the run.
        timetable: phase -> seconds planned, where there is a budget.
        planning_seconds: how long that took.
    """

    settings: RunSettings
    dataset: Dataset
    splits: Splits
    normalization: Normalization
    run: RunDirectory
    device: torch.device
    observer: Observer
    data_seconds: float
    clock: Clock = field(default_factory=Clock)
    timetable: Mapping[str, float] = field(default_factory=dict)
    planning_seconds: float = 0.0

    @property
    def spent(self) -> float:
        """Seconds of work on the run so far, those of interrupted earlier tries included."""
        return self.clock.spent

    @property
    def has_ended(self) -> bool:
        """Whether the run directory holds a run that has been summed up."""
        return all(self.run.has(name) for name in _SUMMARY_FILES)

    def check_dataset(self) -> None:
        """Accept the dataset for the run that the directory holds, if any; nothing is written.

        Raises:
            RunDirectoryError: a resumed run would work on another dataset than it began with.
        """
        recorded = Split.find(self.run.path)
        if recorded is not None and recorded != Split.of(self.splits):
            raise RunDirectoryError(
                f"the dataset has changed since the run in {self.run.path} began; begin a new run with another --out."
            )

    def begin(self) -> None:
        """Record settings and split: from here on the run directory is kept, and an earlier summary no longer holds."""
        self.check_dataset()
        for name in _SUMMARY_FILES:
            (self.run.path / name).unlink(missing_ok=True)
        self.run.claim(self.settings.model_dump(mode="json"))
        Split.of(self.splits).write(self.run.path)
        if self.dataset.description:
            write_text(self.run.path / "description.md", self.dataset.description)
        if self.timetable and not Timetable.exists(self.run.path):
            Timetable.of(self.timetable).write(self.run.path)
        self.run.events.append(PhaseEnd(phase="data", seconds=self.data_seconds))
        if self.planning_seconds:
            self.run.events.append(PhaseEnd(phase="planning", seconds=self.planning_seconds))

    @contextmanager
    def inside(self, folder: str, changes: Mapping[str, Any]) -> Iterator["Session"]:
        """A run in a folder of this run's, on the same images, with other settings; one begun earlier is resumed.

        Args:
            folder: its name in the run directory, as in `finalists/2`.
            changes: settings that differ from this run's.
        """
        settings, path = self.settings.model_copy(update=changes), self.run.path / folder
        path.parent.mkdir(exist_ok=True)
        with RunDirectory(path) as run:
            run.check(settings.model_dump(mode="json"), resume=True, migrate=migrate)
            yield replace(self, settings=settings, run=run, data_seconds=0.0, timetable={}, planning_seconds=0.0)

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Record how long a phase took, what is left of an interrupted earlier try included; once, when it first ends.

        That is the seconds of its epochs, and of the runs inside this one.
        """
        earlier = begun_seconds(self.run, name)
        started = time.perf_counter()
        yield
        if name in phase_seconds(self.run):
            return
        seconds = earlier + time.perf_counter() - started
        self.run.events.append(PhaseEnd(phase=name, seconds=seconds))


@contextmanager
def open_session(
    settings: RunSettings,
    out: Path | None,
    *,
    resume: bool,
    observer: Observer,
    arrays: ArrayData | None = None,
    settle: Callable[[RunDirectory], RunSettings] | None = None,
) -> Iterator[Session]:
    """Lock the run directory, read and divide the data; nothing is recorded before `Session.begin`.

    Args:
        settings: resolved settings.
        out: the run directory; None takes a name under `runs/` from the settings.
        resume: go on with the run that the directory holds, or begin one.
        observer: hears of what is noteworthy about the data.
        arrays: the dataset, where it does not lie at `settings.source`.
        settle: gives the settings with nothing left open, once the directory is locked.

    Raises:
        DartboardError: the device, the directory or the data cannot be used; the directory is as it was.
    """
    device = find_device(settings.device)
    _check_recording(settings, device)
    clock = Clock()
    with RunDirectory(out or _default_directory(settings, resume=resume)) as run:
        settings = settle(run) if settle else settings
        run.check(settings.model_dump(mode="json"), resume=resume, migrate=migrate)
        started = time.perf_counter()
        dataset = load_dataset(arrays or settings.source, settings.data, progress=observer.reading)
        splits = make_splits(dataset, settings.data, settings.split_seed)
        normalization = measure_normalization(splits.view(dataset, "train"))
        yield Session(
            settings=settings,
            dataset=dataset,
            splits=splits,
            normalization=normalization,
            run=run,
            device=device,
            observer=observer,
            data_seconds=time.perf_counter() - started,
            clock=replace(clock, earlier=worked_seconds(run)),
        )


def _check_recording(settings: RunSettings, device: torch.device) -> None:
    if settings.search.cuda_graph and device.type not in GRAPHS:
        raise SettingsError(
            f"search.cuda_graph records steps on a CUDA device, and this run is on the {device.type}; leave it out, or "
            "choose another --device."
        )


def _default_directory(settings: RunSettings, *, resume: bool) -> Path:
    data = Path(settings.source).stem if settings.source else "digits"
    what = "train" if settings.genotype else settings.method.name
    seeds = f"{len(settings.seeds)}seeds" if settings.seeds else f"seed{settings.seed}"
    first = Path("runs") / "-".join(part for part in (data, settings.space, what, seeds) if part != AUTO)
    free = next_free(first)
    if not resume or free == first:
        return free
    number = int(free.name.rpartition("-")[2]) - 1
    return first if number == 1 else first.with_name(f"{first.name}-{number}")
