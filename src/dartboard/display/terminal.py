"""What a run looks like in the terminal: a live table, or plain lines where there is no terminal."""

import os
import platform
import time
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Self

import torch
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Column
from rich.text import Text

from dartboard.devices import device_name, find_device
from dartboard.display.trial_bars import TrialBars, describe_study, describe_trial
from dartboard.rows import Figures, Rows, Sentence
from dartboard.runs.events import Epoch, SearchEpoch
from dartboard.runs.observer import Observer
from dartboard.runs.trial_progress import StudyProgress
from dartboard.version import __version__
from dartboard.wording import count, duration, number, percent

__all__ = ["BarsDisplay", "LiveDisplay", "PlainDisplay", "VerboseDisplay", "describe_epoch"]

_SECONDS_BETWEEN_LINES = 5.0
_SECONDS_BETWEEN_LOOKS_AT_TRIALS = 60.0


def describe_epoch(event: Epoch) -> dict[str, str]:
    """The figures of an epoch event as texts for a reader: heading -> text."""
    facts, told = {"epoch": f"{event.epoch}/{event.epochs}"}, event.to_json()
    names = {
        "weight_loss": "weight loss",
        "alpha_loss": "alpha loss",
        "train_loss": "loss",
        "train_accuracy": "train accuracy",
        "validation_accuracy": "validation accuracy",
        "eigenvalue": "eigenvalue",
    }
    for key, name in names.items():
        if told.get(key) is not None:
            facts[name] = percent(told[key]) if key.endswith("accuracy") else number(told[key])
    facts["learning rate"] = f"{event.learning_rate:.2g}"
    if isinstance(event, SearchEpoch):
        facts["genotype"] = ", ".join(f"{times} {op}" for op, times in event.operation_counts.items())
    facts["time"] = duration(event.seconds)
    return facts


class PlainDisplay(Observer):
    """One line for everything that happens, for logs and pipes.

    Args:
        console: where the lines go.
    """

    def __init__(self, console: Console) -> None:
        self.console = console
        self._phase = ""
        self._started = 0.0
        self._done = 0
        self._read_at = time.monotonic()
        self._ends: float | None = None
        self._later: tuple[int, float | None] = (0, None)
        self._told: tuple[object, ...] = ()
        self._told_at = float("-inf")

    def expect(self, seconds: float) -> None:
        """Take down when the whole command is expected to end."""
        runs, each = self._later
        self._ends = time.monotonic() + seconds + runs * (seconds if each is None else each)

    def more_runs(self, left: int, seconds: float | None) -> None:
        """Take down what comes after the run at hand."""
        self._later = (left, seconds)
        if seconds is not None:
            self.expect(seconds)

    def _whole(self, phase: float = 0.0) -> str:
        """The time that is left of the whole command, no less than that of the phase; empty where it is not known."""
        return "" if self._ends is None else f"about {duration(max(phase, self._ends - time.monotonic()))}"

    def plan(self, rows: Mapping[str, str]) -> None:
        """Print what is about to be done."""
        for heading, text in rows.items():
            self._line(f"{heading}: {text}")

    def reading(self, done: int, total: int) -> None:
        """Say every few seconds how many images are read."""
        if time.monotonic() - self._read_at > _SECONDS_BETWEEN_LINES:
            self._read_at = time.monotonic()
            self._line(f"reading: {done} of {total} images")

    def study(self, progress: StudyProgress) -> None:
        """Say what runs when a trial has begun or ended, and every minute how far the running ones are."""
        now, told = time.monotonic(), (progress.done, progress.failed, *(trial.key for trial in progress.running))
        if told == self._told and now - self._told_at < _SECONDS_BETWEEN_LOOKS_AT_TRIALS:
            return
        self._told, self._told_at = told, now
        running = "; ".join(f"{trial.key}: {describe_trial(trial)}" for trial in progress.running)
        self._line(f"study: {describe_study(progress)}" + (f" ({running})" if running else ""))

    def note(self, sentence: str) -> None:
        """Print the sentence."""
        self._line(f"note: {sentence}")

    def begin(self, phase: str, *, epochs: int, steps: int, done: int) -> None:
        """Say that the phase begins or goes on."""
        self._phase, self._started, self._done = phase, time.monotonic(), done
        length = f"{count(epochs, 'epoch')} of {count(steps, 'step')}"
        self._line(f"{phase}: " + (f"resuming after epoch {done}, {length} in all" if done else f"starting, {length}"))

    def epoch(self, event: Epoch) -> None:
        """Print the epoch's figures and the time that is left."""
        finished = event.epoch - self._done
        left = (time.monotonic() - self._started) / finished * (event.epochs - event.epoch)
        facts = {**describe_epoch(event), "left": duration(left)}
        if whole := self._whole(left):
            facts["left in all"] = whole
        self._line(f"{self._phase}: " + ", ".join(f"{name} {text}" for name, text in facts.items()))

    def measured(self, name: str, done: int, total: int, *, phase: str = "analysis") -> None:
        """Say what has been measured."""
        self._line(f"{phase}: {name}, {done} of {total}")

    def _line(self, text: str) -> None:
        self.console.print(text, highlight=False, markup=False, soft_wrap=True)


