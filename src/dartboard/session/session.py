"""The session of a run: settings, data, run directory, device and observer, which all steps share."""

import time
from collections.abc import Callable, Hashable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import torch

from dartboard.data import (
    ARRAYS_PREFIX,
    DECODER,
    ArrayData,
    DataCheck,
    Dataset,
    Normalization,
    Splits,
    check_dataset,
    load_dataset,
    make_splits,
    measure_normalization,
)
from dartboard.devices import GRAPHS, PeakMemory, find_device
from dartboard.errors import RunDirectoryError, SettingsError
from dartboard.records import DatasetRecord, RunDataset, Split, Timetable
from dartboard.runs import Observer, PhaseEnd, RunDirectory, next_free, write_text
from dartboard.session.clock import Clock, begun_seconds, phase_seconds, worked_seconds
from dartboard.settings.migration import migrate
from dartboard.settings.presets import AUTO
from dartboard.settings.tree import RunSettings
from dartboard.wording import printable

__all__ = ["Session", "open_session"]

_SUMMARY_FILES = ("result.json", "facts.json")
"""The first and the last of the summary files that a run writes at its end."""


@dataclass(frozen=True)
class Session:
    """One run in progress.

    Attributes:
        settings: resolved settings.
        dataset: images and labels.
        splits: indices of the images for training, validation and test.
        normalization: mean and standard deviation of the training images.
        checked: what the check of the data found.
        run: the run directory, locked.
        device: device on which everything is computed.
        observer: is told about all events.
        data_seconds: seconds for reading and splitting the data.
        clock: counts the seconds of work on the run.
        timetable: phase -> planned seconds; empty without a budget.
        planning_seconds: seconds for planning the budget.
        expected: phase -> seconds that it is expected to take; empty where that is not known.
        timed: what was timed in this command, so that nothing is timed twice; all sessions of a command share it.
    """

    settings: RunSettings
    dataset: Dataset
    splits: Splits
    normalization: Normalization
    run: RunDirectory
    device: torch.device
    observer: Observer
    data_seconds: float
    checked: DataCheck = field(default_factory=DataCheck)
    clock: Clock = field(default_factory=Clock)
    timetable: Mapping[str, float] = field(default_factory=dict)
    planning_seconds: float = 0.0
    expected: Mapping[str, float] = field(default_factory=dict)
    timed: dict[Hashable, Any] = field(default_factory=dict, compare=False)

    @property
    def spent(self) -> float:
        """Seconds of work on the run so far, including those of earlier, interrupted attempts."""
        return self.clock.spent

    @property
    def has_ended(self) -> bool:
        """Whether the run directory holds the summary files of a finished run."""
        return all(self.run.has(name) for name in _SUMMARY_FILES)

    def check_dataset(self) -> None:
        """Refuse a dataset that differs from that of the run in the directory, if there is one; nothing is written.

        Raises:
            RunDirectoryError: a resumed run would continue with another dataset.
        """
        change, before = self.change_since(self.run.path), self._earlier_source
        if before == self.settings.source:
            now = f"the dataset has changed since the run in {self.run.path} began"
        else:
            now = (
                f"the run in {self.run.path} began with {_told(before)}, and {_told(self.settings.source)} "
                "cannot take their place"
            )
            change = change or self._doubt()
        if change:
            raise RunDirectoryError(f"{now} ({change}); give the same data, or begin a new run with another --out.")

    def follow_dataset(self) -> None:
        """Record where the dataset lies now, if it has moved since the run in the directory began, and say so."""
        before = self._earlier_source
        if before != self.settings.source:
            self.observer.note(
                f"The run began with {_told(before)}; {_told(self.settings.source)} hold the same images and labels, "
                "so it goes on with them."
            )
            _record_source(self.run, self.settings)

    @property
    def _earlier_source(self) -> str | None:
        """Where the run in the directory found its dataset; the place of now, if there is no run yet."""
        if not self.run.has("settings.json"):
            return self.settings.source
        return self.run.read_as("settings.json", _source_of)

    def _doubt(self) -> str:
        """Why a dataset at another place may not be that of the run, in a few words; empty if it is."""
        recorded = RunDataset.find(self.run.path)
        if recorded is None:
            return "its images are not recorded"
        return "other images or labels" if recorded.changed_sets(self._run_dataset) else ""

    def change_since(self, run: Path) -> str:
        """What of the dataset is not as in the run in a directory, in a few words; empty if all is.

        Directories of earlier versions record only how the images were split.
        """
        recorded, split = RunDataset.find(run), Split.find(run)
        change = recorded.change(self._run_dataset) if recorded else ""
        return change or ("another split" if split and split != Split.of(self.splits) else "")

    def _record_dataset(self) -> None:
        recorded, now = RunDataset.find(self.run.path), self._run_dataset
        if recorded and recorded.changed_sets(now):
            self.observer.note(
                f"The images are not those that the run began with: {now.decoder} decodes them otherwise than "
                f"{recorded.decoder}, or they were replaced."
            )
        if recorded != now:
            now.write(self.run.path)

    @property
    def dataset_record(self) -> DatasetRecord:
        """The dataset, its parts and what was found in them, as runs record it."""
        return DatasetRecord.of(self.dataset, self.splits, self.checked.findings)

    @cached_property
    def _run_dataset(self) -> RunDataset:
        return RunDataset(dataset=self.dataset_record, contents=dict(self.checked.contents), decoder=DECODER)

    def begin(self) -> None:
        """Record settings and split in the run directory, which is kept from now on; an old summary is deleted.

        Raises:
            RunDirectoryError: a resumed run would continue with another dataset.
        """
        self.check_dataset()
        for name in _SUMMARY_FILES:
            (self.run.path / name).unlink(missing_ok=True)
        self.run.claim(self.settings.model_dump(mode="json"))
        Split.of(self.splits).write(self.run.path)
        self._record_dataset()
        if self.dataset.description:
            write_text(self.run.path / "description.md", self.dataset.description)
        if self.timetable and not Timetable.exists(self.run.path):
            Timetable.of(self.timetable).write(self.run.path)
        self.run.events.append(PhaseEnd(phase="data", seconds=self.data_seconds))
        if self.planning_seconds:
            self.run.events.append(PhaseEnd(phase="planning", seconds=self.planning_seconds))

    @contextmanager
    def inside(self, folder: str, changes: Mapping[str, Any]) -> Iterator["Session"]:
        """The session of an inner run, on the same images, with other settings; an earlier inner run is resumed.

        Args:
            folder: folder of the inner run in this run directory, as in `finalists/2`.
            changes: settings that differ from those of this run.

        Raises:
            RunDirectoryError: the folder holds a run that began with other settings.
        """
        settings, path = self.settings.model_copy(update=changes), self.run.path / folder
        path.parent.mkdir(exist_ok=True)
        with RunDirectory(path) as run:
            run.check(settings.model_dump(mode="json"), resume=True, migrate=partial(_at_place_of, settings))
            _record_source(run, settings)
            yield replace(
                self, settings=settings, run=run, data_seconds=0.0, timetable={}, planning_seconds=0.0, expected={}
            )

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Record the seconds of a phase once, when it first ends.

        They include the recorded epochs, measurements and inner runs of earlier, interrupted attempts. The observer is
        told how long the rest of the command is expected to take.
        """
        if self.expected:
            ended = phase_seconds(self.run)
            self.observer.expect(sum(seconds for phase, seconds in self.expected.items() if phase not in ended))
        earlier = begun_seconds(self.run, name)
        started, memory = time.perf_counter(), PeakMemory(self.device)
        yield
        if name in phase_seconds(self.run):
            return
        seconds = earlier + time.perf_counter() - started
        self.run.events.append(PhaseEnd(phase=name, seconds=seconds, memory=memory.taken()))


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
    """Lock the run directory, and read and split the data; nothing is recorded before `Session.begin`.

    Args:
        settings: resolved settings.
        out: the run directory; None takes a name under `runs/` from the settings.
        resume: continue the run in the directory, or begin one there.
        observer: is told about the reading of the data.
        arrays: the dataset, if it was given as arrays instead of `settings.source`.
        settle: makes the automatic choices once the directory is locked, and returns the complete settings.

    Raises:
        DartboardError: the device, the directory or the data cannot be used; the directory is then unchanged.
    """
    device = find_device(settings.device)
    _check_recording(settings, device)
    clock = Clock()
    with RunDirectory(out or _default_directory(settings, resume=resume)) as run:
        settings = settle(run) if settle else settings
        run.check(settings.model_dump(mode="json"), resume=resume, migrate=partial(_at_place_of, settings))
        started = time.perf_counter()
        dataset = load_dataset(arrays or settings.source, settings.data, progress=observer.reading)
        splits = make_splits(dataset, settings.data, settings.split_seed)
        normalization = measure_normalization(splits.view(dataset, "train"))
        checked = check_dataset(dataset, splits)
        yield Session(
            settings=settings,
            dataset=dataset,
            splits=splits,
            normalization=normalization,
            checked=checked,
            run=run,
            device=device,
            observer=observer,
            data_seconds=time.perf_counter() - started,
            clock=replace(clock, earlier=worked_seconds(run)),
        )


def _at_place_of(settings: RunSettings, recorded: Mapping[str, Any]) -> dict[str, Any]:
    """Recorded settings with the dataset at the place that it has now; `Session.check_dataset` compares its images."""
    return {**migrate(recorded), "source": settings.source}


def _source_of(recorded: Mapping[str, Any]) -> str | None:
    source = recorded["source"]
    if not isinstance(source, str | None):
        raise TypeError(f"source is a {type(source).__name__} rather than a text")
    return source


def _record_source(run: RunDirectory, settings: RunSettings) -> None:
    """Record where the dataset lies, if the directory holds a run that began with another place."""
    if run.has("settings.json") and (recorded := run.read("settings.json")).get("source") != settings.source:
        run.write("settings.json", {**recorded, "source": settings.source})


def _told(source: str | None) -> str:
    """A dataset in words."""
    if source is None:
        return "scikit-learn's digits"
    return "arrays" if source.startswith(ARRAYS_PREFIX) else f"the data in {source}"


def _check_recording(settings: RunSettings, device: torch.device) -> None:
    if settings.search.cuda_graph and device.type not in GRAPHS:
        raise SettingsError(
            f"search.cuda_graph needs a CUDA device, but this run uses the device {device.type}; leave the setting "
            "out, or choose another --device."
        )


def _default_directory(settings: RunSettings, *, resume: bool) -> Path:
    data = printable(Path(settings.source).stem) if settings.source else "digits"
    what = "train" if settings.genotype else settings.method.name
    seeds = f"{len(settings.seeds)}seeds" if settings.seeds else f"seed{settings.seed}"
    first = Path("runs") / "-".join(part for part in (data, settings.space, what, seeds) if part != AUTO)
    free = next_free(first)
    if not resume or free == first:
        return free
    number = int(free.name.rpartition("-")[2]) - 1
    return first if number == 1 else first.with_name(f"{first.name}-{number}")