class VerboseDisplay(PlainDisplay):
    """One line for everything that happens, with the time of day, and what can be known of the machine at the start.

    Args:
        console: where the lines go.
    """

    def __init__(self, console: Console) -> None:
        super().__init__(console)
        self._entered = False

    def __enter__(self) -> Self:
        """Say with what the work is done, the first time."""
        if not self._entered:
            self._entered = True
            libraries = f"dartboard {__version__}, Python {platform.python_version()}, torch {torch.__version__}"
            self._line(f"{libraries}; {device_name(find_device('auto'))}; process {os.getpid()} in {Path.cwd()}")
        return self

    def reading(self, done: int, total: int) -> None:
        """Say how many images are read, the last time too."""
        super().reading(done, total)
        if done == total:
            self._line(f"reading: {count(total, 'image')} read")

    def resize(self, *, epochs: int, steps: int, done: int) -> None:
        """Say how long the phase is now."""
        self._line(f"{self._phase}: {count(epochs, 'epoch')} of {count(steps, 'step')} from epoch {done} on")

    def end(self, phase: str) -> None:
        """Say how long the phase took."""
        self._line(f"{phase}: done after {duration(time.monotonic() - self._started)}")

    def _line(self, text: str) -> None:
        super()._line(f"{datetime.now():%H:%M:%S}  {text}")


class BarsDisplay(PlainDisplay):
    """A bar per phase with the time that is left, above the figures of each phase's last epoch; `render` draws them.

    Args:
        console: where sentences go.
    """

    def __init__(self, console: Console) -> None:
        super().__init__(console)
        self.clear()

    def clear(self) -> None:
        """Forget the bars and figures of an earlier run."""
        whole = Column(no_wrap=True)  # in a narrow terminal the bar alone becomes shorter
        self._progress = Progress(
            TextColumn("[bold]{task.description}", table_column=whole),
            BarColumn(None, table_column=Column(max_width=40)),
            MofNCompleteColumn(table_column=whole),
            TextColumn("{task.fields[unit]}", table_column=whole),
            TimeElapsedColumn(table_column=whole),
            TextColumn("left", table_column=whole),
            TimeRemainingColumn(table_column=whole),
            console=self.console,
        )
        self._figures: dict[TaskID, Figures] = {}
        self._task = self._progress.add_task("", visible=False, unit="")
        self._reading: TaskID | None = None
        self._measuring = False
        self._ends = None
        self._study: StudyProgress | None = None

    def render(self) -> RenderableType:
        """The bars and figures as they are now, and the time that is left of the whole command."""
        whole = [Text(f"left of the whole command: {left}")] if (left := self._whole()) else []
        trials = [TrialBars(self._study)] if self._study else []
        return Group(self._progress, *whole, *self._figures.values(), *trials)

    def study(self, progress: StudyProgress) -> None:
        """Move the bars of the trials."""
        self._study = progress

    def plan(self, rows: Mapping[str, str]) -> None:
        """Show what is about to be done."""
        self._say(Rows(rows))

    def note(self, sentence: str) -> None:
        """Show the sentence."""
        self._say(Sentence(f"note: {sentence}"))

    def reading(self, done: int, total: int) -> None:
        """Move the bar of the images."""
        if self._reading is None:
            self._reading = self._progress.add_task("reading", total=total, unit="images")
        self._progress.update(self._reading, completed=done)

    def begin(self, phase: str, *, epochs: int, steps: int, done: int) -> None:
        """Start the phase's bar."""
        self._phase = phase
        self._task = self._progress.add_task(phase, total=epochs * steps, completed=done * steps, unit="steps")

    def resize(self, *, epochs: int, steps: int, done: int) -> None:
        """Let the bar end where the phase now ends."""
        taken = int(self._progress.tasks[self._progress.task_ids.index(self._task)].completed)
        self._progress.update(self._task, total=taken + (epochs - done) * steps)

    def step(self) -> None:
        """Move the bar."""
        self._progress.advance(self._task)

    def measured(self, name: str, done: int, total: int, *, phase: str = "analysis") -> None:  # noqa: ARG002 - its bar is named
        """Move the bar of the measurements, which is named after the last one."""
        if not self._measuring:
            self._task, self._measuring = self._progress.add_task("", total=total, unit="measurements"), True
        self._progress.update(self._task, description=name, completed=done)

    def epoch(self, event: Epoch) -> None:
        """Show the epoch's figures below the bars."""
        self._figures[self._task] = Figures(self._phase, describe_epoch(event))

    def _say(self, content: RenderableType) -> None:
        self.console.print(content, highlight=False, soft_wrap=True)


class LiveDisplay(BarsDisplay):
    """The bars and figures as a table that changes in place.

    Args:
        console: a terminal.
    """

    def __init__(self, console: Console) -> None:
        super().__init__(console)
        self._live = Live(console=console, get_renderable=self.render, refresh_per_second=4)

    def __enter__(self) -> Self:
        """Take the terminal and start with new bars."""
        if not self._live.is_started:
            self.clear()
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give the terminal back."""
        self._live.stop()
